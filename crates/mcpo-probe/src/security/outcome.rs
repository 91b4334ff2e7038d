//! The result of an attempt.

use reqwest::StatusCode;
use serde::Deserialize;

use super::rules::Guarantee;
use crate::{
    check::{Fault, Log},
    http::{Answer, RequestError},
};

/// Whether the server resisted the attempt.
#[derive(Debug)]
pub enum AttackOutcome {
    /// The server resisted.
    Passed(String),
    /// The attack succeeded.
    Failed(String),
    /// It resisted, but not as well as it should.
    Weak(String),
    Skipped(String),
}

pub type AttackResult = Result<AttackOutcome, RequestError>;

impl AttackOutcome {
    /// Returns `Passed` if `held` is true, otherwise `Failed`; `seen` describes the response.
    pub fn when(held: bool, seen: impl Into<String>) -> Self {
        if held {
            Self::Passed(seen.into())
        } else {
            Self::Failed(seen.into())
        }
    }
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// Describes a response, without the tokens that its body may contain.
pub fn summarize(answer: &Answer) -> String {
    let status = answer.status.as_u16();
    match answer.json::<Refusal>() {
        Ok(refusal) if !answer.status.is_success() => format!("HTTP {status}, {}", refusal.error),
        _ => format!("HTTP {status}"),
    }
}

/// Checks that the server refused the attempt, which must neither succeed nor break the server.
pub fn refused(answer: &Answer) -> AttackOutcome {
    AttackOutcome::when(answer.status.is_client_error(), summarize(answer))
}

/// Checks that the server refused the attempt with this status, to which clients react.
pub fn refused_with(answer: &Answer, status: StatusCode) -> AttackOutcome {
    AttackOutcome::when(answer.status == status, summarize(answer))
}

impl Guarantee {
    /// Runs the attempt and records its result.
    pub async fn check(
        &'static self,
        log: &mut Log<'_>,
        attempt: impl Future<Output = AttackResult>,
    ) {
        let pending = self.rule.begin();
        // Boxed, because the futures of some attempts are large: a listener and a sequence of
        // pages.
        match Box::pin(attempt).await {
            Ok(AttackOutcome::Passed(seen)) => pending.pass(log, seen),
            Ok(AttackOutcome::Weak(seen)) => pending.warn(log, self.fault(seen)),
            Ok(AttackOutcome::Skipped(because)) => pending.skip(log, because),
            // The attempts do not depend on each other, so the probe continues.
            Ok(AttackOutcome::Failed(seen)) => drop(pending.fail(log, self.fault(seen))),
            Err(request_error) => {
                let _ = pending.could_not_run(log, request_error.to_string(), request_error.hint());
            }
        }
    }

    fn fault(&self, seen: String) -> Fault {
        Fault::new(seen, self.expected, self.fix)
    }
}
