//! Tokens of the sign-in provider. They are kept for the tools of this server and never shown to
//! clients.
//!
//! The tokens are sealed in the ledger, in the record of the sign-in, so that all instances have
//! the same tokens. They are renewed before they expire. Within an instance, one request renews
//! them while the others wait. Among instances, the record names the one that is renewing, because
//! many providers accept a refresh token only once.

mod keeper;
mod record;
mod renewal;
mod tokens;

use rmcp::ErrorData;

#[cfg(test)]
pub(crate) use self::record::Kept;
pub use self::tokens::{UpstreamToken, UpstreamTokens};
pub(crate) use self::{
    keeper::Keeper,
    record::{Trip, finish_trip, open_trip, spend_trip, start_trip},
};
use crate::{
    app::App,
    login::{LoginError, Person},
};

/// The reason why a tool gets no token of the provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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

/// Checks that `person` is still allowed, including with the provider, and extends the life of the
/// ledger record of the sign-in.
pub(crate) async fn recheck(app: &App, person: &Person) -> Result<(), LoginError> {
    if !person.is_current(&app.epochs) {
        return Err(LoginError::refused("the sign-in is no longer valid"));
    }
    let tokens = match person.upstream {
        Some(id) => Some(app.upstream.current(app, id).await?),
        None => None,
    };
    let identity = person.identity();
    let asked = app.login.recheck(&identity, tokens.as_deref());
    tokio::time::timeout(renewal::PROVIDER_TIMEOUT, asked)
        .await
        .unwrap_or_else(|_| Err(LoginError::unavailable("the provider does not answer")))?;
    if let Some(id) = person.upstream {
        record::keep_alive(app, id).await?;
    }
    Ok(())
}
