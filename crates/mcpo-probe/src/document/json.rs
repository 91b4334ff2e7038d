//! The report as JSON, for scripts. Its fields are described in `docs/probe.md`.

use std::time::Duration;

use mcpo_common::error::Exit;
use serde::Serialize;
use serde_json::{Value, json};

use super::tools;
use crate::{
    check::Check,
    http::Sent,
    report::Report,
    store::Store,
    store_rules::{self, RuleOutcome, RuleResult},
    trace::curl,
};

/// Increased when a field changes its meaning or is removed; new fields may be added at any time.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Row<'c> {
    id: &'c str,
    title: &'c str,
    clause: &'c str,
    verdict: &'static str,
    because: Option<&'c str>,
    seen: &'c str,
    expected: &'c str,
    hint: &'c str,
    elapsed_ms: f64,
    round: u32,
    settings: &'c [String],
    requests: Vec<Request<'c>>,
}

/// A request of a check, and its response.
#[derive(Serialize)]
struct Request<'c> {
    method: &'c str,
    url: &'c str,
    purpose: Option<&'c str>,
    browser: bool,
    status: Option<u16>,
    error: Option<&'c str>,
    elapsed_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Whole<'c>>,
}

/// With `--trace`: headers and bodies, without secrets.
#[derive(Serialize)]
struct Whole<'c> {
    asked_headers: &'c [(String, String)],
    asked_body: Option<&'c str>,
    came_headers: &'c [(String, String)],
    came_body: Option<&'c str>,
    /// `None` for a message to a local server.
    curl: Option<String>,
}

/// Returns the whole report as one document.
pub fn write(report: &Report) -> String {
    format!("{:#}", document(report))
}

fn document(report: &Report) -> Value {
    let rows: Vec<Row<'_>> = report.checks.iter().map(row).collect();
    let exit = report.exit();
    json!({
        "schema": SCHEMA,
        "tool": {"name": "mcpo", "version": env!("CARGO_PKG_VERSION")},
        "target": report.target.shown(),
        "verdict": match exit {
            Exit::Success => "passed",
            Exit::CheckFailed => "failed",
            Exit::CouldNotRun | Exit::Interrupted | Exit::ChangesPending => "could-not-run",
        },
        "exit_code": exit as u8,
        "client": {"id": report.profile.name, "title": report.profile.title},
        "recognized": report.recognized.iter().map(|known| &known.name).collect::<Vec<_>>(),
        "outcome": report.outcome(),
        "elapsed_ms": milliseconds(report.elapsed),
        "next": report.next(),
        "checks": rows,
        "tools": report.tools.as_ref().map(tools::json),
        "contract": report.comparison.as_ref().map(|comparison| json!({
            "file": comparison.file,
            "accepted": comparison.is_accepted,
            "summary": comparison.changes.summary(),
            "changes": comparison.changes,
        })),
        "stores": report.stores.stores.iter().map(|store| self::store(report, *store)).collect::<Vec<_>>(),
    })
}

/// Returns the verdicts about all rules of `store`.
fn store(report: &Report, store: Store) -> Value {
    let stores = &report.stores;
    let rules = stores.rules.iter();
    let rules: Vec<_> = rules.filter_map(|result| rule(result, store)).collect();
    json!({
        "id": store.name(),
        "title": store.title(),
        "verdict": stores.readiness(store).name(),
        "summary": stores.summary(store),
        "rules_date": store_rules::date(),
        "rules": rules,
    })
}

fn rule(result: &RuleResult, store: Store) -> Option<Value> {
    let rule = result.rule;
    let (findings, more) = result.findings();
    let findings = findings.iter();
    let findings = findings.map(|found| json!({"tool": found.tool, "seen": found.seen}));
    Some(json!({
        "id": rule.id,
        "title": rule.title,
        "level": rule.stores.get(&store)?.name(),
        "verdict": result.verdict(store)?.name(),
        "because": match &result.outcome {
            RuleOutcome::NotChecked { because } => Some(because),
            RuleOutcome::Passed | RuleOutcome::Broken { .. } => None,
        },
        "findings": findings.collect::<Vec<_>>(),
        "more_findings": more,
        "fix": rule.fix,
        "source": rule.source,
        "source_date": rule.source_date,
        "quote": rule.quote,
    }))
}

fn row(check: &Check) -> Row<'_> {
    let (verdict, because) = check.verdict.parts();
    Row {
        id: check.rule.id,
        title: check.rule.title,
        clause: check.rule.clause,
        verdict,
        because,
        seen: &check.fault.seen,
        expected: &check.fault.expected,
        hint: &check.fault.hint,
        elapsed_ms: milliseconds(check.elapsed),
        round: check.round,
        settings: &check.settings,
        requests: check.sent.iter().map(request).collect(),
    }
}

fn request(sent: &Sent) -> Request<'_> {
    Request {
        method: &sent.method,
        url: &sent.url,
        purpose: sent.purpose.as_deref(),
        browser: sent.browser,
        status: sent.outcome.as_ref().ok().copied().flatten(),
        error: sent.outcome.as_ref().err().map(String::as_str),
        elapsed_ms: milliseconds(sent.elapsed),
        detail: sent.detail.as_deref().map(|detail| Whole {
            asked_headers: &detail.asked_headers,
            asked_body: detail.asked_body.as_deref(),
            came_headers: &detail.came_headers,
            came_body: detail.came_body.as_deref(),
            curl: curl(sent, detail),
        }),
    }
}

/// Rounds to hundredths.
fn milliseconds(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() * 100_000.0).round() / 100.0
}
