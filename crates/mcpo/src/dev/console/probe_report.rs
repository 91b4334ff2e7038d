//! Prints the result of a probe.

use mcpo_probe::{Report, Verdict};
use serde_json::json;

use super::reporter::Reporter;

/// Prints the result of all checks. Returns true if all of them passed.
pub fn print(reporter: &mut Reporter<'_>, report: &Report) -> bool {
    reporter.json(|| {
        let checks = report.checks.iter();
        let failed = checks.filter(|check| check.verdict == Verdict::Fail);
        let failed: Vec<_> = failed.map(|check| check.rule.id).collect();
        json!({ "event": "walked", "outcome": report.outcome(), "failed": failed })
    });
    let is_wrong = |verdict: &Verdict| !matches!(verdict, Verdict::Pass | Verdict::Skipped { .. });
    let checks = report.checks.iter();
    let mut wrong = checks.filter(|check| is_wrong(&check.verdict)).peekable();
    let ui = reporter.ui();
    if wrong.peek().is_none() {
        ui.step("Probed", report.headline());
        return true;
    }
    ui.warn(report.outcome());
    for check in wrong {
        let (_, because) = check.verdict.parts();
        let seen = because.unwrap_or(&check.fault.seen);
        ui.detail(format_args!("{}: {seen}", check.rule.title));
        if !check.fault.hint.is_empty() {
            ui.detail(format_args!("fix: {}", check.fault.hint));
        }
    }
    false
}
