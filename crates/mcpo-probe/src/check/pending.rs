//! A check that has begun and has no verdict yet.

use std::time::{Duration, Instant};

use super::{Detail, Fault, Log, Stop, Verdict};
use crate::rules::Rule;

impl Rule {
    /// Starts the timer of a check.
    pub(crate) fn begin(&'static self) -> Pending {
        Pending {
            rule: self,
            since: Instant::now(),
            details: Vec::new(),
            has_settings: true,
        }
    }
}

/// A check whose timer is running. Its verdict consumes it.
#[must_use]
pub struct Pending {
    pub(super) rule: &'static Rule,
    since: Instant,
    pub(super) details: Vec<Detail>,
    /// Whether the settings of a recognized server can fix the problem.
    pub(super) has_settings: bool,
}

impl Pending {
    /// Leaves out the settings of the recognized server, which are about another problem.
    pub const fn without_settings(mut self) -> Self {
        self.has_settings = false;
        self
    }

    /// Adds lines to the report of the check.
    pub fn with_details(mut self, details: Vec<Detail>) -> Self {
        self.details = details;
        self
    }

    /// Returns how long the check has taken.
    pub fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    pub fn pass(self, log: &mut Log<'_>, seen: impl AsRef<str>) {
        log.record(&self, Verdict::Pass, Fault::new(seen, "", ""));
    }

    /// Passes, or warns if there is a reason to.
    pub fn pass_or_warn(self, log: &mut Log<'_>, seen: impl AsRef<str>, warning: Option<Fault>) {
        match warning {
            Some(fault) => self.warn(log, fault),
            None => self.pass(log, seen),
        }
    }

    pub fn warn(self, log: &mut Log<'_>, fault: Fault) {
        log.record(&self, Verdict::Warn, fault);
    }

    pub fn fail(self, log: &mut Log<'_>, fault: Fault) -> Stop {
        log.record(&self, Verdict::Fail, fault);
        Stop
    }

    pub fn skip(self, log: &mut Log<'_>, because: impl AsRef<str>) {
        let because = because.as_ref().to_owned();
        log.record(&self, Verdict::Skipped { because }, Fault::default());
    }

    pub fn could_not_run(
        self,
        log: &mut Log<'_>,
        because: impl AsRef<str>,
        hint: impl AsRef<str>,
    ) -> Stop {
        let because = because.as_ref().to_owned();
        let fault = Fault::new("", "", hint);
        log.record(&self, Verdict::CouldNotRun { because }, fault);
        Stop
    }
}
