//! What goes wrong between this server and a provider where people sign in.

use std::borrow::Cow;

use super::contract::Refusal;
use crate::jwt::{IssuerError, TokenFault};

/// The reason why a request to the provider failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The provider refuses, and would refuse again.
    Refused(Cow<'static, str>),
    /// The provider is unreachable at the moment.
    OutOfReach(Cow<'static, str>),
    /// The response is not valid.
    Unexpected(Cow<'static, str>),
}

impl From<IssuerError> for Trouble {
    fn from(error: IssuerError) -> Self {
        match error {
            IssuerError::OutOfReach(fault) => Self::OutOfReach(fault.into()),
            IssuerError::Unexpected(fault) => Self::Unexpected(fault.into()),
        }
    }
}

impl From<TokenFault> for Trouble {
    fn from(fault: TokenFault) -> Self {
        match fault {
            TokenFault::Issuer(error) => error.into(),
            TokenFault::Token(fault) => Self::Unexpected(format!("the id token {fault}").into()),
        }
    }
}

/// Maps a failure to a refusal during a sign-in.
pub(super) fn refusal(trouble: Trouble) -> Refusal {
    match trouble {
        Trouble::OutOfReach(fault) => Refusal::unavailable(fault),
        Trouble::Refused(fault) | Trouble::Unexpected(fault) => Refusal::unexpected(fault),
    }
}

/// Shortens and escapes text from another party for the log, so that it contains no terminal
/// control characters.
pub(super) fn quoted(unverified: &str) -> Cow<'static, str> {
    let short: String = unverified.chars().take(64).collect();
    format!("{short:?}").into()
}
