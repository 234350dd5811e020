//! Errors: a code that the server maps to both formats (OCI and AWS), a message for the caller, and a cause only for
//! the log.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use oci::digest::Digest;

/// Every error of the registry. The server maps each to an OCI code, an AWS exception and a status in one exhaustive
/// match; `docs/errors.md` has the same table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of ECR's exceptions and of the OCI error codes")]
pub enum Code {
    // ECR's exceptions.
    InvalidParameter,
    RepositoryNotFound,
    RepositoryAlreadyExists,
    RepositoryNotEmpty,
    ImageNotFound,
    ImageAlreadyExists,
    ImageTagAlreadyExists,
    ImageDigestDoesNotMatch,
    LayersNotFound,
    LayerAlreadyExists,
    LayerPartTooSmall,
    ReferencedImagesNotFound,
    UploadNotFound,
    InvalidLayer,
    InvalidLayerPart,
    EmptyUpload,
    InvalidTagParameter,
    TooManyTags,
    LimitExceeded,
    RepositoryPolicyNotFound,
    RegistryPolicyNotFound,
    ImageStorageClassUpdateNotSupported,
    LifecyclePolicyNotFound,
    LifecyclePolicyPreviewNotFound,
    LifecyclePolicyPreviewInProgress,
    ExclusionAlreadyExists,
    ExclusionNotFound,
    ScanNotFound,
    UnsupportedImageType,
    ImageArchived,
    ReplicationBackfillInProgress,
    ReplicationBackfillInvalidStatus,
    ReplicationBackfillNotFound,
    PullThroughCacheRuleAlreadyExists,
    PullThroughCacheRuleNotFound,
    UnsupportedUpstreamRegistry,
    SecretNotFound,
    UnableToAccessSecret,
    UnableToDecryptSecretValue,
    UpstreamAccessDenied,
    UpstreamTooManyRequests,
    UpstreamUnavailable,
    TemplateAlreadyExists,
    TemplateNotFound,
    Validation,
    // ECR Public's exceptions.
    RegistryNotFound,
    RepositoryCatalogDataNotFound,
    UnsupportedCommand,
    // The specification's.
    BlobUnknown,
    BlobInUse,
    ManifestUnknown,
    ManifestReferenced,
    ImageProtected,
    ManifestInvalid,
    ManifestTooLarge,
    ManifestSchema1,
    DigestInvalid,
    NameInvalid,
    TagInvalid,
    UploadRangeInvalid,
    SizeInvalid,
    // Either plane.
    AccessDenied,
    InvalidToken,
    ExpiredToken,
    ClientGone,
    Throttled,
    OutOfSpace,
    Unavailable,
    Internal,
    /// An error of another service than ECR. The data plane never returns it.
    Aws(AwsCode),
}

macro_rules! aws_codes {
    ($($code:ident: $name:literal $status:literal;)*) => {
        /// The errors of the services other than ECR, with the names and statuses of their API references.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the names are those of AWS's errors")]
        pub enum AwsCode { $($code,)* }

        impl AwsCode {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$code),*];

            /// The name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$code => $name,)* }
            }

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$code => $status,)* }
            }
        }
    };
}

