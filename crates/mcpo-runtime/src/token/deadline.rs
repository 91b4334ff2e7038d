//! One deadline for a whole request of a client, with everything that it waits for.

use std::time::Duration;

use crate::oauth_error::{ErrorCode, OAuthError};

/// How long a request may take: clients wait ten seconds. Within it the ledger and a sign-in
/// provider are asked one after the other, each with separate timeouts.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(8);

/// Gives `work` up at the deadline. What it had sent may still take effect, as if its answer had
/// been lost on the way; a retry of the request finds that and goes on from there.
pub(crate) async fn within_deadline<T>(
    work: impl Future<Output = Result<T, OAuthError>>,
) -> Result<T, OAuthError> {
    let outcome = tokio::time::timeout(REQUEST_TIMEOUT, work).await;
    outcome.unwrap_or_else(|_| {
        tracing::error!(
            seconds = REQUEST_TIMEOUT.as_secs(),
            "a request was given up because the ledger or the sign-in provider is too slow"
        );
        Err(OAuthError::new(
            ErrorCode::TemporarilyUnavailable,
            "the server did not get an answer in time, try again in a moment",
        ))
    })
}
