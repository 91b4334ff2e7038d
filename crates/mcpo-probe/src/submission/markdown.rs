//! The submission as Markdown. Text of the server is in code spans, so that it cannot change the
//! document.

use std::fmt::Write as _;

use serde_json::Value;

use super::{
    fields::{self, Content, Field},
    tools::{self, JUSTIFIED},
};
use crate::{report::Report, store_rules};

pub fn write(report: &Report, date: &str) -> String {
    let fields = fields::all(report);
    let stores = report.stores.stores.iter().map(|store| store.title());
    let stores = stores.collect::<Vec<_>>().join(", ");
    let mut text = format!("# Submission: {}\n\n", code(&report.target.shown()));
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "Draft of {date} for {stores}, by mcpo {}; rules of the stores of {}.\n\n\
         **TODO** marks what only you know. Edit every draft. Enter credentials in the portal only.\n",
        env!("CARGO_PKG_VERSION"),
        store_rules::date()
    );
    text.push_str("## Fields\n\n| field | value | source | limit | stores |\n| --- | --- | --- | --- | --- |\n");
    for field in &fields {
        text.push_str(&row(field));
    }
    text.push_str("\n## Tools\n");
    for tool in tools::all(report) {
        let _ = writeln!(
            text,
            "\n### {}\n\n- title: {}\n- description: {}\n- observed: {}",
            code(&tool.name),
            code(&tool.title),
            code(&tool.description),
            code(&tool.observed.to_string())
        );
        for (hint, _) in JUSTIFIED {
            let value = tool.annotations.get(hint);
            let value = value.map_or_else(|| "not set".to_owned(), Value::to_string);
            let _ = writeln!(
                text,
                "- {hint}: {value}; **TODO** {}",
                tool.justification(hint)
            );
        }
    }
    text.push_str("\n## Findings\n\n");
    let broken = report.stores.broken();
    if broken.is_empty() {
        text.push_str("No rule that the probe can check is broken.\n");
    }
    for result in broken {
        let (findings, more) = result.findings();
        for found in findings {
            let tool = found.tool.as_deref().map(code).unwrap_or_default();
            let _ = writeln!(text, "- {} {tool} {}", result.rule.id, code(&found.seen));
        }
        if more > 0 {
            let _ = writeln!(text, "- {}: {more} more", result.rule.id);
        }
    }
    text.push_str("\n## Left to fill\n\n");
    for field in fields.iter().filter(|field| field.is_gap()) {
        let _ = writeln!(text, "- {}", field.name);
    }
    text.push_str("- test cases: 5 requests that use the server, 3 that must not\n");
    text
}

fn row(field: &Field) -> String {
    let (value, from) = match &field.content {
        Content::Value { value, from } => {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            (code(&text), *from)
        }
        Content::Draft { text, from } => {
            let length = text.chars().count();
            (
                format!("{} (draft, {length} characters)", code(text)),
                *from,
            )
        }
        Content::Todo(todo) => (format!("**TODO** {todo}"), ""),
    };
    let limits = field.limits.iter();
    let limits = limits.map(|(store, limit)| format!("{}: {limit}", store.name()));
    let stores = field.stores.iter().map(|store| store.name());
    format!(
        "| {} | {value} | {from} | {} | {} |\n",
        field.name,
        limits.collect::<Vec<_>>().join(", "),
        stores.collect::<Vec<_>>().join(", ")
    )
}

/// Formats a server's text as code in one line. A `|` would end the cell of a table.
fn code(text: &str) -> String {
    if text.trim().is_empty() {
        return String::new();
    }
    let line = text.replace(['\n', '\r'], " ").replace('`', "'");
    format!("`{}`", line.replace('|', "\\|"))
}
