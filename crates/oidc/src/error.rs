//! Why a token is refused, by STS's errors.

/// The texts are for the client with the token. They never quote what an issuer's server sent.
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
    /// `IDPRejectedClaim`: a claim of the token forbids its use, possibly only for now.
    #[error("{0}")]
    RejectedClaim(String),
    /// `IDPCommunicationError`: the issuer's keys could not be fetched. There is one text (STS's) for every reason,
    /// because accounts choose issuers and the server calls them from the operator's network. The log has the reason.
    #[error(
        "Couldn't retrieve verification key from your identity provider, please reference \
         AssumeRoleWithWebIdentity documentation for requirements"
    )]
    NoKeys,
    /// The provider's certificate authority or key set is invalid. It is refused when it is set.
    #[error("{0}")]
    Trust(String),
}

impl OidcError {
    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self::InvalidToken(text.into())
    }
}
