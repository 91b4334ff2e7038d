//! Tokens of the provider where people sign in: kept for this server's tools, and shown to nobody.
//!
//! They lie sealed in the ledger, in a record of the sign-in, so that every instance has the same
//! ones. Before they expire they are renewed: within an instance one request does so while the
//! others wait, and among instances the record says who is at it, because many providers take a
//! refresh token once.

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

/// Why a tool gets no token of the provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// People do not sign in elsewhere, or the login keeps no tokens.
    #[error("this server has no upstream tokens: its people do not sign in at a provider")]
    None,
    /// The provider does not take the tokens any more. The client is told to have the person sign in
    /// again, whatever the tool answers.
    #[error("the sign-in at the provider has ended: sign in again")]
    Refused,
    /// The provider or the ledger is out of reach.
    #[error("the place where you signed in does not answer at the moment, try again later")]
    Unavailable,
}

impl From<UpstreamError> for ErrorData {
    /// So that a tool can use `?`.
    fn from(error: UpstreamError) -> Self {
        Self::internal_error(error.to_string(), None)
    }
}

/// Whether `person` may still come in, asked of the provider as well; what the ledger keeps of the
/// sign-in then lives on.
pub(crate) async fn recheck(app: &App, person: &Person) -> Result<(), LoginError> {
    if !person.is_current(&app.epochs) {
        return Err(LoginError::refused("the sign-in counts no more"));
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
