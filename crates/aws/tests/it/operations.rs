//! The lists of operations and the generated shapes agree.

macro_rules! names {
    (
        operations { $($name:ident: $action:literal on $resource:ident => $request:ident, $method:ident;)* }
        unsigned { $($unsigned:ident: $unsigned_action:literal on $unsigned_resource:ident;)* }
        permissions { $($permissions:tt)* }
    ) => {
        [$(stringify!($name),)* $(stringify!($unsigned),)*]
    };
}

fn sorted<const N: usize>(mut names: [&'static str; N]) -> [&'static str; N] {
    names.sort_unstable();
    names
}

#[test]
fn every_operation_of_iam_sts_and_organizations_has_shapes() {
    assert_eq!(sorted(aws::iam_operations! { names }), sorted(aws::iam::OPERATIONS));
    assert_eq!(sorted(aws::sts_operations! { names }), sorted(aws::sts::OPERATIONS));
    assert_eq!(sorted(aws::organizations_operations! { names }), sorted(aws::organizations::OPERATIONS));
    assert_eq!(sorted(aws::event_bridge_operations! { names }), sorted(aws::event_bridge::OPERATIONS));
}
