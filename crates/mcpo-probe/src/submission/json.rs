//! The submission as JSON. The format is described in `docs/probe.md`.

use serde_json::{Map, Value, json};

use super::{
    fields::{self, Content, Field},
    tools::{self, JUSTIFIED, Tool},
};
use crate::{report::Report, store_rules};

/// The number of test cases that the form of ChatGPT asks for.
pub(super) const POSITIVE: usize = 5;
pub(super) const NEGATIVE: usize = 3;

pub fn write(report: &Report, date: &str) -> String {
    format!("{:#}\n", document(report, date))
}

fn document(report: &Report, date: &str) -> Value {
    let fields = fields::all(report);
    let tools = tools::all(report);
    let gaps = fields.iter().filter(|field| field.is_gap());
    let gaps: Vec<&str> = gaps.map(|field| field.name).collect();
    let fields = fields.iter();
    let fields: Map<String, Value> = fields
        .map(|field| (field.name.to_owned(), self::field(field)))
        .collect();
    json!({
        "format": "mcpo-submission/1",
        "created": date,
        "rules_date": store_rules::date(),
        "stores": report.stores.stores.iter().map(|store| store.name()).collect::<Vec<_>>(),
        "server": report.target.shown(),
        "fields": fields,
        "tools": tools.iter().map(tool).collect::<Vec<_>>(),
        "test_cases": test_cases(&tools),
        "findings": findings(report),
        "gaps": gaps,
    })
}

fn field(field: &Field) -> Value {
    let mut document = match &field.content {
        Content::Value { value, from } => json!({"value": value, "from": from}),
        Content::Draft { text, from } => {
            json!({"draft": text, "from": from, "characters": text.chars().count()})
        }
        Content::Todo(todo) => json!({"todo": todo}),
    };
    let stores = field.stores.iter().map(|store| store.name());
    document["stores"] = stores.collect::<Vec<_>>().into();
    if !field.limits.is_empty() {
        let limits = field.limits.iter();
        let limits = limits.map(|(store, limit)| (store.name().to_owned(), json!(limit)));
        document["limits"] = limits.collect::<Map<_, _>>().into();
    }
    document
}

fn tool(tool: &Tool) -> Value {
    let justifications = JUSTIFIED.iter().map(|(hint, name)| {
        (
            (*name).to_owned(),
            json!({"todo": tool.justification(hint)}),
        )
    });
    json!({
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "annotations": tool.annotations,
        "observed": tool.observed,
        "justifications": justifications.collect::<Map<_, _>>(),
    })
}

/// Returns five test cases, each with a tool of the server as a proposal, and three requests that
/// must not use the server.
fn test_cases(tools: &[Tool]) -> Value {
    let positive = (0..POSITIVE).map(|index| {
        let proposed = tools.get(index).or_else(|| tools.first());
        json!({
            "prompt": {"todo": "what a user writes"},
            "tools_triggered": proposed.map(|tool| &tool.name).into_iter().collect::<Vec<_>>(),
            "expected": {"todo": "what the user sees"},
        })
    });
    let negative = json!({"prompt": {"todo": "a request that must not use this server"}});
    json!({
        "positive": positive.collect::<Vec<_>>(),
        "negative": vec![negative; NEGATIVE],
    })
}

fn findings(report: &Report) -> Vec<Value> {
    let broken = report.stores.broken().into_iter();
    let findings = broken.flat_map(|result| {
        let stores = result.rule.stores.keys().map(|store| store.name());
        let stores: Vec<_> = stores.collect();
        let (findings, _) = result.findings();
        findings.iter().map(move |found| {
            json!({
                "rule": result.rule.id,
                "stores": stores,
                "tool": found.tool,
                "seen": found.seen,
            })
        })
    });
    findings.collect()
}
