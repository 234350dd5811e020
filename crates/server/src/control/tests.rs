//! The list of operations against the model's names, and the faults in both dialects.

use std::collections::BTreeSet;

use access::error::{Code, Error, Field};
use aws::dialect::Dialect;
use aws::ecr::OPERATIONS;
use aws::sigv4::SigV4Error;

use super::ecr::{NAMES, find};
use super::fault::Fault;

#[test]
fn every_operation_is_one_of_the_models_and_stands_once() {
    let names: BTreeSet<_> = NAMES.iter().collect();
    assert_eq!(names.len(), NAMES.len());
    assert!(NAMES.iter().all(|name| OPERATIONS.contains(name)));
    assert_eq!(find("PutImage"), Some("PutImage"));
    assert_eq!(find("putImage"), None);
}

#[test]
fn every_operation_of_the_rules_can_be_called() {
    use access::op::Op;
    // Permissions that other operations ask for, and describing without names.
    let for_the_gate_alone = [Op::ListRepositories, Op::PassRole, Op::SetSourceIdentity, Op::TagSession];
    for op in Op::ALL.iter().filter(|op| !for_the_gate_alone.contains(op)) {
        let found = match op.action().split_once(':') {
            Some(("ecr", _)) => find(op.name()),
            Some(("iam", _)) => super::iam::find(op.name()),
            // Its requests are not signed, and come another way.
            Some(("sts", "AssumeRoleWithWebIdentity")) => Some(super::sts::WEB_IDENTITY),
            Some(("sts", _)) => super::sts::find(op.name(), aws::sts::VERSION),
            Some(("organizations", name)) => super::organizations::find(name),
            Some(("account", _)) => super::organizations::find("WharfRenameAccount"),
            _ => None,
        };
        assert!(found.is_some(), "{}", op.name());
    }
}

#[test]
fn every_operation_that_can_be_called_is_one_of_the_rules() {
    use access::op::Op;
    // AWS lets everybody do these.
    let of_everybody = ["GetCallerIdentity", "GetSessionToken"];
    let known = |service: &str, name: &str| {
        Op::ALL.iter().any(|op| op.action().starts_with(service) && op.name() == name)
    };
    let of_accounts = |name: &str| {
        let action = format!("organizations:{name}");
        name == "WharfRenameAccount" || Op::ALL.iter().any(|op| op.action() == action)
    };
    assert!(NAMES.iter().all(|name| known("ecr:", name)));
    assert!(super::iam::NAMES.iter().all(|name| known("iam:", name)));
    assert!(super::sts::NAMES.iter().all(|name| known("sts:", name) || of_everybody.contains(name)));
    assert!(super::organizations::NAMES.iter().all(|name| of_accounts(name)));
}

#[test]
fn a_refusal_has_the_name_of_its_dialect() {
    let json = Fault::signature(&SigV4Error::UnknownKey, Dialect::Json);
    assert_eq!((json.status.as_u16(), json.code.as_ref()), (400, "UnrecognizedClientException"));
    let query = Fault::signature(&SigV4Error::UnknownKey, Dialect::Query);
    assert_eq!((query.status.as_u16(), query.code.as_ref()), (403, "InvalidClientTokenId"));
    let failure = Fault::rules(Error::internal(std::io::Error::other("disk")), Dialect::Query);
    assert_eq!((failure.status.as_u16(), failure.code.as_ref()), (500, "InternalFailure"));
    assert_eq!(failure.failure.as_deref(), Some("disk"));
    assert!(!failure.message.contains("disk"));
}

#[test]
fn an_exceptions_members_stand_beside_its_message() {
    let error = Error::new(Code::InvalidLayerPart, "no").with(Field::Number("lastValidByteReceived", 7));
    let fault = Fault::rules(error, Dialect::Json);
    assert_eq!(fault.code, "InvalidLayerPartException");
    assert_eq!(fault.extra, [("lastValidByteReceived", 7.into())]);
}

#[test]
fn a_server_error_is_in_the_dialect_of_its_request() {
    use aws::query::{Format, STS};

    use crate::error::Style;
    let kind = |style: Style| {
        let response = style.no_room("id-1");
        let kind = response.headers().get(http::header::CONTENT_TYPE).unwrap().to_str().unwrap().to_owned();
        (response.status().as_u16(), style.panicked("id-1").status().as_u16(), kind)
    };
    assert_eq!(kind(Style::Data), (503, 500, "application/json".to_owned()));
    assert_eq!(kind(Style::Json), (503, 500, "application/x-amz-json-1.1".to_owned()));
    assert_eq!(kind(Style::Query(STS, Format::Xml)), (503, 500, "text/xml".to_owned()));
}
