//! The result of an attempt.

use reqwest::StatusCode;
use serde::Deserialize;

use super::rules::Guarantee;
use crate::{
    check::{Fault, Log},
    http::{Answer, Trouble},
};

/// Whether the server resisted the attempt.
#[derive(Debug)]
pub enum Held {
    Yes(String),
    No(String),
    /// It resisted, but not as well as it should.
    Weakly(String),
    Skipped(String),
}

pub type Finding = Result<Held, Trouble>;

impl Held {
    /// Returns `Yes` if `held` is true, otherwise `No`; `seen` describes the response.
    pub fn when(held: bool, seen: impl Into<String>) -> Self {
        if held {
            Self::Yes(seen.into())
        } else {
            Self::No(seen.into())
        }
    }
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// Describes a response, without the tokens that its body may contain.
pub fn told(answer: &Answer) -> String {
    let status = answer.status.as_u16();
    match answer.json::<Refusal>() {
        Ok(refusal) if !answer.status.is_success() => format!("HTTP {status}, {}", refusal.error),
        _ => format!("HTTP {status}"),
    }
}

/// Checks that the server refused the attempt, which must neither succeed nor break the server.
pub fn refused(answer: &Answer) -> Held {
    Held::when(answer.status.is_client_error(), told(answer))
}

/// Checks that the server refused the attempt with this status, to which clients react.
pub fn refused_with(answer: &Answer, status: StatusCode) -> Held {
    Held::when(answer.status == status, told(answer))
}

impl Guarantee {
    /// Runs the attempt and records its result.
    pub async fn check(&'static self, log: &mut Log<'_>, attempt: impl Future<Output = Finding>) {
        let pending = self.rule.begin();
        // Boxed, because the futures of some attempts are large: a listener and a page walk.
        match Box::pin(attempt).await {
            Ok(Held::Yes(seen)) => pending.pass(log, seen),
            Ok(Held::Weakly(seen)) => pending.warn(log, self.fault(seen)),
            Ok(Held::Skipped(because)) => pending.skip(log, because),
            // The attempts do not depend on each other, so the walk continues.
            Ok(Held::No(seen)) => drop(pending.fail(log, self.fault(seen))),
            Err(trouble) => drop(pending.could_not_run(log, trouble.to_string(), trouble.hint())),
        }
    }

    fn fault(&self, seen: String) -> Fault {
        Fault::new(seen, self.expected, self.mend)
    }
}
