//! The report as Markdown: problems first, everything else collapsed.

use std::fmt::Write as _;

use super::tools;
use crate::{
    check::{Check, Verdict},
    phase::Phase,
    report::{Next, Report},
    store_rules::{RuleVerdict, StoreReport},
};

pub fn write(report: &Report) -> String {
    let checks = &report.checks;
    let mut text = format!("### mcpo probe: {}\n\n", report.headline());
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{} as {}\n",
        code(&report.target.shown()),
        report.profile.title
    );
    let _ = writeln!(text, "{}\n", plain(&report.outcome()));
    let next = match report.next_step() {
        Next::Command(command) => code(&command),
        Next::Edit(edit) => plain(&edit),
    };
    let _ = writeln!(text, "next: {next}\n");
    let wrong = |check: &&Check| !matches!(check.verdict, Verdict::Pass | Verdict::Skipped { .. });
    for check in checks.iter().filter(wrong) {
        let (_, because) = check.verdict.parts();
        let fault = &check.fault;
        let _ = writeln!(
            text,
            "**{}: {}** ({})\n",
            check.verdict.mark(),
            check.title(),
            check.rule.clause
        );
        for (label, seen) in [
            ("seen", because.unwrap_or(&fault.seen)),
            ("expected", &fault.expected),
        ] {
            if !seen.is_empty() {
                let _ = writeln!(text, "- {label}: {}", code(seen));
            }
        }
        if !fault.hint.is_empty() {
            let _ = writeln!(text, "- fix: {}", plain(&fault.hint));
        }
        for setting in &check.settings {
            let _ = writeln!(text, "- setting: {}", plain(setting));
        }
        for detail in &check.details {
            let _ = writeln!(text, "- {}: {}", detail.label, code(&detail.text));
        }
        text.push('\n');
    }
    stores(&mut text, &report.stores);
    if let Some(report) = &report.tools {
        text.push_str(&tools::markdown(report, code, plain));
    }
    text.push_str("<details><summary>all checks</summary>\n");
    for phase in Phase::ALL {
        let mut checks = checks
            .iter()
            .filter(|check| Phase::of(check.rule) == phase)
            .peekable();
        if checks.peek().is_some() {
            let _ = writeln!(text, "\n**{}**\n", phase.title());
        }
        for check in checks {
            let (_, because) = check.verdict.parts();
            let seen = code(because.unwrap_or(&check.fault.seen));
            let (mark, title) = (check.verdict.mark(), check.title());
            let _ = writeln!(text, "- {mark} {title} (`{}`): {seen}", check.rule.id);
        }
    }
    let _ = write!(text, "\n</details>\n\nmcpo {}", env!("CARGO_PKG_VERSION"));
    text
}

/// Writes the verdict about each store, the broken rules, and what was not checked.
fn stores(text: &mut String, report: &StoreReport) {
    for store in &report.stores {
        let _ = writeln!(text, "**{}**: {}\n", store.name(), report.summary(*store));
    }
    for result in report.broken() {
        let rule = result.rule;
        let _ = writeln!(
            text,
            "**{}: {}** (`{}`; {})\n",
            match report.strongest(result) {
                RuleVerdict::Fail => "FAIL",
                _ => "warn",
            },
            plain(&rule.title),
            rule.id,
            report.levels(result)
        );
        let (findings, more) = result.findings();
        for found in findings {
            let tool = found.tool.as_deref();
            let tool = tool.map_or_else(String::new, |tool| format!("{}: ", code(tool)));
            let _ = writeln!(text, "- seen: {tool}{}", code(&found.seen));
        }
        if more > 0 {
            let _ = writeln!(text, "- and {more} more");
        }
        let _ = writeln!(text, "- fix: {}", plain(&rule.fix));
        let _ = writeln!(text, "- source: <{}> ({})\n", rule.source, rule.source_date);
    }
    let unchecked = report.unchecked();
    if !unchecked.is_empty() {
        text.push_str("<details><summary>rules that could not be checked</summary>\n\n");
        for (because, ids) in unchecked {
            let _ = writeln!(text, "- {}: {}", ids.join(", "), plain(because));
        }
        text.push_str("\n</details>\n\n");
    }
}

/// Formats a server's text as code, so that it is never markup.
fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    format!("`{}`", text.replace('`', "'"))
}

/// Escapes text of the probe, which may quote a server.
fn plain(text: &str) -> String {
    let special = |character: char| "\\`*_{}[]<>|#@!&".contains(character);
    let mut escaped = String::new();
    for character in text.chars() {
        if special(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
