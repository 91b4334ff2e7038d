//! The reasons why a tool gets no token of the sign-in provider.

use rmcp::ErrorData;

/// The reason why a tool gets no token of the provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// Users do not sign in at a provider, or the login keeps no tokens.
    #[error("this server has no upstream tokens: its users do not sign in at a provider")]
    None,
    /// The provider no longer accepts the tokens. The client is asked to have the user sign in
    /// again, regardless of the tool's result.
    #[error("the sign-in at the provider has ended: sign in again")]
    Refused,
    /// The provider or the ledger is unreachable.
    #[error("the sign-in provider does not respond at the moment, try again later")]
    Unavailable,
}

impl From<UpstreamError> for ErrorData {
    /// Lets a tool use `?`.
    fn from(error: UpstreamError) -> Self {
        Self::internal_error(error.to_string(), None)
    }
}
