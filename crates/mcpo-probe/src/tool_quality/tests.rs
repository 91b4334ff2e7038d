//! Each rule finds its problem, and nothing in similar texts of good tools.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{evaluate, rule};
use crate::{observations::Observations, store_rules::Evidence};

/// Lists of tools.
#[derive(Deserialize)]
struct Examples {
    found: Vec<Vec<Value>>,
    quiet: Vec<Vec<Value>>,
}

/// Returns the rules with a finding, and what was seen.
fn findings(tools: Vec<Value>) -> Vec<(String, Option<String>, String)> {
    let seen = Observations {
        server: Some(json!({"name": "demo"})),
        tools: Some(tools),
        ..Observations::default()
    };
    let evidence = Evidence {
        target: &Url::parse("https://x.example/mcp").unwrap().into(),
        client: "claude",
        seen: &seen,
        checks: &[],
    };
    let report = evaluate(&evidence).unwrap();
    let findings = report.findings.into_iter();
    findings
        .map(|found| (found.rule.id.clone(), found.tool, found.seen))
        .collect()
}

#[test]
fn the_data_is_complete() {
    let rules = rule::parse().unwrap();
    let ids: BTreeSet<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids.len(), rules.len());
    for rule in &rules {
        assert!(
            !rule.title.is_empty() && !rule.fix.is_empty(),
            "{}",
            rule.id
        );
        assert_eq!(
            rule.source.is_some(),
            rule.source_date.is_some(),
            "{}",
            rule.id
        );
    }
}

/// `examples.json` has for each rule lists of tools that break it and no other rule, and similar
/// lists that break no rule.
#[test]
fn each_rule_finds_its_problem_and_nothing_similar() {
    let examples: BTreeMap<String, Examples> =
        serde_json::from_str(include_str!("examples.json")).unwrap();
    for rule in rule::all() {
        assert!(examples.contains_key(&rule.id), "no example of {}", rule.id);
    }
    for (id, examples) in examples {
        assert!(
            !examples.found.is_empty() && !examples.quiet.is_empty(),
            "{id}"
        );
        for tools in examples.found {
            let found = findings(tools);
            let ids: BTreeSet<&str> = found.iter().map(|(id, ..)| id.as_str()).collect();
            assert_eq!(ids, BTreeSet::from([id.as_str()]), "{found:?}");
            assert!(
                found
                    .iter()
                    .all(|(_, tool, seen)| tool.is_some() && !seen.is_empty())
            );
        }
        for tools in examples.quiet {
            let found = findings(tools);
            assert!(found.is_empty(), "{id}: {found:?}");
        }
    }
}

#[test]
fn without_a_list_nothing_is_reported() {
    let seen = Observations::default();
    let evidence = Evidence {
        target: &Url::parse("https://x.example/mcp").unwrap().into(),
        client: "claude",
        seen: &seen,
        checks: &[],
    };
    assert!(evaluate(&evidence).is_none());
}
