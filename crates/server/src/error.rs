//! Every error in both formats. One table, exhaustive over `access::error::Code`, contains the mapping; docs/errors.md
//! has the same table, and a test compares them.

use access::error::{Code, Error};
use aws::query::{self, Format};
use aws::service::Service;
use http::{HeaderName, HeaderValue, StatusCode, header};
use oci::error::ErrorCode;

use crate::body::{BodyError, ResponseBody};
use crate::control;
use crate::exchange::{Exchange, Response, answer, value};
use crate::ledger::{self, Full};
use crate::throttle::Throttled;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The errors of one code on the data plane and on the control plane.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The rules' code.
    pub code: Code,
    /// The OCI error code.
    pub oci: ErrorCode,
    /// The status on the data plane.
    pub oci_status: StatusCode,
    /// The exception (`__type`) on the control plane.
    pub aws: &'static str,
    /// The status on the control plane.
    pub aws_status: StatusCode,
    /// The error and status of the query services (IAM, STS); None if they never return it.
    pub query: Option<(&'static str, StatusCode)>,
}

macro_rules! dialects {
    ($($code:ident => $oci:ident $oci_status:ident, $aws:literal $aws_status:ident
        $(, $query:literal $query_status:ident)?;)*) => {
        /// The errors of a code.
        pub(crate) fn entry(code: Code) -> Entry {
            match code {
                $(Code::$code => Entry {
                    code,
                    oci: ErrorCode::$oci,
                    oci_status: StatusCode::$oci_status,
                    aws: $aws,
                    aws_status: StatusCode::$aws_status,
                    query: None$(.or(Some(($query, StatusCode::$query_status))))?,
                },)*
                Code::Aws(aws) => {
                    let aws_status = StatusCode::from_u16(aws.status()).unwrap_or(StatusCode::BAD_REQUEST);
                    Entry {
                        code,
                        oci: ErrorCode::Unsupported,
                        oci_status: StatusCode::BAD_REQUEST,
                        aws: aws.name(),
                        aws_status,
                        query: Some((aws.name(), aws_status)),
                    }
                }
            }
        }

        /// All entries, in the order of docs/errors.md.
        pub fn table() -> Vec<Entry> {
            [$(Code::$code),*].into_iter().map(entry).collect()
        }
    };
}

