//! The report of a probe, and its summary for the user.

mod next;
mod outcome;

use std::{fmt, time::Duration};

use mcpo_common::error::Exit;

pub use self::next::Next;
use crate::{
    check::{Check, Log, LogParts, Suggestion, Verdict},
    contract::{Comparison, Contract},
    credentials::Credentials,
    fingerprints::{Fingerprint, Kind},
    http::Sent,
    observations::Observations,
    plan::Plan,
    profile::Profile,
    store::Store,
    store_rules::{self, Evidence, StoreReport},
    target::Target,
    tool_quality::{self, ToolReport},
};

/// The result of a probe.
#[derive(Debug)]
pub struct Report {
    /// The server that was probed.
    pub target: Target,
    /// The imitated client.
    pub(crate) profile: Profile,
    /// Every check, in flow order.
    pub checks: Vec<Check>,
    /// The requests sent after the last check.
    pub last_requests: Vec<Sent>,
    /// The known servers that answer like this one.
    pub(crate) recognized: Vec<&'static Fingerprint>,
    /// How long the probe took.
    pub elapsed: Duration,
    /// The client's credentials at the end of the probe, if it got a token.
    pub credentials: Option<Credentials>,
    /// The contract of the server, if the plan asked for it and the probe got all lists.
    pub contract: Option<Contract>,
    /// The comparison with a lock file, if the plan has one.
    pub comparison: Option<Comparison>,
    /// The rules of the requested stores.
    pub stores: StoreReport,
    /// The quality of the tools, if the probe got the list of them.
    pub tools: Option<ToolReport>,
    pub(crate) seen: Observations,
    suggestion: Option<Suggestion>,
}

impl Report {
    pub(crate) fn new(
        plan: &Plan,
        log: Log<'_>,
        credentials: Option<Credentials>,
        elapsed: Duration,
    ) -> Self {
        let recognized = log.recognized();
        let LogParts {
            checks,
            last_requests,
            suggestion,
            mut seen,
        } = log.into_parts();
        let (contract, comparison) = (seen.contract.take(), seen.comparison.take());
        let evidence = Evidence {
            target: &plan.target,
            client: plan.profile.name,
            seen: &seen,
            checks: &checks,
        };
        let stores = store_rules::evaluate(&plan.stores, &evidence);
        let tools = tool_quality::evaluate(&evidence);
        Self {
            target: plan.target.clone(),
            profile: plan.profile.clone(),
            checks,
            last_requests,
            recognized,
            elapsed,
            credentials,
            contract,
            comparison,
            stores,
            tools,
            seen,
            suggestion,
        }
    }

    /// Returns the checks that failed, in flow order.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        let checks = self.checks.iter();
        checks.filter(|check| check.verdict == Verdict::Fail)
    }

    /// Returns true if no check failed, no required rule of a requested store is broken, and the
    /// probe could test everything.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.exit() == Exit::Success
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

    /// Returns the exit code: a failed check or a broken rule of a store outweighs a check that could
    /// not run.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if self.failed().is_some() || self.stores.rejecting().next().is_some() {
            Exit::CheckFailed
        } else if self.could_not_run().is_some() {
            Exit::CouldNotRun
        } else {
            Exit::Success
        }
    }

    /// Returns the verdict in one line.
    #[must_use]
    pub fn headline(&self) -> String {
        let time = format!("{:.0} ms", self.elapsed.as_secs_f64() * 1_000.0);
        let warnings = match self.count(|verdict| matches!(verdict, Verdict::Warn)) {
            0 => String::new(),
            1 => ", 1 warning".to_owned(),
            warnings => format!(", {warnings} warnings"),
        };
        if let Some(check) = self.failed() {
            let more = match self.count(|verdict| matches!(verdict, Verdict::Fail)) - 1 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("failed: {}{more}{warnings}, in {time}", check.title())
        } else if self.stores.rejecting().next().is_some() {
            let stores: Vec<_> = self.stores.rejecting().map(Store::name).collect();
            format!(
                "failed: not ready for {}{warnings}, in {time}",
                stores.join(" and ")
            )
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

    /// Returns what kind of server this seems to be, with its authorization server and the gateways
    /// in front of it: "looks like A, with B, behind C".
    #[must_use]
    pub fn looks_like(&self) -> Option<String> {
        let names = |kind: Kind| {
            let all = self.recognized.iter().filter(|known| known.kind == kind);
            let names: Vec<&str> = all.map(|known| &*known.name).collect();
            (!names.is_empty()).then(|| names.join(" and "))
        };
        let issuer = names(Kind::Issuer).map(|names| format!("with {names}"));
        let gateway = names(Kind::Gateway).map(|names| format!("behind {names}"));
        let server = match names(Kind::Server) {
            None if issuer.is_none() && gateway.is_none() => return None,
            None => "an unknown server".to_owned(),
            Some(names) => names,
        };
        let parts: Vec<String> = [Some(server), issuer, gateway]
            .into_iter()
            .flatten()
            .collect();
        Some(format!("looks like {}", parts.join(", ")))
    }

    /// Returns what the user of the client would see.
    #[must_use]
    pub fn outcome(&self) -> String {
        self.profile.outcome(&self.checks)
    }

    /// Returns what to do next: a command, or the fix of the first problem.
    #[must_use]
    pub fn next(&self) -> String {
        self.next_step().into_text()
    }

    /// Returns what to do next.
    pub(crate) fn next_step(&self) -> Next {
        next::of(self)
    }
}

/// The verdict's name in reports.
impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.parts().0)
    }
}

impl Verdict {
    /// Returns the verdict's name in reports, and the reason if the check did not run.
    #[must_use]
    pub fn parts(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Pass => ("pass", None),
            Self::Warn => ("warn", None),
            Self::Fail => ("fail", None),
            Self::Skipped { because } => ("skipped", Some(because)),
            Self::CouldNotRun { because } => ("could-not-run", Some(because)),
        }
    }

    /// Returns the mark in reports for people.
    pub(crate) const fn mark(&self) -> &'static str {
        match self {
            Self::Pass => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
            Self::Skipped { .. } => "skip",
            Self::CouldNotRun { .. } => "????",
        }
    }
}
