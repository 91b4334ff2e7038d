//! The report as scripts read it, and what both kinds of reader are told at the end.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    args::Plan,
    check::{Check, Suggestion, Verdict},
    http::is_loopback,
};
use crate::error::Exit;

/// Raised when a field changes its meaning or goes away; new fields may come at any time.
const SCHEMA: u32 = 1;

/// The end of a walk.
pub struct Summary<'w> {
    plan: &'w Plan,
    checks: &'w [Check],
    suggestion: Option<Suggestion>,
    elapsed: Duration,
}

#[derive(Serialize)]
struct Row<'c> {
    id: &'c str,
    title: &'c str,
    clause: &'c str,
    verdict: &'static str,
    because: Option<&'c str>,
    seen: &'c str,
    expected: &'c str,
    hint: &'c str,
    elapsed_ms: f64,
    round: u32,
}

impl<'w> Summary<'w> {
    pub const fn new(
        plan: &'w Plan,
        checks: &'w [Check],
        suggestion: Option<Suggestion>,
        elapsed: Duration,
    ) -> Self {
        Self {
            plan,
            checks,
            suggestion,
            elapsed,
        }
    }

    /// What was probed, and every check of it.
    pub const fn parts(&self) -> (&Plan, &[Check], Duration) {
        (self.plan, self.checks, self.elapsed)
    }

    fn first(&self, wanted: fn(&Verdict) -> bool) -> Option<&Check> {
        self.checks.iter().find(|check| wanted(&check.verdict))
    }

    fn failed(&self) -> Option<&Check> {
        self.first(|verdict| matches!(verdict, Verdict::Fail))
    }

    fn could_not_run(&self) -> Option<&Check> {
        self.first(|verdict| matches!(verdict, Verdict::CouldNotRun { .. }))
    }

    fn count(&self, wanted: fn(&Verdict) -> bool) -> usize {
        self.checks
            .iter()
            .filter(|check| wanted(&check.verdict))
            .count()
    }

    /// A fault that was found counts more than what could not be looked at.
    pub fn exit(&self) -> Exit {
        match (self.failed(), self.could_not_run()) {
            (Some(_), _) => Exit::CheckFailed,
            (None, Some(_)) => Exit::CouldNotRun,
            (None, None) => Exit::Success,
        }
    }

    /// The verdict in one line.
    pub fn headline(&self) -> String {
        let time = format!("{:.0} ms", self.elapsed.as_secs_f64() * 1_000.0);
        let warnings = match self.count(|verdict| matches!(verdict, Verdict::Warn)) {
            0 => String::new(),
            1 => ", 1 warning".to_owned(),
            warnings => format!(", {warnings} warnings"),
        };
        if let Some(check) = self.failed() {
            format!("failed: {}{warnings}, in {time}", check.rule.title)
        } else if let Some(check) = self.could_not_run() {
            format!(
                "could not run: stopped at {}{warnings}, after {time}",
                check.rule.title
            )
        } else {
            let passed = self.count(|verdict| matches!(verdict, Verdict::Pass));
            format!("passed: {passed} checks{warnings}, in {time}")
        }
    }

    /// What the user of the client would see.
    pub fn outcome(&self) -> String {
        self.plan.profile.outcome(self.checks)
    }

    /// The one command to type next.
    pub fn next(&self) -> String {
        let target = quoted(self.plan.target.as_str());
        match (self.suggestion, self.exit()) {
            (Some(Suggestion::Password), _) => {
                format!("MCPO_PROBE_PASSWORD=… mcpo probe {target}")
            }
            (Some(Suggestion::Browser), _) => format!("mcpo probe --browser {target}"),
            (Some(Suggestion::ClientId), _) => format!("mcpo probe --client-id ID {target}"),
            (None, Exit::Success) => {
                let here = is_loopback(&self.plan.target);
                self.plan.profile.add(&target, here)
            }
            (None, Exit::CouldNotRun) if is_loopback(&self.plan.target) => "mcpo dev".to_owned(),
            (None, _) => format!("mcpo probe {target}"),
        }
    }

    /// The whole report as one document.
    pub fn document(&self) -> Value {
        let rows: Vec<Row<'_>> = self.checks.iter().map(row).collect();
        let exit = self.exit();
        json!({
            "schema": SCHEMA,
            "tool": {"name": "mcpo", "version": env!("CARGO_PKG_VERSION")},
            "target": self.plan.target.as_str(),
            "verdict": match exit {
                Exit::Success => "passed",
                Exit::CheckFailed => "failed",
                Exit::CouldNotRun | Exit::Interrupted | Exit::ChangesPending => "could-not-run",
            },
            "exit_code": exit as u8,
            "client": {"id": self.plan.profile.name, "title": self.plan.profile.title},
            "outcome": self.outcome(),
            "elapsed_ms": milliseconds(self.elapsed),
            "next": self.next(),
            "checks": rows,
        })
    }
}

impl Verdict {
    /// Its name in reports, and why nothing was found out.
    pub fn parts(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Pass => ("pass", None),
            Self::Warn => ("warn", None),
            Self::Fail => ("fail", None),
            Self::Skipped { because } => ("skipped", Some(because)),
            Self::CouldNotRun { because } => ("could-not-run", Some(because)),
        }
    }
}

fn row(check: &Check) -> Row<'_> {
    let (verdict, because) = check.verdict.parts();
    Row {
        id: check.rule.id,
        title: check.rule.title,
        clause: check.rule.clause,
        verdict,
        because,
        seen: &check.fault.seen,
        expected: &check.fault.expected,
        hint: &check.fault.hint,
        elapsed_ms: milliseconds(check.elapsed),
        round: check.round,
    }
}

/// `url` as a shell takes it: as it is, or in single quotes.
fn quoted(url: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":/._-%@[]".contains(&byte);
    if url.bytes().all(plain) {
        url.to_owned()
    } else {
        format!("'{}'", url.replace('\'', "%27"))
    }
}

/// To a hundredth.
fn milliseconds(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() * 100_000.0).round() / 100.0
}
