//! Every error that the AWS APIs answer with is compared with the exceptions of the service models: the name exists for
//! the service, and the status is the model's. Deliberate differences are listed here, with their reasons.

use access::error::AwsCode;
use aws::shape::Exception;
use aws::{ecr, ecr_public, event_bridge, iam, organizations, secrets_manager, service_quotas, sts};

/// "Common errors" of the API references: the service models do not contain them.
const COMMON: &str = "a common error of all operations";

fn status_of(exceptions: &[Exception], name: &str) -> Option<u16> {
    exceptions.iter().find(|known| known.code == name).map(|known| known.status)
}

/// The exceptions of the service that a code belongs to.
fn exceptions_of(code: AwsCode) -> &'static [Exception] {
    match code {
        AwsCode::NoSuchEntity
        | AwsCode::EntityAlreadyExists
        | AwsCode::DeleteConflict
        | AwsCode::IamLimitExceeded
        | AwsCode::MalformedPolicyDocument
        | AwsCode::InvalidAuthenticationCode
        | AwsCode::InvalidUserType
        | AwsCode::PasswordPolicyViolation
        | AwsCode::ReportNotPresent
        | AwsCode::ReportExpired
        | AwsCode::ReportInProgress
        | AwsCode::EntityTemporarilyUnmodifiable
        | AwsCode::InvalidInput
        | AwsCode::UnmodifiableEntity
        | AwsCode::PolicyNotAttachable
        | AwsCode::ValidationError => &iam::EXCEPTIONS,
        AwsCode::PackedPolicyTooLarge
        | AwsCode::InvalidParameterValue
        | AwsCode::InvalidIdentityToken
        | AwsCode::ExpiredIdentityToken
        | AwsCode::IdpRejectedClaim
        | AwsCode::IdpCommunicationError
        | AwsCode::InvalidAuthorizationMessage => &sts::EXCEPTIONS,
        AwsCode::EventResourceExists
        | AwsCode::EventResourceNotFound
        | AwsCode::ConcurrentModification
        | AwsCode::InvalidEventPattern => &event_bridge::EXCEPTIONS,
        AwsCode::SecretInvalidParameter
        | AwsCode::SecretInvalidRequest
        | AwsCode::SecretInvalidNextToken
        | AwsCode::SecretLimitExceeded
        | AwsCode::SecretMalformedPolicy
        | AwsCode::SecretExists => &secrets_manager::EXCEPTIONS,
        AwsCode::IllegalArgument | AwsCode::InvalidPaginationToken | AwsCode::NoSuchResource => {
            &service_quotas::EXCEPTIONS
        }
        _ => &organizations::EXCEPTIONS,
    }
}

#[test]
fn errors_of_iam_sts_and_organizations_are_the_models() {
    let differs = |code: &&AwsCode| status_of(exceptions_of(**code), code.name()) != Some(code.status());
    let different: Vec<_> =
        AwsCode::ALL.iter().filter(differs).map(|code| (code.name(), code.status())).collect();
    let deliberate = [("ValidationError", 400, COMMON), ("InvalidParameterValue", 400, COMMON)];
    assert_eq!(different, deliberate.map(|(name, status, _)| (name, status)));
    // STS has the same error as IAM for a policy document.
    assert_eq!(status_of(&sts::EXCEPTIONS, "MalformedPolicyDocument"), Some(400));
}

#[test]
fn errors_of_ecr_are_the_models() {
    let mut different = Vec::new();
    for entry in server::error_table() {
        let (name, status) = (entry.aws, entry.aws_status.as_u16());
        let modelled = status_of(&ecr::EXCEPTIONS, name).or_else(|| status_of(&ecr_public::EXCEPTIONS, name));
        if modelled != Some(status) {
            different.push((name, status));
        }
    }
    let deliberate = [
        ("AccessDeniedException", 400, COMMON),
        ("UnrecognizedClientException", 400, COMMON),
        ("ExpiredTokenException", 400, COMMON),
        ("RequestAbortedException", 400, COMMON),
        ("ThrottlingException", 400, COMMON),
        ("ServerException", 503, "the status says that a retry can succeed; the model has 500"),
    ];
    assert_eq!(different, deliberate.map(|(name, status, _)| (name, status)));
}

#[test]
fn errors_of_the_query_services_are_common_ones() {
    let names: Vec<_> =
        server::error_table().into_iter().filter_map(|entry| entry.query).map(|(name, _)| name).collect();
    for name in &names {
        assert_eq!((status_of(&iam::EXCEPTIONS, name), status_of(&sts::EXCEPTIONS, name)), (None, None));
    }
    let common =
        ["AccessDenied", "InvalidClientTokenId", "ExpiredToken", "ServiceUnavailable", "InternalFailure"];
    assert_eq!(names, common);
}

#[test]
fn exceptions_have_the_members_that_answers_add() {
    let members = |exceptions: &'static [Exception], name: &str| {
        exceptions.iter().find(|known| known.code == name).map(|known| known.members).unwrap_or_default()
    };
    for member in ["registryId", "repositoryName", "uploadId", "lastValidByteReceived"] {
        assert!(members(&ecr::EXCEPTIONS, "InvalidLayerPartException").contains(&member), "{member}");
    }
    for name in ["InvalidInputException", "ConstraintViolationException"] {
        assert!(members(&organizations::EXCEPTIONS, name).contains(&"Reason"), "{name}");
    }
}

#[test]
fn an_invalid_request_has_an_exception_of_ecr() {
    let invalid = [aws::shape::Invalid::parameter("a", "b"), aws::shape::Invalid::tag_parameter("a")];
    for invalid in invalid {
        assert_eq!(status_of(&ecr::EXCEPTIONS, invalid.code()), Some(400), "{}", invalid.code());
    }
}
