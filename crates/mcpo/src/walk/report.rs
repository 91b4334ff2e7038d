//! What a walk found out, and what its reader is told at the end.

use std::time::Duration;

use url::Url;

use super::{
    check::{Check, Log, Suggestion, Verdict},
    credentials::Credentials,
    http::{Sent, is_loopback},
    known::Known,
    plan::Plan,
    profile::Profile,
};
use crate::error::Exit;

/// The end of a walk.
#[derive(Debug)]
pub struct Report<'w> {
    /// The address that was probed.
    pub target: &'w Url,
    /// As whom.
    pub profile: &'w Profile,
    /// Every check, in flow order.
    pub checks: Vec<Check>,
    /// What was sent after the last check.
    pub farewell: Vec<Sent>,
    /// The servers that answer like this one.
    pub recognized: Vec<&'static Known>,
    pub elapsed: Duration,
    /// What the client holds at the end, if it was let in.
    pub credentials: Option<Credentials>,
    suggestion: Option<Suggestion>,
}

impl<'w> Report<'w> {
    pub fn new(
        plan: &'w Plan,
        log: Log<'_>,
        credentials: Option<Credentials>,
        elapsed: Duration,
    ) -> Self {
        let recognized = log.recognized();
        let (checks, farewell, suggestion) = log.into_parts();
        Self {
            target: &plan.target,
            profile: &plan.profile,
            checks,
            farewell,
            recognized,
            elapsed,
            credentials,
            suggestion,
        }
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

    /// What kind of server this seems to be.
    pub fn looks_like(&self) -> Option<String> {
        let names: Vec<&str> = self.recognized.iter().map(|known| &*known.name).collect();
        (!names.is_empty()).then(|| format!("looks like {}", names.join(", with ")))
    }

    /// What the user of the client would see.
    pub fn outcome(&self) -> String {
        self.profile.outcome(&self.checks)
    }

    /// The one command to type next.
    pub fn next(&self) -> String {
        let target = quoted(self.target.as_str());
        match (self.suggestion, self.exit()) {
            (Some(Suggestion::Password), _) => {
                format!("MCPO_PROBE_PASSWORD=… mcpo probe {target}")
            }
            (Some(Suggestion::Browser), _) => format!("mcpo probe --browser {target}"),
            (Some(Suggestion::ClientId), _) => format!("mcpo probe --client-id ID {target}"),
            (None, Exit::Success) => {
                let here = is_loopback(self.target);
                self.profile.add(&target, here)
            }
            (None, Exit::CouldNotRun) if is_loopback(self.target) => "mcpo dev".to_owned(),
            (None, _) => format!("mcpo probe {target}"),
        }
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

/// `url` as a shell takes it: as it is, or in single quotes.
fn quoted(url: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":/._-%@[]".contains(&byte);
    if url.bytes().all(plain) {
        url.to_owned()
    } else {
        format!("'{}'", url.replace('\'', "%27"))
    }
}