dialects! {
    InvalidParameter => Unsupported BAD_REQUEST, "InvalidParameterException" BAD_REQUEST;
    RepositoryNotFound => NameUnknown NOT_FOUND, "RepositoryNotFoundException" BAD_REQUEST;
    RepositoryAlreadyExists => Denied CONFLICT, "RepositoryAlreadyExistsException" BAD_REQUEST;
    RepositoryNotEmpty => Denied CONFLICT, "RepositoryNotEmptyException" BAD_REQUEST;
    ImageNotFound => ManifestUnknown NOT_FOUND, "ImageNotFoundException" BAD_REQUEST;
    ImageAlreadyExists => Denied CONFLICT, "ImageAlreadyExistsException" BAD_REQUEST;
    ImageTagAlreadyExists => TagInvalid BAD_REQUEST, "ImageTagAlreadyExistsException" BAD_REQUEST;
    ImageDigestDoesNotMatch => DigestInvalid BAD_REQUEST, "ImageDigestDoesNotMatchException" BAD_REQUEST;
    LayersNotFound => ManifestBlobUnknown BAD_REQUEST, "LayersNotFoundException" BAD_REQUEST;
    LayerAlreadyExists => BlobUploadInvalid BAD_REQUEST, "LayerAlreadyExistsException" BAD_REQUEST;
    LayerPartTooSmall => BlobUploadInvalid BAD_REQUEST, "LayerPartTooSmallException" BAD_REQUEST;
    ReferencedImagesNotFound => ManifestBlobUnknown BAD_REQUEST, "ReferencedImagesNotFoundException" BAD_REQUEST;
    UploadNotFound => BlobUploadUnknown NOT_FOUND, "UploadNotFoundException" BAD_REQUEST;
    InvalidLayer => DigestInvalid BAD_REQUEST, "InvalidLayerException" BAD_REQUEST;
    InvalidLayerPart => BlobUploadInvalid BAD_REQUEST, "InvalidLayerPartException" BAD_REQUEST;
    EmptyUpload => BlobUploadInvalid BAD_REQUEST, "EmptyUploadException" BAD_REQUEST;
    InvalidTagParameter => Unsupported BAD_REQUEST, "InvalidTagParameterException" BAD_REQUEST;
    TooManyTags => Unsupported BAD_REQUEST, "TooManyTagsException" BAD_REQUEST;
    LimitExceeded => Denied FORBIDDEN, "LimitExceededException" BAD_REQUEST;
    RepositoryPolicyNotFound => Unsupported NOT_FOUND, "RepositoryPolicyNotFoundException" BAD_REQUEST;
    RegistryPolicyNotFound => Unsupported NOT_FOUND, "RegistryPolicyNotFoundException" BAD_REQUEST;
    ImageStorageClassUpdateNotSupported => Unsupported BAD_REQUEST,
        "ImageStorageClassUpdateNotSupportedException" BAD_REQUEST;
    LifecyclePolicyNotFound => Unsupported NOT_FOUND, "LifecyclePolicyNotFoundException" BAD_REQUEST;
    LifecyclePolicyPreviewNotFound => Unsupported NOT_FOUND, "LifecyclePolicyPreviewNotFoundException" BAD_REQUEST;
    LifecyclePolicyPreviewInProgress => Denied CONFLICT, "LifecyclePolicyPreviewInProgressException" BAD_REQUEST;
    ExclusionAlreadyExists => Denied CONFLICT, "ExclusionAlreadyExistsException" BAD_REQUEST;
    ExclusionNotFound => Unsupported NOT_FOUND, "ExclusionNotFoundException" BAD_REQUEST;
    ScanNotFound => Unsupported NOT_FOUND, "ScanNotFoundException" BAD_REQUEST;
    UnsupportedImageType => Unsupported BAD_REQUEST, "UnsupportedImageTypeException" BAD_REQUEST;
    ImageArchived => ManifestUnknown NOT_FOUND, "ImageArchivedException" BAD_REQUEST;
    PullThroughCacheRuleAlreadyExists => Denied CONFLICT, "PullThroughCacheRuleAlreadyExistsException" BAD_REQUEST;
    PullThroughCacheRuleNotFound => Unsupported NOT_FOUND, "PullThroughCacheRuleNotFoundException" BAD_REQUEST;
    UnsupportedUpstreamRegistry => Unsupported BAD_REQUEST, "UnsupportedUpstreamRegistryException" BAD_REQUEST;
    SecretNotFound => Unsupported NOT_FOUND, "SecretNotFoundException" BAD_REQUEST;
    UnableToAccessSecret => Denied FORBIDDEN, "UnableToAccessSecretException" BAD_REQUEST;
    UnableToDecryptSecretValue => Denied FORBIDDEN, "UnableToDecryptSecretValueException" BAD_REQUEST;
    UpstreamAccessDenied => Denied FORBIDDEN, "UnableToGetUpstreamImageException" BAD_REQUEST;
    UpstreamTooManyRequests => TooManyRequests TOO_MANY_REQUESTS, "UnableToGetUpstreamImageException" BAD_REQUEST;
    UpstreamUnavailable => Unavailable BAD_GATEWAY, "UnableToGetUpstreamImageException" BAD_REQUEST;
    TemplateAlreadyExists => Denied CONFLICT, "TemplateAlreadyExistsException" BAD_REQUEST;
    ReplicationBackfillInProgress => Denied CONFLICT, "ReplicationBackfillInProgressException" BAD_REQUEST;
    ReplicationBackfillInvalidStatus => Denied CONFLICT, "ReplicationBackfillInvalidStatusException" BAD_REQUEST;
    ReplicationBackfillNotFound => Unsupported NOT_FOUND, "ReplicationBackfillNotFoundException" BAD_REQUEST;
    TemplateNotFound => Unsupported NOT_FOUND, "TemplateNotFoundException" BAD_REQUEST;
    Validation => Unsupported BAD_REQUEST, "ValidationException" BAD_REQUEST;
    RegistryNotFound => NameUnknown NOT_FOUND, "RegistryNotFoundException" BAD_REQUEST;
    RepositoryCatalogDataNotFound => Unsupported NOT_FOUND, "RepositoryCatalogDataNotFoundException" BAD_REQUEST;
    UnsupportedCommand => Unsupported BAD_REQUEST, "UnsupportedCommandException" BAD_REQUEST;
    BlobUnknown => BlobUnknown NOT_FOUND, "LayersNotFoundException" BAD_REQUEST;
    BlobInUse => Unsupported METHOD_NOT_ALLOWED, "InvalidParameterException" BAD_REQUEST;
    ManifestUnknown => ManifestUnknown NOT_FOUND, "ImageNotFoundException" BAD_REQUEST;
    ManifestReferenced => Unsupported METHOD_NOT_ALLOWED, "InvalidParameterException" BAD_REQUEST;
    ImageProtected => Denied FORBIDDEN, "InvalidParameterException" BAD_REQUEST;
    ManifestInvalid => ManifestInvalid BAD_REQUEST, "InvalidParameterException" BAD_REQUEST;
    ManifestTooLarge => SizeInvalid PAYLOAD_TOO_LARGE, "InvalidParameterException" BAD_REQUEST;
    ManifestSchema1 => ManifestInvalid BAD_REQUEST, "InvalidParameterException" BAD_REQUEST;
    DigestInvalid => DigestInvalid BAD_REQUEST, "InvalidParameterException" BAD_REQUEST;
    NameInvalid => NameInvalid BAD_REQUEST, "InvalidParameterException" BAD_REQUEST;
    TagInvalid => TagInvalid BAD_REQUEST, "InvalidParameterException" BAD_REQUEST;
    UploadRangeInvalid => BlobUploadInvalid RANGE_NOT_SATISFIABLE, "InvalidLayerPartException" BAD_REQUEST;
    SizeInvalid => SizeInvalid BAD_REQUEST, "InvalidParameterException" BAD_REQUEST;
    AccessDenied => Denied FORBIDDEN, "AccessDeniedException" BAD_REQUEST, "AccessDenied" FORBIDDEN;
    InvalidToken => Denied UNAUTHORIZED, "UnrecognizedClientException" BAD_REQUEST, "InvalidClientTokenId" FORBIDDEN;
    ExpiredToken => Denied UNAUTHORIZED, "ExpiredTokenException" BAD_REQUEST, "ExpiredToken" FORBIDDEN;
    ClientGone => BlobUploadInvalid BAD_REQUEST, "RequestAbortedException" BAD_REQUEST;
    Throttled => TooManyRequests TOO_MANY_REQUESTS, "ThrottlingException" BAD_REQUEST;
    OutOfSpace => InternalError INSUFFICIENT_STORAGE, "ServerException" INTERNAL_SERVER_ERROR;
    Unavailable => Unavailable SERVICE_UNAVAILABLE, "ServerException" SERVICE_UNAVAILABLE,
        "ServiceUnavailable" SERVICE_UNAVAILABLE;
    Internal => InternalError INTERNAL_SERVER_ERROR, "ServerException" INTERNAL_SERVER_ERROR,
        "InternalFailure" INTERNAL_SERVER_ERROR;
}

