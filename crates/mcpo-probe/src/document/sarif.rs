//! The report as SARIF 2.1.0, for code scanning.

use serde_json::{Value, json};

use crate::{
    check::{Check, Verdict},
    report::Report,
    store_rules::{RuleResult, RuleVerdict},
};

pub fn write(report: &Report) -> String {
    let wrong: Vec<&Check> = report
        .checks
        .iter()
        .filter(|check| level(check).is_some())
        .collect();
    let mut rules: Vec<Value> = Vec::new();
    for check in &wrong {
        if rules.iter().all(|rule| rule["id"] != check.rule.id) {
            rules.push(rule(check));
        }
    }
    let mut results: Vec<Value> = wrong.iter().map(|check| result(check, report)).collect();
    for broken in report.stores.broken() {
        rules.push(store_rule(broken, report));
        results.extend(store_results(broken, report));
    }
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "mcpo probe",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "invocations": [{
                "executionSuccessful": !report.checks.iter().any(is_unknown),
                "exitCode": report.exit() as u8,
            }],
            "properties": {"client": report.profile.name, "outcome": report.outcome()},
            "results": results,
        }],
    });
    format!("{document:#}")
}

fn is_unknown(check: &Check) -> bool {
    matches!(check.verdict, Verdict::CouldNotRun { .. })
}

fn level(check: &Check) -> Option<&'static str> {
    match check.verdict {
        Verdict::Fail => Some("error"),
        Verdict::Warn => Some("warning"),
        Verdict::CouldNotRun { .. } => Some("note"),
        Verdict::Pass | Verdict::Skipped { .. } => None,
    }
}

fn rule(check: &Check) -> Value {
    json!({
        "id": check.rule.id,
        "name": check.rule.title,
        "shortDescription": {"text": check.rule.title},
        "fullDescription": {"text": format!("{}: {}", check.rule.title, check.rule.clause)},
        "properties": {"tags": [if check.rule.security { "security" } else { "walk" }]},
    })
}

/// Returns the id in SARIF; checks of the probe have other ids.
fn store_id(result: &RuleResult) -> String {
    format!("store/{}", result.rule.id)
}

fn store_rule(result: &RuleResult, report: &Report) -> Value {
    let rule = result.rule;
    json!({
        "id": store_id(result),
        "name": rule.title,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": format!("{} ({})", rule.title, report.stores.levels(result))},
        "helpUri": rule.source,
        "properties": {"tags": ["store"]},
    })
}

/// Returns one result for each violation.
fn store_results<'r>(
    result: &'r RuleResult,
    report: &'r Report,
) -> impl Iterator<Item = Value> + 'r {
    let level = match report.stores.strongest(result) {
        RuleVerdict::Fail => "error",
        _ => "warning",
    };
    let (findings, _) = result.findings();
    findings.iter().map(move |found| {
        let rule = result.rule;
        let tool = found.tool.as_deref();
        let seen = tool.map_or_else(|| found.seen.clone(), |tool| format!("{tool}: {}", found.seen));
        let text = format!(
            "{seen}; expected: {}. {}. {} ({})",
            rule.title, rule.fix, rule.source, rule.source_date
        );
        json!({
            "ruleId": store_id(result),
            "level": level,
            "kind": "fail",
            "message": {"text": text},
            "locations": [{
                "physicalLocation": {"artifactLocation": {"uri": report.target.as_str()}},
                "logicalLocations": [{"name": tool.unwrap_or(&rule.id), "kind": "function"}],
            }],
            "partialFingerprints": {"check/v1": format!("{}/{}", store_id(result), tool.unwrap_or_default())},
        })
    })
}

fn result(check: &Check, report: &Report) -> Value {
    let fault = &check.fault;
    let (_, because) = check.verdict.parts();
    let mut text = match because {
        Some(because) => because.to_owned(),
        None => format!("{}; expected: {}", fault.seen, fault.expected),
    };
    for line in std::iter::once(&fault.hint).chain(&check.settings) {
        if !line.is_empty() {
            text.push_str(". ");
            text.push_str(line);
        }
    }
    json!({
        "ruleId": check.rule.id,
        "level": level(check),
        "kind": if is_unknown(check) { "review" } else { "fail" },
        "message": {"text": text},
        "locations": [{
            "physicalLocation": {"artifactLocation": {"uri": report.target.as_str()}},
            "logicalLocations": [{"name": check.rule.id, "kind": "function"}],
        }],
        "partialFingerprints": {"check/v1": check.rule.id},
    })
}
