//! Sets one deadline for a whole client request, including everything that it waits for.

use std::time::Duration;

use crate::oauth::error::{ErrorCode, OAuthError};

/// The time limit for a request: clients wait ten seconds. Within it, the ledger and the sign-in
/// provider are asked one after the other, each with its own timeouts.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(8);

/// Stops `work` at the deadline. Requests that it sent may still take effect, as if the response
/// had been lost. A retry finds their effect and continues from there.
pub(crate) async fn within_deadline<T>(
    work: impl Future<Output = Result<T, OAuthError>>,
) -> Result<T, OAuthError> {
    let outcome = tokio::time::timeout(REQUEST_TIMEOUT, work).await;
    outcome.unwrap_or_else(|_| {
        tracing::error!(
            seconds = REQUEST_TIMEOUT.as_secs(),
            "request aborted: the ledger or the sign-in provider is too slow"
        );
        Err(OAuthError::new(
            ErrorCode::TemporarilyUnavailable,
            "the server did not get an answer in time; try again in a moment",
        ))
    })
}
