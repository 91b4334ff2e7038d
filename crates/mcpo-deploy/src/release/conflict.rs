//! Explains that someone else changed the service at the same time: the run that loses names the
//! account, the time and the tool of the change that won.

use mcpo_common::error::Failure;

use crate::{
    context::Context,
    google::{GoogleError, api::run::Service},
    last_write,
};

/// Returns the failure of a write of `what` that lost against the write of `winner`. `message` is
/// Google's refusal.
pub fn lost(context: &Context<'_>, what: &str, winner: &Service, message: String) -> Failure {
    let words = last_write::of(winner);
    let failure = Failure::new(if words.is_empty() {
        format!("{what}: the service was changed by someone else at the same time")
    } else {
        format!("{what}: the service was changed by someone else at the same time: {words}")
    });
    let newest = match winner.latest_created() {
        "" => String::new(),
        revision => format!(", which created {revision}"),
    };
    let status = context.invocation.with("--status");
    failure
        .because(&GoogleError::Conflict(message))
        .hint(format!(
            "see that change{newest}: {status}; then run the same command again to deploy yours after it"
        ))
}
