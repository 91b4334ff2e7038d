//! Prints the result of a probe.

use mcpo_probe::{Report, Verdict};
use serde_json::json;

use super::reporter::Reporter;

/// The id of the check that calls a tool.
const CALL: &str = "tools-call";

/// Prints the result of the tool call, if there was one, or else the result of all checks.
pub fn print(reporter: &mut Reporter<'_>, tool: Option<&str>, report: &Report) {
    let Some(tool) = tool else {
        return print_checks(reporter, report);
    };
    let mut checks = report.checks.iter();
    let called = checks.find(|check| check.rule.id == CALL && check.verdict == Verdict::Pass);
    match called {
        Some(check) => reporter.ui().step("Tried", &check.fault.seen),
        None => {
            reporter.ui().warn(format_args!("{tool} was not called"));
            print_checks(reporter, report);
        }
    }
}

fn print_checks(reporter: &mut Reporter<'_>, report: &Report) {
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
        return;
    }
    ui.warn(report.outcome());
    for check in wrong {
        let (_, because) = check.verdict.parts();
        let seen = because.unwrap_or(&check.fault.seen);
        ui.say(format_args!("           {}: {seen}", check.rule.title));
        if !check.fault.hint.is_empty() {
            ui.say(format_args!("           fix: {}", check.fault.hint));
        }
    }
}
