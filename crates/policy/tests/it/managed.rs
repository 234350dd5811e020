//! The AWS-managed policies.

use policy::{Context, Decision, Policy, Request, SourceName, evaluate_identity};

#[test]
fn administrator_access_allows_everything() {
    let policy =
        Policy::parse(policy::managed::find("arn:aws:iam::aws:policy/AdministratorAccess").unwrap()).unwrap();
    let name = SourceName::new("AdministratorAccess");
    let context = Context::new();
    for (action, resource) in [
        ("ecr:GetAuthorizationToken", "*"),
        ("ecr:PutImage", "arn:aws:ecr:us-east-1:111122223333:repository/a/b"),
    ] {
        let decision =
            evaluate_identity(&[(&name, &policy)], &Request { action, resource, context: &context });
        assert!(matches!(decision, Decision::Allow(_)), "{action}: {decision:?}");
    }
}

#[test]
fn every_document_is_a_valid_identity_policy() {
    for managed in policy::managed::all() {
        let policy =
            Policy::parse(managed.document).unwrap_or_else(|error| panic!("{}: {error}", managed.name));
        assert_eq!(policy.check(policy::Use::Identity), Ok(()), "{}", managed.name);
        assert_eq!(policy::managed::find_policy(&managed.arn()), Some(managed));
        let updated: jiff::Timestamp = managed.updated_at.parse().unwrap();
        assert!(managed.created_at.parse::<jiff::Timestamp>().unwrap() <= updated, "{}", managed.name);
    }
}

#[test]
fn a_policy_has_one_arn() {
    for name in [
        "ReadOnlyAccess",
        "service-role/AmazonECSTaskExecutionRolePolicy",
        "service-role/AmazonEC2ContainerServiceforEC2Role",
    ] {
        assert!(policy::managed::find(&format!("arn:aws:iam::aws:policy/{name}")).is_some(), "{name}");
    }
    for arn in [
        "ReadOnlyAccess",
        "arn:aws:iam::111122223333:policy/ReadOnlyAccess",
        "arn:aws:iam::aws:policy/readonlyaccess",
        "arn:aws:iam::aws:policy/ViewOnlyAccess",
        "arn:aws-cn:iam::aws:policy/ReadOnlyAccess",
        "arn:aws-us-gov:iam::aws:policy/ReadOnlyAccess",
        "arn:aws-evil:iam::aws:policy/ReadOnlyAccess",
    ] {
        assert!(policy::managed::find(arn).is_none(), "{arn}");
    }
}

#[test]
fn every_aws_managed_policy_exists() {
    for name in [
        "service-role/AWSLambdaBasicExecutionRole",
        "AmazonS3ReadOnlyAccess",
        "AutoScalingFullAccess",
        "aws-service-role/AutoScalingServiceRolePolicy",
        "job-function/Billing",
        "root-task/IAMDeleteRootUserCredentials",
    ] {
        assert!(policy::managed::find(&format!("arn:aws:iam::aws:policy/{name}")).is_some(), "{name}");
    }
    assert!(
        policy::managed::find("arn:aws:iam::aws:policy/AWSLambdaBasicExecutionRole").is_none(),
        "its path counts"
    );
    assert!(policy::managed::find("arn:aws:iam::aws:policy/NoSuchPolicy").is_none());
    let names: Vec<_> = policy::managed::all().iter().map(|policy| policy.name).collect();
    assert!(names.len() > 1_500 && names.is_sorted_by(|a, b| a < b), "{} names", names.len());
}

#[test]
fn shortened_policies_say_so_and_decide_for_existing_services() {
    let of = |name: &str| policy::managed::find_policy(&format!("arn:aws:iam::aws:policy/{name}")).unwrap();
    for (name, shortened) in [
        ("AmazonS3ReadOnlyAccess", true),
        ("ReadOnlyAccess", true),
        ("AdministratorAccess", false),
        ("IAMReadOnlyAccess", false),
    ] {
        assert_eq!(of(name).is_shortened, shortened, "{name}");
    }
    for (name, action, expected) in [
        ("service-role/AWSAppRunnerServicePolicyForECRAccess", "ecr:BatchGetImage", true),
        ("AmazonS3ReadOnlyAccess", "ecr:BatchGetImage", false),
        ("IAMReadOnlyAccess", "iam:GetUser", true),
        ("IAMReadOnlyAccess", "iam:CreateUser", false),
        ("AWSDenyAll", "ecr:BatchGetImage", false),
    ] {
        let policy = crate::request::policy(of(name).document);
        let allowed = crate::request::allows(&policy, action, crate::request::APP, &Context::new());
        assert_eq!(allowed, expected, "{name} {action}");
    }
}

#[test]
fn every_service_linked_role_has_a_policy() {
    let roles: Vec<_> = policy::service_role::all().collect();
    assert!(roles.len() > 150, "{} roles", roles.len());
    assert!(roles.is_sorted_by(|a, b| a.service < b.service), "each service once, in order");
    for role in roles {
        assert!(policy::managed::find(&role.policy_arn()).is_some(), "{role:?}");
        assert!(role.role.starts_with("AWSServiceRoleFor"), "{role:?}");
        assert!(role.service.ends_with(".amazonaws.com"), "{role:?}");
    }
}

#[test]
fn ecrs_policies_allow_what_their_names_say() {
    let app = crate::request::APP;
    for (name, action, expected) in [
        ("AmazonEC2ContainerRegistryPullOnly", "ecr:BatchGetImage", true),
        ("AmazonEC2ContainerRegistryPullOnly", "ecr:DescribeImages", false),
        ("AmazonEC2ContainerRegistryReadOnly", "ecr:DescribeImages", true),
        ("AmazonEC2ContainerRegistryReadOnly", "ecr:PutImage", false),
        ("AmazonEC2ContainerRegistryPowerUser", "ecr:PutImage", true),
        ("AmazonEC2ContainerRegistryPowerUser", "ecr:DeleteRepository", false),
        ("AmazonEC2ContainerRegistryFullAccess", "ecr:DeleteRepository", true),
        ("service-role/AmazonECSTaskExecutionRolePolicy", "ecr:BatchGetImage", true),
        ("service-role/AmazonECSTaskExecutionRolePolicy", "ecr:PutImage", false),
        ("service-role/AmazonEC2ContainerServiceforEC2Role", "ecr:GetDownloadUrlForLayer", true),
        ("PowerUserAccess", "ecr:DeleteRepository", true),
        ("PowerUserAccess", "iam:CreateUser", false),
        ("IAMFullAccess", "iam:CreateUser", true),
        ("IAMFullAccess", "ecr:PutImage", false),
    ] {
        let document = policy::managed::find(&format!("arn:aws:iam::aws:policy/{name}")).unwrap();
        let policy = crate::request::policy(document);
        assert_eq!(
            crate::request::allows(&policy, action, app, &Context::new()),
            expected,
            "{name} {action}"
        );
    }
}
