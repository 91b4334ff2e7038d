//! The data file is consistent, the patterns match what they must, and many tools take no time.

use std::{
    collections::{BTreeMap, HashSet},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use url::Url;

use super::{
    RuleOutcome, evaluate,
    outcome::Evidence,
    pattern::{Pattern, snake_case},
    rule::{self, Test},
    texts::PLACES,
};
use crate::{
    check::{Check, Fault, Verdict},
    observations::{Observations, TextDocument, ToolCall},
    rules,
    store::Store,
};

/// A tool that follows all rules.
fn tool(name: &str) -> Value {
    json!({
        "name": name,
        "title": "Read a page",
        "description": format!("Reads one page of {name} by its id."),
        "inputSchema": {"type": "object", "properties": {"page_id": {
            "type": "string", "description": "The id of the page.", "examples": ["1"]}}},
        "outputSchema": {"type": "object", "properties": {"count": {"type": "integer"}}},
        "annotations": {"readOnlyHint": true, "destructiveHint": false, "idempotentHint": true,
            "openWorldHint": false},
    })
}

fn observations(tools: Vec<Value>) -> Observations {
    Observations {
        server: Some(json!({
            "name": "notes", "title": "Notes", "version": "1.0.0",
            "description": "Reads the pages of a notebook.",
            "websiteUrl": "https://notes.example",
        })),
        instructions: "Reads and adds pages of a notebook.".to_owned(),
        tools: Some(tools),
        calls: vec![ToolCall {
            tool: "read_page".to_owned(),
            result: json!({"content": [{"type": "text", "text": "3"}],
                "structuredContent": {"count": 3}}),
            elapsed: Duration::from_millis(3),
        }],
        domain_verification: Some(Ok(TextDocument {
            status: 200,
            media_type: "text/plain".to_owned(),
            body: "abc123def456".to_owned(),
        })),
        ..Observations::default()
    }
}

/// Returns the ids of the rules with each outcome: broken and not checked.
fn outcomes(seen: &Observations, checks: &[Check], target: &str) -> (Vec<String>, Vec<String>) {
    let target = Url::parse(target).unwrap().into();
    let evidence = Evidence {
        target: &target,
        client: "claude",
        seen,
        checks,
    };
    let report = evaluate(&Store::ALL, &evidence);
    let ids = |wanted: fn(&RuleOutcome) -> bool| {
        let rules = report.rules.iter().filter(|result| wanted(&result.outcome));
        rules.map(|result| result.rule.id.clone()).collect()
    };
    (
        ids(|outcome| matches!(outcome, RuleOutcome::Broken { .. })),
        ids(|outcome| matches!(outcome, RuleOutcome::NotChecked { .. })),
    )
}

fn broken(seen: &Observations) -> Vec<String> {
    outcomes(seen, &[], "https://notes.example/mcp").0
}

#[test]
fn the_data_is_complete_and_names_only_what_exists() {
    let all = rule::parse().unwrap();
    let ids: HashSet<&str> = all.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids.len(), all.len());
    let checks: HashSet<&str> = rules::every().map(|rule| rule.id).collect();
    for rule in &all {
        let id = &rule.id;
        assert!(!rule.stores.is_empty() && !rule.tests.is_empty(), "{id}");
        assert!(!rule.fix.is_empty() && !rule.quote.is_empty(), "{id}");
        assert!(rule.source.starts_with("https://"), "{id}");
        let dated = rule.source_date.starts_with("20") || rule.source_date == "unknown";
        assert!(dated, "{id}");
        for test in &rule.tests {
            match test {
                Test::TextNever { places, .. }
                | Test::TextAlways { places, .. }
                | Test::TextLength { places, .. }
                | Test::HiddenCharacters { places } => {
                    for place in places {
                        let known = PLACES.contains(&place.as_str()) || place.starts_with('/');
                        assert!(known, "{id}: {place}");
                    }
                }
                Test::ProbeCheck { checks: named, .. } => {
                    for check in named {
                        assert!(checks.contains(check.as_str()), "{id}: {check}");
                    }
                }
                _ => {}
            }
        }
    }
    assert!(rule::date().starts_with("20"));
}

#[test]
fn a_server_that_follows_all_rules_breaks_none() {
    assert_eq!(broken(&observations(vec![tool("read_page")])), [""; 0]);
}

/// Texts and names of real servers that look like violations.
#[test]
fn plain_texts_stay_quiet() {
    let mut page = tool("create_page");
    page["title"] = json!("Create a page \u{1f469}\u{200d}\u{1f4bb}");
    page["description"] = json!(
        "Use search_pages when the id is unknown. Call list_pages first to get the id. Finds the \
         cheapest flights between two dates."
    );
    page["annotations"]["readOnlyHint"] = json!(false);
    page["inputSchema"]["properties"] = json!({
        "page_token": {"type": "string", "description": "The cursor of the next page."},
        "max_tokens": {"type": "integer", "description": "The length of the text."},
    });
    let mut seen = observations(vec![tool("read_page"), page]);
    seen.calls[0].result["structuredContent"]["created_at"] = json!("2026-11-28");
    assert_eq!(broken(&seen), [""; 0]);
}

#[test]
fn without_responses_no_rule_of_the_server_passes() {
    let (broken, unchecked) = outcomes(&Observations::default(), &[], "https://x.example/mcp");
    assert_eq!(broken, [""; 0]);
    // The port is part of the address that the user typed.
    assert_eq!(unchecked.len(), rule::all().len() - 1);
}