/// An error on the data plane.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// None: the answer is the text alone, as ECR answers a request without credentials.
    pub(crate) code: Option<ErrorCode>,
    pub(crate) message: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// The `detail` of the error, in the specification's form.
    pub(crate) detail: Option<serde_json::Value>,
    /// The cause, for the log.
    pub(crate) failure: Option<String>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            status,
            code: Some(code),
            message: message.into(),
            headers: Vec::new(),
            detail: None,
            failure: None,
        }
    }

    /// An error without a code of the specification.
    pub(crate) fn bare(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, code: None, message: message.into(), headers: Vec::new(), detail: None, failure: None }
    }

    pub(crate) fn with(mut self, name: HeaderName, text: &str) -> Self {
        self.headers.push((name, value(text)));
        self
    }

    /// The answer. Its cause stays in the exchange, for the request's line in the log.
    pub(crate) fn into_response(self, exchange: &mut Exchange) -> Response {
        exchange.failure = self.failure;
        let (kind, body) = match self.code {
            Some(code) => (JSON, oci::error::body(code, &self.message, self.detail)),
            None => (TEXT, format!("{}\n", self.message).into_bytes()),
        };
        let mut response = answer(self.status, ResponseBody::bytes(body));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, kind);
        headers.extend(self.headers);
        response
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let entry = entry(error.code);
        let mut refusal = Self::new(entry.oci_status, entry.oci, error.message);
        refusal.detail = (!error.missing.is_empty()).then(|| {
            error.missing.iter().map(|digest| serde_json::json!({"digest": digest.to_string()})).collect()
        });
        refusal.failure = error.internal.map(|cause| cause.chain());
        refusal
    }
}

