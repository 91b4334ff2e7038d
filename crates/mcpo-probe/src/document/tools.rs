//! The section about the quality of the tools, in documents.

use std::fmt::Write as _;

use mcpo_common::text::count;
use quick_xml::escape::escape;
use serde_json::{Value, json};

use crate::tool_quality::ToolReport;

/// Returns the section as a member of the JSON document.
pub fn json(report: &ToolReport) -> Value {
    let cost = &report.cost;
    let contexts = cost.shares.iter().map(|share| {
        json!({
            "models": share.models,
            "tokens": share.context,
            "percent": (share.percent * 100.0).round() / 100.0,
            "large": share.is_large,
        })
    });
    let findings = report.findings.iter().map(|found| {
        json!({
            "rule": found.rule.id,
            "title": found.rule.title,
            "tool": found.tool,
            "seen": found.seen,
            "fix": found.rule.fix,
            "source": found.rule.source,
            "source_date": found.rule.source_date,
        })
    });
    json!({
        "count": report.tools,
        "bytes": cost.bytes,
        "estimated_tokens": cost.tokens,
        "contexts": contexts.collect::<Vec<_>>(),
        "findings": findings.collect::<Vec<_>>(),
        "more_findings": report.more,
    })
}

/// Returns the size of the list in one line.
fn size(report: &ToolReport) -> String {
    let tools = count(report.tools, "tool");
    format!("{tools}, about {} tokens", report.cost.tokens)
}

/// Returns the section as Markdown. `code` and `plain` make texts safe.
pub fn markdown(
    report: &ToolReport,
    code: fn(&str) -> String,
    plain: fn(&str) -> String,
) -> String {
    let mut text = format!("**tools**: {}\n\n", size(report));
    for findings in report.by_rule() {
        let Some(rule) = findings.first().map(|found| found.rule) else {
            continue;
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "**warn: {}** (`{}`)\n", plain(&rule.title), rule.id);
        for found in findings {
            let tool = found.tool.as_deref();
            let tool = tool.map_or_else(String::new, |tool| format!("{}: ", code(tool)));
            let _ = writeln!(text, "- seen: {tool}{}", code(&found.seen));
        }
        let _ = writeln!(text, "- fix: {}\n", plain(&rule.fix));
    }
    text
}

/// Returns the section as HTML.
pub fn html(report: &ToolReport) -> String {
    let mut text = format!("<h2>Tools</h2>\n<p>{}</p>\n", escape(size(report)));
    for findings in report.by_rule() {
        let Some(rule) = findings.first().map(|found| found.rule) else {
            continue;
        };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "<article class=\"warn\"><h3>{}</h3>\n<ul>\n",
            escape(&rule.title)
        );
        for found in findings {
            let tool = found.tool.as_deref();
            let tool = tool.map_or_else(String::new, |tool| format!("{tool}: "));
            let _ = writeln!(text, "<li>{}</li>", escape(format!("{tool}{}", found.seen)));
        }
        let _ = writeln!(text, "</ul>\n<p>{}</p></article>", escape(&rule.fix));
    }
    text
}
