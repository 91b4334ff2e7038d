//! Explains why a revision does not start: its own log lines, Google's message, and the revision
//! that still serves.

use std::time::Duration;

use mcpo_common::error::{Exit, Failure};

use crate::{
    context::Context, google::api::run::Service, logs, shares::names_of, traffic::serving,
};

const MAX_LINES: u32 = 20;
/// Log entries take a moment to arrive.
const LOG_ATTEMPTS: u32 = 6;

/// Prints the revision's log lines and returns the failure.
pub async fn explain(
    context: &Context<'_>,
    revision: &str,
    message: &str,
    before: Option<&Service>,
) -> Failure {
    let lines = own_lines(context, revision).await;
    if !lines.is_empty() {
        context.ui.say(format_args!("\n{revision} wrote:"));
        for line in &lines {
            context.ui.say(format_args!("  {line}"));
        }
        context.ui.say("");
    }
    let cause = std::io::Error::other(message.to_owned());
    let failure = Failure::new(format!("{revision} does not start")).because(&cause);
    let hint = still_serving(before);
    let reason = guess(message, &lines);
    failure
        .hint(reason.map_or_else(|| hint.clone(), |reason| format!("{reason}; {hint}")))
        .exit_with(Exit::CheckFailed)
}

/// Returns a hint that names the revision that still serves.
pub fn still_serving(before: Option<&Service>) -> String {
    let still = before.map(serving).unwrap_or_default();
    let verb = match &*still {
        [] => return "fix the cause and deploy again".to_owned(),
        [_] => "keeps",
        _ => "keep",
    };
    format!(
        "{} {verb} serving as before; fix the cause and deploy again",
        names_of(&still)
    )
}

async fn own_lines(context: &Context<'_>, revision: &str) -> Vec<String> {
    for attempt in 0..LOG_ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(Duration::from_millis(250 * u64::from(attempt))).await;
        }
        // A failure to read the log must not hide why the revision does not start.
        let entries = logs::last(context, Some(revision), MAX_LINES)
            .await
            .unwrap_or_default();
        if !entries.is_empty() {
            return entries.iter().map(logs::line).collect();
        }
    }
    Vec::new()
}

/// Returns a likely cause for well-known messages.
fn guess(message: &str, lines: &[String]) -> Option<&'static str> {
    let says = |text: &str| message.contains(text) || lines.iter().any(|line| line.contains(text));
    if says("Permission denied on secret") {
        Some("new permissions take a moment to propagate; run the same command again")
    } else if says("not authorized by policy") {
        Some("the policy of Binary Authorization does not allow the image")
    } else if says("exec format error") || says("no such file or directory") {
        Some("the executable cannot run in an empty image")
    } else if says("listen on the port") && lines.is_empty() {
        Some("the server must listen on 0.0.0.0 and on the port in PORT")
    } else {
        None
    }
}
