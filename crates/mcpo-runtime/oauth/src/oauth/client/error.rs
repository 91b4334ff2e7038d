//! The reasons why a client is not accepted.

use super::{metadata::AuthMethod, metadata_document::DocumentError};

/// Why a client is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("this server does not know the client id")]
    Unknown,
    #[error("the client's document is not usable: {0}")]
    Document(#[from] DocumentError),
    #[error("the client registered with {registered} but used {used}")]
    Method {
        registered: &'static str,
        used: &'static str,
    },
    #[error("the client secret is wrong")]
    Secret,
    #[error("this server accepts only clients with a secret")]
    Public,
}

/// Accepts an empty secret, which some clients without a secret send.
pub(super) fn expect_no_secret(
    unverified_secret: Option<&str>,
    used: AuthMethod,
) -> Result<(), ClientError> {
    if unverified_secret.is_none_or(str::is_empty) {
        return Ok(());
    }
    Err(ClientError::Method {
        registered: AuthMethod::None.as_str(),
        used: used.as_str(),
    })
}