aws_codes! {
    // IAM.
    NoSuchEntity: "NoSuchEntity" 404;
    EntityAlreadyExists: "EntityAlreadyExists" 409;
    DeleteConflict: "DeleteConflict" 409;
    IamLimitExceeded: "LimitExceeded" 409;
    MalformedPolicyDocument: "MalformedPolicyDocument" 400;
    InvalidInput: "InvalidInput" 400;
    UnmodifiableEntity: "UnmodifiableEntity" 400;
    PolicyNotAttachable: "PolicyNotAttachable" 400;
    ValidationError: "ValidationError" 400;
    InvalidAuthenticationCode: "InvalidAuthenticationCode" 403;
    InvalidUserType: "InvalidUserType" 400;
    PasswordPolicyViolation: "PasswordPolicyViolation" 400;
    ReportNotPresent: "ReportNotPresent" 410;
    ReportExpired: "ReportExpired" 410;
    ReportInProgress: "ReportInProgress" 404;
    EntityTemporarilyUnmodifiable: "EntityTemporarilyUnmodifiable" 409;
    // STS.
    PackedPolicyTooLarge: "PackedPolicyTooLarge" 400;
    InvalidParameterValue: "InvalidParameterValue" 400;
    InvalidIdentityToken: "InvalidIdentityToken" 400;
    ExpiredIdentityToken: "ExpiredTokenException" 400;
    IdpRejectedClaim: "IDPRejectedClaim" 403;
    IdpCommunicationError: "IDPCommunicationError" 400;
    InvalidAuthorizationMessage: "InvalidAuthorizationMessageException" 400;
    // Organizations.
    AccountNotFound: "AccountNotFoundException" 400;
    AccountAlreadyClosed: "AccountAlreadyClosedException" 400;
    AlreadyInOrganization: "AlreadyInOrganizationException" 400;
    ChildNotFound: "ChildNotFoundException" 400;
    ConstraintViolation: "ConstraintViolationException" 400;
    CreateAccountStatusNotFound: "CreateAccountStatusNotFoundException" 400;
    DestinationParentNotFound: "DestinationParentNotFoundException" 400;
    DuplicateAccount: "DuplicateAccountException" 400;
    DuplicateOrganizationalUnit: "DuplicateOrganizationalUnitException" 400;
    MasterCannotLeave: "MasterCannotLeaveOrganizationException" 400;
    OrganizationInvalidInput: "InvalidInputException" 400;
    OrganizationNotEmpty: "OrganizationNotEmptyException" 400;
    OrganizationalUnitNotEmpty: "OrganizationalUnitNotEmptyException" 400;
    OrganizationalUnitNotFound: "OrganizationalUnitNotFoundException" 400;
    OrganizationsNotInUse: "AWSOrganizationsNotInUseException" 400;
    ParentNotFound: "ParentNotFoundException" 400;
    SourceParentNotFound: "SourceParentNotFoundException" 400;
    TargetNotFound: "TargetNotFoundException" 400;
    // EventBridge.
    EventResourceExists: "ResourceAlreadyExistsException" 400;
    EventResourceNotFound: "ResourceNotFoundException" 400;
    ConcurrentModification: "ConcurrentModificationException" 400;
    InvalidEventPattern: "InvalidEventPatternException" 400;
    // Secrets Manager.
    SecretInvalidParameter: "InvalidParameterException" 400;
    SecretInvalidRequest: "InvalidRequestException" 400;
    SecretInvalidNextToken: "InvalidNextTokenException" 400;
    SecretLimitExceeded: "LimitExceededException" 400;
    SecretMalformedPolicy: "MalformedPolicyDocumentException" 400;
    SecretExists: "ResourceExistsException" 400;
    // Service Quotas.
    IllegalArgument: "IllegalArgumentException" 400;
    InvalidPaginationToken: "InvalidPaginationTokenException" 400;
    NoSuchResource: "NoSuchResourceException" 400;
}

/// A member of an AWS exception in addition to its message (`InvalidLayerPartException` has four).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// A string member.
    Text(&'static str, String),
    /// A number member.
    Number(&'static str, i64),
}

/// The cause of a failure, only for the log. It has no `Display`, so it cannot get into an answer.
#[derive(Clone)]
pub struct Internal(Arc<dyn std::error::Error + Send + Sync>);

impl Internal {
    /// The whole chain of causes, outermost first, for the log line of a failed request.
    pub fn chain(&self) -> String {
        let mut text = self.0.to_string();
        let mut cause = self.0.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

impl fmt::Debug for Internal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Internal").field(&self.chain()).finish()
    }
}

/// A refusal or failure of an operation.
#[derive(Clone, Debug)]
pub struct Error {
    /// The kind of error.
    pub code: Code,
    /// The message for the caller.
    pub message: Cow<'static, str>,
    /// Members of the AWS exception in addition to the message.
    pub fields: Vec<Field>,
    /// The missing blobs or manifests, for the data plane's `detail`.
    pub missing: Vec<Digest>,
    /// The cause, for the log.
    pub internal: Option<Internal>,
}

/// The result of an operation.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with a message for the caller.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), fields: Vec::new(), missing: Vec::new(), internal: None }
    }

    /// A refusal of another service than ECR.
    pub fn aws(code: AwsCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Aws(code), message)
    }

    /// An internal error: the caller learns only that it happened.
    pub fn internal(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        let message = "An internal error occurred. Give the request id to the operator of this registry.";
        Self { internal: Some(Internal(Arc::new(cause))), ..Self::new(Code::Internal, message) }
    }

    /// The store cannot answer now; a retry may succeed.
    pub fn unavailable(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        let message = "The registry's store is not available at the moment. Try again shortly.";
        Self { internal: Some(Internal(Arc::new(cause))), ..Self::new(Code::Unavailable, message) }
    }

    /// The store is read-only while it is moved.
    pub fn read_only(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        let message = "This registry is read-only while its data is moved to another place. Images can be pulled; try \
            changes again later.";
        Self { internal: Some(Internal(Arc::new(cause))), ..Self::new(Code::Unavailable, message) }
    }

    /// ECR's message for an invalid parameter (`Invalid parameter at 'x' failed to satisfy …`).
    pub fn invalid_parameter(member: &str, constraint: &str) -> Self {
        Self::new(
            Code::InvalidParameter,
            format!("Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'"),
        )
    }

    /// The same error about these blobs or manifests.
    #[must_use]
    pub fn about(mut self, missing: Vec<Digest>) -> Self {
        self.missing = missing;
        self
    }

    /// The same error with its cause, for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.internal = Some(Internal(Arc::new(cause)));
        self
    }

    /// The same error with one more member for the AWS exception.
    #[must_use]
    pub fn with(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