#[test]
fn only_port_443_is_public() {
    let seen = observations(vec![tool("read_page")]);
    for (target, wanted) in [
        ("https://mcp.example.com:8443/mcp", (true, false)),
        ("https://mcp.example.com/mcp", (false, false)),
        ("http://127.0.0.1:8443/mcp", (false, true)),
    ] {
        let (broken, unchecked) = outcomes(&seen, &[], target);
        let has = |ids: &[String]| ids.iter().any(|id| id == "port-443");
        assert_eq!((has(&broken), has(&unchecked)), wanted, "{target}");
    }
}

#[test]
fn a_check_of_the_probe_decides_a_rule() {
    let check = |verdict| Check {
        rule: &rules::COLD,
        verdict,
        fault: Fault::default(),
        elapsed: Duration::ZERO,
        settings: Vec::new(),
        details: Vec::new(),
        sent: Vec::new(),
        round: 1,
    };
    let seen = observations(vec![tool("read_page")]);
    let judged = |checks: &[Check]| {
        let (broken, unchecked) = outcomes(&seen, checks, "https://x.example/mcp");
        let has = |ids: &[String]| ids.iter().any(|id| id == "oauth-latency");
        (has(&broken), has(&unchecked))
    };
    assert_eq!(judged(&[]), (false, true));
    assert_eq!(judged(&[check(Verdict::Pass)]), (false, false));
    assert_eq!(judged(&[check(Verdict::Fail)]), (true, false));
}

#[test]
fn tokens_are_the_only_good_answer_to_a_domain_verification() {
    let judged = |status, media_type: &str, body: &str| {
        let mut seen = observations(vec![tool("read_page")]);
        seen.domain_verification = Some(Ok(TextDocument {
            status,
            media_type: media_type.to_owned(),
            body: body.to_owned(),
        }));
        let (broken, unchecked) = outcomes(&seen, &[], "https://x.example/mcp");
        let has = |ids: &[String]| ids.iter().any(|id| id == "openai-challenge");
        (has(&broken), has(&unchecked))
    };
    assert_eq!(judged(200, "text/plain", "abc123def456"), (false, false));
    assert_eq!(judged(404, "text/html", "not here"), (false, true));
    for (status, media_type, body) in [
        (500, "text/plain", "abc123def456"),
        (200, "text/html", "abc123def456"),
        (200, "text/plain", "{\"token\":\"abc123def456\"}"),
        (200, "text/plain", "abc123 def456"),
        (200, "text/plain", ""),
    ] {
        assert_eq!(judged(status, media_type, body), (true, false), "{body}");
    }
}

/// Returns true if a text or a name violates one of the tests.
fn is_broken(kind: &Test, text: &str) -> bool {
    let exempt = |except: &Option<Pattern>, text: &str| {
        except.as_ref().is_some_and(|except| except.is_match(text))
    };
    match kind {
        Test::TextNever {
            phrases,
            except,
            split_words,
            ..
        } => {
            let text = if *split_words {
                snake_case(text)
            } else {
                text.to_owned()
            };
            !exempt(except, &text) && phrases.iter().any(|phrase| phrase.find(&text).is_some())
        }
        Test::TextAlways { pattern, .. } => !pattern.is_match(text),
        Test::PropertyNever { pattern, except } => {
            let words = snake_case(text);
            !exempt(except, &words) && pattern.is_match(&words)
        }
        Test::ResultKeysNever { pattern } | Test::ResultTextNever { pattern } => {
            pattern.is_match(text)
        }
        _ => false,
    }
}

/// `examples.json` has texts that break a rule, and similar ones that do not.
#[test]
fn patterns_match_what_they_must_and_nothing_similar() {
    #[derive(serde::Deserialize)]
    struct Examples {
        broken: Vec<String>,
        followed: Vec<String>,
    }
    let examples = include_str!("examples.json");
    let examples: BTreeMap<String, Examples> = serde_json::from_str(examples).unwrap();
    assert!(examples.len() > 15);
    for (id, examples) in examples {
        let rule = rule::all().iter().find(|rule| rule.id == id).unwrap();
        let judged = |text: &String| rule.tests.iter().any(|test| is_broken(test, text));
        for text in &examples.broken {
            assert!(judged(text), "{id}: {text}");
        }
        for text in &examples.followed {
            assert!(!judged(text), "{id}: {text}");
        }
    }
}

/// A schema that refers to other hosts is reported and not fetched.
#[test]
fn schemas_of_other_hosts_are_violations() {
    let mut page = tool("read_page");
    page["inputSchema"]["properties"]["page_id"]["$ref"] = json!("https://other.example/s.json");
    assert_eq!(broken(&observations(vec![page])), ["input-schema-valid"]);
}

/// Returns the time that this thread has used a processor, so that a busy machine does not matter.
/// Only Linux reports it; elsewhere it is the time of the clock.
fn used(since: Instant) -> Duration {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = statistics.and_then(|text| text.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| since.elapsed(), Duration::from_nanos)
}

/// Few servers have more than a hundred tools. The patterns are compiled once, so that the time
/// grows only with the texts.
#[test]
fn five_hundred_tools_take_less_than_two_seconds() {
    let tools = (0..500).map(|number| tool(&format!("read_page_{number}")));
    let mut tools: Vec<Value> = tools.collect();
    tools.push(tool("read_page"));
    let seen = observations(tools);
    let since = Instant::now();
    let before = used(since);
    assert_eq!(broken(&seen), ["tool-count"]);
    let elapsed = used(since).saturating_sub(before);
    assert!(elapsed.as_secs_f64() < 2.0, "{elapsed:?}");
}
