//! docs/compat.md agrees with the lists of operations: each operation of a service has one row, whose state says whether
//! Wharf has the operation.

use std::collections::BTreeMap;

use aws::service::Service;

macro_rules! names {
    (
        operations { $($name:ident: $action:literal on $resource:ident => $request:ident, $method:ident;)* }
        unsigned { $($unsigned:ident: $unsigned_action:literal on $unsigned_resource:ident;)* }
        permissions { $($permissions:tt)* }
    ) => {
        vec![$(stringify!($name),)* $(stringify!($unsigned),)*]
    };
}

/// The heading of a service, the operations that it has in Wharf, and those of its model. The models of IAM, STS,
/// Organizations and EventBridge contain only the operations that Wharf has.
fn section(service: Service) -> (&'static str, Vec<&'static str>, &'static [&'static str]) {
    match service {
        Service::Ecr => ("Amazon ECR API", aws::ecr_operations! { names }, &aws::ecr::OPERATIONS),
        Service::EcrPublic => {
            ("Amazon ECR Public", aws::ecr_public_operations! { names }, &aws::ecr_public::OPERATIONS)
        }
        Service::Iam => ("IAM", aws::iam_operations! { names }, &aws::iam::OPERATIONS),
        Service::Sts => ("STS", aws::sts_operations! { names }, &aws::sts::OPERATIONS),
        Service::Organizations => {
            ("Organizations", aws::organizations_operations! { names }, &aws::organizations::OPERATIONS)
        }
        Service::EventBridge => {
            ("EventBridge", aws::event_bridge_operations! { names }, &aws::event_bridge::OPERATIONS)
        }
        Service::SecretsManager => {
            ("Secrets Manager", aws::secrets_manager_operations! { names }, &aws::secrets_manager::OPERATIONS)
        }
        Service::ServiceQuotas => {
            ("Service Quotas", aws::service_quotas_operations! { names }, &aws::service_quotas::OPERATIONS)
        }
        Service::Tagging => {
            ("Resource Groups Tagging API", aws::tagging_operations! { names }, &aws::tagging::OPERATIONS)
        }
    }
}

/// The operations in the table under a heading, with their states.
fn rows<'a>(page: &'a str, heading: &str) -> Vec<(&'a str, &'a str)> {
    let heading = format!("## {heading}");
    let lines = page.lines().skip_while(|line| *line != heading);
    let table = lines.skip_while(|line| !line.starts_with("| operation |")).skip(2);
    let mut rows = Vec::new();
    for row in table.take_while(|line| line.starts_with('|')) {
        let mut columns = row.split('|').skip(1).map(str::trim);
        let (names, state) = (columns.next().unwrap(), columns.next().unwrap());
        rows.extend(names.split(", ").map(|name| (name, state)));
    }
    rows
}

#[test]
fn the_page_has_each_operation_once_with_its_state() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/compat.md")).unwrap();
    for service in Service::ALL {
        let (heading, served, model) = section(service);
        let mut listed = BTreeMap::new();
        for (name, state) in rows(&page, heading) {
            assert!(model.contains(&name), "{heading} has no operation {name}");
            assert_eq!(listed.insert(name, state), None, "{heading}: {name} is listed twice");
        }
        for name in model {
            let expected: &[&str] = if served.contains(name) { &["done", "partial"] } else { &["not yet"] };
            let state = listed.get(name).copied();
            assert!(
                state.is_some_and(|state| expected.contains(&state)),
                "{heading}: the state of {name} is {state:?}, and must be one of {expected:?}"
            );
        }
    }
}
