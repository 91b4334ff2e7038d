//! The report as one HTML file: the verdict, the sequence as a diagram, every check. It has no
//! scripts and loads nothing.

mod diagram;

use std::fmt::Write as _;

use quick_xml::escape::escape;

use super::tools;
use crate::{
    check::{Check, Verdict},
    http::Sent,
    phase::Phase,
    report::{Next, Report},
    store_rules::{RuleResult, RuleVerdict, StoreReport},
    trace::curl,
};

const STYLE: &str = include_str!("style.css");

pub fn write(report: &Report) -> String {
    let title = format!("mcpo probe: {}", report.headline());
    let state = match report.exit() {
        mcpo_common::error::Exit::Success => "pass",
        mcpo_common::error::Exit::CheckFailed => "fail",
        _ => "could-not-run",
    };
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        escape(&title)
    );
    let headline = escape(report.headline()).into_owned();
    // Writing to a String cannot fail.
    let _ = writeln!(
        page,
        "<header class=\"{state}\"><p class=\"what\">{} <span>as {}</span></p>\n<h1>{headline}</h1>\n<p>{}</p>",
        escape(report.target.shown()),
        escape(&report.profile.title),
        escape(report.outcome()),
    );
    if let Some(kind) = report.looks_like() {
        let _ = writeln!(page, "<p class=\"quiet\">{}</p>", escape(kind));
    }
    let next = match report.next_step() {
        Next::Command(command) => format!("<code>{}</code>", escape(command)),
        Next::Edit(edit) => escape(edit).into_owned(),
    };
    let _ = writeln!(page, "<p class=\"next\">next: {next}</p></header>");
    page.push_str("<h2>Requests and responses</h2>\n<figure>\n");
    page.push_str(&diagram::write(report));
    page.push_str("</figure>\n<h2>Checks</h2>\n");
    for phase in Phase::ALL {
        let checks = report.checks.iter();
        let mut checks = checks
            .filter(|check| Phase::of(check.rule) == phase)
            .peekable();
        if checks.peek().is_some() {
            let _ = writeln!(page, "<h3>{}</h3>", phase.title());
        }
        for check in checks {
            page.push_str(&article(check));
        }
    }
    page.push_str(&stores(&report.stores));
    if let Some(report) = &report.tools {
        page.push_str(&tools::html(report));
    }
    let _ = write!(
        page,
        "</main>\n<footer>mcpo {}; secrets are replaced by their name and length</footer>\n</body>\n</html>",
        env!("CARGO_PKG_VERSION")
    );
    page
}

/// Renders one check as a folded element, open if something is wrong.
fn article(check: &Check) -> String {
    let (verdict, because) = check.verdict.parts();
    let wrong = matches!(check.verdict, Verdict::Fail | Verdict::Warn);
    let mut html = format!(
        "<details class=\"{verdict}\"{}><summary><b>{}</b> {} <span>{}</span> <time>{:.1} ms</time></summary>\n<dl>\n",
        if wrong { " open" } else { "" },
        check.verdict.mark(),
        escape(check.title()),
        escape(because.unwrap_or(if wrong { "" } else { &check.fault.seen })),
        check.elapsed.as_secs_f64() * 1_000.0,
    );
    let mut row = |label: &str, text: &str| {
        if !text.is_empty() {
            let _ = writeln!(html, "<dt>{label}</dt><dd>{}</dd>", escape(text));
        }
    };
    if wrong {
        row("seen", &check.fault.seen);
    }
    row("expected", &check.fault.expected);
    row("fix", &check.fault.hint);
    for setting in &check.settings {
        row("setting", setting);
    }
    for detail in &check.details {
        row(detail.label, &detail.text);
    }
    row("clause", check.rule.clause);
    row("check", check.rule.id);
    html.push_str("</dl>\n");
    for sent in &check.sent {
        html.push_str(&request(sent));
    }
    html.push_str("</details>\n");
    html
}

/// Renders the verdict about each store, the broken rules, and what was not checked.
fn stores(report: &StoreReport) -> String {
    let mut html = String::new();
    if report.stores.is_empty() {
        return html;
    }
    html.push_str("<h2>Stores</h2>\n");
    for store in &report.stores {
        let _ = writeln!(
            html,
            "<p><b>{}</b>: {}</p>",
            store.name(),
            escape(report.summary(*store))
        );
    }
    for result in report.broken() {
        html.push_str(&rule(report, result));
    }
    let unchecked = report.unchecked();
    if !unchecked.is_empty() {
        html.push_str("<details><summary>rules that could not be checked</summary>\n<dl>\n");
        for (because, ids) in unchecked {
            let _ = writeln!(
                html,
                "<dt>rules</dt><dd>{}: {}</dd>",
                ids.join(", "),
                escape(because)
            );
        }
        html.push_str("</dl>\n</details>\n");
    }
    html
}

fn rule(report: &StoreReport, result: &RuleResult) -> String {
    let rule = result.rule;
    let (class, mark) = match report.strongest(result) {
        RuleVerdict::Fail => ("fail", "FAIL"),
        _ => ("warn", "warn"),
    };
    let mut html = format!(
        "<details class=\"{class}\" open><summary><b>{mark}</b> {} <span>{}</span></summary>\n<dl>\n",
        escape(&rule.title),
        escape(report.levels(result)),
    );
    let (findings, more) = result.findings();
    let mut row = |label: &str, text: &str| {
        let _ = writeln!(html, "<dt>{label}</dt><dd>{}</dd>", escape(text));
    };
    for found in findings {
        match &found.tool {
            Some(tool) => row("seen", &format!("{tool}: {}", found.seen)),
            None => row("seen", &found.seen),
        }
    }
    if more > 0 {
        row("seen", &format!("and {more} more"));
    }
    row("fix", &rule.fix);
    row("source", &format!("{} ({})", rule.source, rule.source_date));
    row("rule", &rule.id);
    html.push_str("</dl>\n</details>\n");
    html
}

/// Renders a request, its response and the curl command to repeat it.
fn request(sent: &Sent) -> String {
    let mut text = String::new();
    if let Some(detail) = &sent.detail {
        let mut part = |mark: char, headers: &[(String, String)], body: Option<&str>| {
            for (name, value) in headers {
                let _ = writeln!(text, "{mark} {name}: {value}");
            }
            if let Some(body) = body {
                let _ = writeln!(text, "{mark} {body}");
            }
        };
        part('>', &detail.asked_headers, detail.asked_body.as_deref());
        part('<', &detail.came_headers, detail.came_body.as_deref());
        if let Some(command) = curl(sent, detail) {
            let _ = write!(text, "\n{command}");
        }
    }
    format!(
        "<details class=\"request\"><summary>{} → {}</summary><pre>{}</pre></details>\n",
        escape(sent.to_string()),
        escape(sent.came()),
        escape(text)
    )
}
