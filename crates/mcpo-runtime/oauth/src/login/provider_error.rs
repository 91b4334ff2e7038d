//! Errors between this server and a sign-in provider.

use std::borrow::Cow;

use super::contract::{Identity, LoginError, Outcome, Refusal};
use crate::jwt::{IssuerError, TokenError};

/// The reason why a request to the provider failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ProviderError {
    /// The provider refuses, and would refuse again.
    Refused(Cow<'static, str>),
    /// The provider is unreachable at the moment.
    Unavailable(Cow<'static, str>),
    /// The response is not valid.
    Unexpected(Cow<'static, str>),
}

impl From<IssuerError> for ProviderError {
    fn from(error: IssuerError) -> Self {
        match error {
            IssuerError::Unavailable(fault) => Self::Unavailable(fault.into()),
            IssuerError::Unexpected(fault) => Self::Unexpected(fault.into()),
        }
    }
}

impl From<TokenError> for ProviderError {
    fn from(fault: TokenError) -> Self {
        match fault {
            TokenError::Issuer(error) => error.into(),
            TokenError::Token(fault) => Self::Unexpected(format!("the id token {fault}").into()),
        }
    }
}

/// Maps a failure to a refusal during a sign-in.
pub(super) fn refusal(error: ProviderError) -> Refusal {
    match error {
        ProviderError::Unavailable(fault) => Refusal::unavailable(fault),
        ProviderError::Refused(fault) | ProviderError::Unexpected(fault) => {
            Refusal::unexpected(fault)
        }
    }
}

/// Maps a failure to an error for a user who signed in before. Only a clear refusal ends the
/// sign-in.
pub(super) fn recheck_error(provider: &str, error: ProviderError) -> LoginError {
    match error {
        ProviderError::Refused(why) => LoginError::Refused(why),
        ProviderError::Unavailable(why) | ProviderError::Unexpected(why) => {
            tracing::warn!(provider, %why, "cannot check the user at the provider");
            LoginError::unavailable("the sign-in provider does not respond as expected")
        }
    }
}

impl From<Result<Identity, Refusal>> for Outcome {
    /// Returns the outcome of a callback, which is never another step.
    fn from(result: Result<Identity, Refusal>) -> Self {
        match result {
            Ok(identity) => Self::Identity(identity),
            Err(refusal) => Self::Refusal(refusal),
        }
    }
}

/// Shortens and escapes text from another party for the log, so that it contains no terminal
/// control characters.
pub(super) fn quoted(unverified: &str) -> Cow<'static, str> {
    let short: String = unverified.chars().take(64).collect();
    format!("{short:?}").into()
}
