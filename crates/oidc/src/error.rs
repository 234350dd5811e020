//! Why a token is not believed, in the families that STS tells apart.

/// The texts are for whoever holds the token; they never quote what an issuer's server sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// `InvalidIdentityToken`: not a token, not signed by the issuer, or not meant for this audience.
    #[error("{0}")]
    InvalidToken(String),
    /// `ExpiredTokenException`.
    #[error("Token expired: current date/time {now} must be before the expiration date/time {expired_at}")]
    Expired {
        /// Seconds since 1970.
        now: i64,
        /// Seconds since 1970.
        expired_at: i64,
    },
    /// `IDPRejectedClaim`: a claim of the issuer forbids the use of the token, as yet.
    #[error("{0}")]
    RejectedClaim(String),
    /// `IDPCommunicationError`: the issuer did not give its keys. One sentence (STS's) for every reason, since an account
    /// names issuers and the server calls from inside the operator's network; the reason stands in the log.
    #[error(
        "Couldn't retrieve verification key from your identity provider, please reference \
         AssumeRoleWithWebIdentity documentation for requirements"
    )]
    NoKeys,
    /// The provider's own certificate authority or key set cannot be used. Refused when it is set.
    #[error("{0}")]
    Trust(String),
}

impl OidcError {
    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self::InvalidToken(text.into())
    }
}
