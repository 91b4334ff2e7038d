//! The report as SARIF 2.1.0, for code scanning.
//!
//! GitHub accepts only locations in the repository, so the location of a result is a relative path
//! that is made from the URL of the server. The path does not need to exist.

use std::fmt::Write as _;

use mcpo_common::error::Exit;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::links;
use crate::{
    check::{Check, Verdict},
    phase::Phase,
    report::Report,
    store_rules::{RuleResult, RuleVerdict},
    target::Target,
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
    for result in &mut results {
        let id = &result["ruleId"];
        let index = rules.iter().position(|rule| rule["id"] == *id);
        result["ruleIndex"] = json!(index);
    }
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "mcpo probe",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": links::SPECIFICATION,
                "rules": rules,
            }},
            "invocations": [{
                "executionSuccessful": report.exit() != Exit::CouldNotRun,
                "exitCode": report.exit() as u8,
            }],
            "properties": {
                "target": report.target.shown(),
                "client": report.profile.name,
                "outcome": report.outcome(),
            },
            "results": results,
        }],
    });
    format!("{document:#}")
}

fn level(check: &Check) -> Option<&'static str> {
    match check.verdict {
        Verdict::Fail => Some("error"),
        Verdict::Warn => Some("warning"),
        Verdict::CouldNotRun { .. } => Some("note"),
        Verdict::Pass | Verdict::Skipped { .. } => None,
    }
}

/// Returns a name in the form that SARIF recommends: `ToolsCall`. It must not equal the id.
fn pascal_case(id: &str) -> String {
    let words = id.split(|part: char| !part.is_ascii_alphanumeric());
    let capitalized = words.map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    });
    capitalized.collect()
}

/// Returns sentences that end with a full stop.
fn sentences<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let texts = texts.into_iter().filter(|text| !text.is_empty());
    let closed = texts.map(|text| format!("{}.", text.trim_end_matches('.')));
    closed.collect::<Vec<_>>().join(" ")
}

fn rule(check: &Check) -> Value {
    let rule = check.rule;
    let tag = if rule.security { "security" } else { "mcp" };
    let mut described = json!({
        "id": rule.id,
        "name": format!("Check{}", pascal_case(rule.id)),
        "shortDescription": {"text": sentences([rule.title])},
        "fullDescription": {
            "text": sentences([format!("{}, {}", Phase::of(rule).title(), rule.title).as_str(), rule.clause]),
        },
        "help": {"text": sentences([check.fault.hint.as_str(), rule.clause])},
        "properties": {"tags": [tag]},
    });
    if let Some(address) = links::of_clause(rule.clause) {
        described["helpUri"] = json!(address);
    }
    described
}

/// Returns the id in SARIF; checks of the probe have other ids.
fn store_id(result: &RuleResult) -> String {
    format!("store/{}", result.rule.id)
}

fn store_rule(result: &RuleResult, report: &Report) -> Value {
    let rule = result.rule;
    let levels = report.stores.levels(result);
    json!({
        "id": store_id(result),
        "name": pascal_case(&store_id(result)),
        "shortDescription": {"text": sentences([rule.title.as_str()])},
        "fullDescription": {"text": sentences([format!("{} ({levels})", rule.title).as_str()])},
        "help": {"text": sentences([rule.fix.as_str()])},
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
        let seen = tool.map_or_else(
            || found.seen.clone(),
            |tool| format!("{tool}: {}", found.seen),
        );
        let seen = format!("{seen}; expected: {}", rule.title);
        let source = format!("{} ({})", rule.source, rule.source_date);
        json!({
            "ruleId": store_id(result),
            "level": level,
            "message": {"text": sentences([seen.as_str(), &rule.fix, &source])},
            "locations": [location(report, tool.unwrap_or(&rule.id))],
            "partialFingerprints": fingerprints(report, &store_id(result), tool.unwrap_or_default()),
        })
    })
}

fn result(check: &Check, report: &Report) -> Value {
    let fault = &check.fault;
    let (_, because) = check.verdict.parts();
    let seen = match because {
        Some(because) => because.to_owned(),
        None => format!("{}; expected: {}", fault.seen, fault.expected),
    };
    let settings = check.settings.iter().map(String::as_str);
    let details = check.details.iter();
    let details: Vec<_> = details
        .map(|detail| format!("{}: {}", detail.label, detail.text))
        .collect();
    let texts = [seen.as_str(), &fault.hint]
        .into_iter()
        .chain(settings)
        .chain(details.iter().map(String::as_str));
    json!({
        "ruleId": check.rule.id,
        "level": level(check),
        "message": {"text": sentences(texts)},
        "locations": [location(report, check.rule.id)],
        "partialFingerprints": fingerprints(report, check.rule.id, ""),
    })
}

fn location(report: &Report, name: &str) -> Value {
    json!({
        "physicalLocation": {
            "artifactLocation": {"uri": path_of(&report.target)},
            "region": {"startLine": 1, "endLine": 1},
        },
        "logicalLocations": [{"name": name, "fullyQualifiedName": name, "kind": "function"}],
    })
}

/// Returns a relative path for a URL: `example.com/mcp`, `localhost_8080/mcp`. A colon would make the
/// first segment look like a scheme (RFC 3986 §4.2). A local server is named by its program.
fn path_of(target: &Target) -> String {
    let target = match target {
        Target::Url(url) => url,
        Target::Command(command) => {
            let name = command.program().rsplit(['/', '\\']).next();
            let plain =
                |character: char| character.is_ascii_alphanumeric() || ".-".contains(character);
            let name = name.unwrap_or_default().chars();
            let name: String = name
                .map(|part| if plain(part) { part } else { '_' })
                .collect();
            return format!("stdio/{name}");
        }
    };
    let host = target.host_str().unwrap_or_default();
    let host = host.trim_matches(['[', ']']).replace(':', "_");
    let port = target
        .port()
        .map_or_else(String::new, |port| format!("_{port}"));
    let path = format!("{host}{port}{}", target.path());
    path.trim_end_matches('/').to_owned()
}

/// Returns what identifies the same problem in a later run. GitHub compares only
/// `primaryLocationLineHash`, which it cannot calculate without the file.
fn fingerprints(report: &Report, rule: &str, tool: &str) -> Value {
    let id = format!("{rule}/{tool}");
    let id = id.trim_end_matches('/');
    let mut digest = Sha256::new();
    for part in [&*report.target.shown(), id] {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    let digest = digest.finalize();
    let mut hash = String::new();
    for byte in digest.iter().take(8) {
        // Writing to a String cannot fail.
        let _ = write!(hash, "{byte:02x}");
    }
    json!({"check/v1": id, "primaryLocationLineHash": format!("{hash}:1")})
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::{pascal_case, path_of, sentences};

    #[test]
    fn locations_are_relative_paths() {
        for (url, path) in [
            ("https://example.com/mcp", "example.com/mcp"),
            ("http://localhost:8080/mcp/", "localhost_8080/mcp"),
            ("http://[::1]:8080/", "__1_8080"),
            ("https://example.com/a%20b?key=x", "example.com/a%20b"),
        ] {
            assert_eq!(path_of(&Url::parse(url).unwrap().into()), path);
        }
    }

    #[test]
    fn names_and_sentences_have_the_recommended_form() {
        assert_eq!(pascal_case("store/tool-title"), "StoreToolTitle");
        assert_eq!(sentences(["seen", "", "fix."]), "seen. fix.");
    }
}