impl From<Throttled> for Refusal {
    fn from(throttled: Throttled) -> Self {
        let seconds = throttled.retry_after().to_string();
        Self::from(Throttled::error()).with(header::RETRY_AFTER, &seconds)
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { limit } => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                ErrorCode::SizeInvalid,
                format!("The body is larger than the {limit} bytes that are accepted here."),
            ),
            BodyError::Broken(_) => {
                Error::new(Code::ClientGone, "The request's body ended early. Send the request again.").into()
            }
            BodyError::NoRoom(full) => full.into(),
        }
    }
}

impl From<Full> for Refusal {
    fn from(full: Full) -> Self {
        Error::new(Code::Unavailable, ledger::busy()).caused_by(full).into()
    }
}

/// The format of the errors of a request, from its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// The format of the OCI specification.
    Data,
    /// The format of AWS's JSON services.
    Json,
    /// The format of AWS's query services.
    Query(Service, Format),
}

impl Style {
    pub(crate) fn of(exchange: &Exchange) -> Self {
        if is_data(exchange.uri.path()) { Self::Data } else { control::style(exchange) }
    }

    /// An answer that no handler made.
    fn server_error(self, code: Code, request_id: &str, message: &str) -> Response {
        let entry = entry(code);
        let (status, kind, body) = match self {
            Self::Data => (entry.oci_status, JSON, oci::error::body(entry.oci, message, None)),
            Self::Json => {
                let body = aws::json::error_body(entry.aws, message, &[]);
                (entry.aws_status, HeaderValue::from_static(aws::json::CONTENT_TYPE), body)
            }
            Self::Query(service, format) => {
                let (name, status) =
                    entry.query.unwrap_or(("InternalFailure", StatusCode::INTERNAL_SERVER_ERROR));
                let blame = query::Fault::Receiver;
                let body = query::error_response(service, format, blame, name, message, request_id);
                (status, HeaderValue::from_static(format.content_type()), body)
            }
        };
        let mut response = answer(status, ResponseBody::bytes(body));
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }

    /// The answer if there is no memory for the real one.
    pub(crate) fn no_room(self, request_id: &str) -> Response {
        self.server_error(Code::Unavailable, request_id, ledger::busy())
    }

    /// The answer to a request whose handler panicked.
    pub(crate) fn panicked(self, request_id: &str) -> Response {
        let message = "An internal error occurred. Give the request id to the operator of this registry.";
        self.server_error(Code::Internal, request_id, message)
    }
}

/// Whether errors at this path have the format of the OCI specification.
pub(crate) fn is_data(path: &str) -> bool {
    crate::v2::is_under(path)
        || path.starts_with(crate::download::PREFIX)
        || path.starts_with(crate::logo::PREFIX)
        || matches!(path, crate::v2::token::PATH | crate::v2::token::SHORT_PATH)
}
