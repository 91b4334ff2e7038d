//! What came of an attempt.

use reqwest::StatusCode;
use serde::Deserialize;

use super::rules::Guarantee;
use crate::walk::{
    check::{Fault, Log},
    http::{Answer, Trouble},
};

/// Whether the server held.
#[derive(Debug)]
pub enum Held {
    Yes(String),
    No(String),
    /// It holds, and less well than it should.
    Weakly(String),
    Skipped(String),
}

pub type Finding = Result<Held, Trouble>;

impl Held {
    /// `seen` tells how it went; `held` whether that was well.
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

/// How a machine was answered, without the tokens that may be in the body.
pub fn told(answer: &Answer) -> String {
    let status = answer.status.as_u16();
    match answer.json::<Refusal>() {
        Ok(refusal) if !answer.status.is_success() => format!("HTTP {status}, {}", refusal.error),
        _ => format!("HTTP {status}"),
    }
}

/// An attempt is to be refused: neither to succeed nor to break the server.
pub fn refused(answer: &Answer) -> Held {
    Held::when(answer.status.is_client_error(), told(answer))
}

/// An attempt is to be refused with this status, because clients act on it.
pub fn refused_with(answer: &Answer, status: StatusCode) -> Held {
    Held::when(answer.status == status, told(answer))
}

impl Guarantee {
    /// Writes down what came of the attempt.
    pub async fn check(&'static self, log: &mut Log<'_>, attempt: impl Future<Output = Finding>) {
        let pending = self.rule.begin();
        // Some attempts keep a listener and a page walk at once.
        match Box::pin(attempt).await {
            Ok(Held::Yes(seen)) => pending.pass(log, seen),
            Ok(Held::Weakly(seen)) => pending.warn(log, self.fault(seen)),
            Ok(Held::Skipped(because)) => pending.skip(log, because),
            // The attempts do not depend on one another.
            Ok(Held::No(seen)) => drop(pending.fail(log, self.fault(seen))),
            Err(trouble) => drop(pending.could_not_run(log, trouble.to_string(), trouble.hint())),
        }
    }

    fn fault(&self, seen: String) -> Fault {
        Fault::new(seen, self.expected, self.mend)
    }
}
