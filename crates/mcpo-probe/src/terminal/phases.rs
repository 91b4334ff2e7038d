//! The phases of the probe: one line each, with the checks that need attention below it.

use std::time::Duration;

use console::Style;

use super::{
    Selection,
    checks::{self, style_of},
    screen::Screen,
};
use crate::{
    check::{Check, Verdict},
    phase::Phase,
    report::Report,
};

/// Width of the column of titles.
const TITLE: usize = 19;

/// Adds all phases, with the checks that `selection` contains.
pub fn write(screen: &mut Screen, report: &Report, selection: &Selection) {
    for phase in Phase::ALL {
        let checks = report.checks.iter();
        let checks: Vec<&Check> = checks
            .filter(|check| Phase::of(check.rule) == phase)
            .collect();
        let Some(tally) = Tally::of(&checks) else {
            continue;
        };
        let summary = match &tally.skipped_because {
            Some(because) if !selection.is_verbose => format!("{}: {because}", tally.summary()),
            _ => tally.summary(),
        };
        heading(screen, phase, &tally.worst, &summary);
        let shown: Vec<&Check> = checks
            .into_iter()
            .filter(|check| selection.shows(check))
            .collect();
        checks::write(screen, &shown);
    }
}

fn heading(screen: &mut Screen, phase: Phase, worst: &Verdict, summary: &str) {
    let title = phase.title();
    let padding = " ".repeat(TITLE.saturating_sub(title.len()));
    if screen.is_tree() {
        let node = screen.paint(&style_of(worst), "◆");
        let title = screen.paint(&Style::new().bold(), title);
        screen.node(&format!(" {node} {title}{padding} "), summary);
    } else {
        screen.hang(&format!("{title}:{padding} "), summary);
    }
}

/// The number of checks with each result.
struct Tally {
    passed: usize,
    warned: usize,
    failed: usize,
    unknown: usize,
    skipped: usize,
    elapsed: Duration,
    worst: Verdict,
    /// Why checks were skipped, if all of them were skipped for the same reason.
    skipped_because: Option<String>,
}

impl Tally {
    /// Returns `None` if there are no checks.
    fn of(checks: &[&Check]) -> Option<Self> {
        let count = |wanted: fn(&Verdict) -> bool| {
            let found = checks.iter().filter(|check| wanted(&check.verdict));
            found.count()
        };
        let worst = checks.iter().max_by_key(|check| severity(&check.verdict))?;
        let mut reasons = checks.iter().filter_map(|check| match &check.verdict {
            Verdict::Skipped { because } => Some(because),
            _ => None,
        });
        let first = reasons.next().cloned();
        Some(Self {
            passed: count(|verdict| matches!(verdict, Verdict::Pass)),
            warned: count(|verdict| matches!(verdict, Verdict::Warn)),
            failed: count(|verdict| matches!(verdict, Verdict::Fail)),
            unknown: count(|verdict| matches!(verdict, Verdict::CouldNotRun { .. })),
            skipped: count(|verdict| matches!(verdict, Verdict::Skipped { .. })),
            elapsed: checks.iter().map(|check| check.elapsed).sum(),
            worst: worst.verdict.clone(),
            skipped_because: first.filter(|first| reasons.all(|other| other == first)),
        })
    }

    /// Returns `6 ok, 1 failed, 12 ms, 2 skipped`.
    fn summary(&self) -> String {
        let counts = [
            (self.passed, "ok"),
            (self.warned, "with a warning"),
            (self.failed, "failed"),
            (self.unknown, "could not run"),
        ];
        let counts = counts.into_iter().filter(|(number, _)| *number > 0);
        let mut parts: Vec<String> = counts
            .map(|(number, what)| format!("{number} {what}"))
            .collect();
        if !parts.is_empty() {
            parts.push(format!("{:.0} ms", self.elapsed.as_secs_f64() * 1_000.0));
        }
        if self.skipped > 0 {
            parts.push(format!("{} skipped", self.skipped));
        }
        parts.join(", ")
    }
}

const fn severity(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Skipped { .. } => 0,
        Verdict::Pass => 1,
        Verdict::Warn => 2,
        Verdict::CouldNotRun { .. } => 3,
        Verdict::Fail => 4,
    }
}
