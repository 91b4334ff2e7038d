//! `--for`: the published rules of stores.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use mcpo_test_support::oauth_server::{Fault, OAuthServer, Settings, StoreFault};
use serde_json::Value;

use crate::support::{Run, mask, probe};

const BOTH: [&str; 2] = ["--for", "claude-directory,chatgpt"];

/// Rules that depend on a public address, or on minutes without requests. Unit tests of the crate
/// break them.
const ELSEWHERE: [&str; 2] = ["port-443", "oauth-latency"];

async fn probe_stores(server: &OAuthServer, more: &[&str]) -> Run {
    let url = server.url();
    probe(&[&[url.as_str()], &BOTH[..], more].concat()).await
}

async fn report(server: &OAuthServer, more: &[&str]) -> Value {
    let run = probe_stores(server, &[&["--json"], more].concat()).await;
    serde_json::from_str(&run.stdout).expect("a report")
}

/// Returns the ids of the rules with one of the verdicts, in any store.
fn rules(report: &Value, verdicts: &[&str]) -> BTreeSet<String> {
    let stores = report["stores"].as_array().expect("stores").iter();
    let rules = stores.flat_map(|store| store["rules"].as_array().expect("rules"));
    let wanted = |rule: &&Value| verdicts.contains(&rule["verdict"].as_str().expect("a verdict"));
    let ids = rules
        .filter(wanted)
        .map(|rule| rule["id"].as_str().expect("an id").to_owned());
    ids.collect()
}

/// Returns the id of the only rule that a server breaks, with its verdict for each store.
fn broken(report: &Value) -> String {
    let ids = rules(report, &["fail", "warn"]);
    let stores = report["stores"].as_array().expect("stores").iter();
    let verdicts = stores.filter_map(|store| {
        let mut rules = store["rules"].as_array().expect("rules").iter();
        let rule = rules.find(|rule| ids.contains(rule["id"].as_str().expect("an id")))?;
        Some(rule["verdict"].as_str().expect("a verdict").to_owned())
    });
    let verdicts: Vec<_> = verdicts.collect();
    let ids: Vec<_> = ids.into_iter().collect();
    format!("{} ({})", ids.join(", "), verdicts.join(", "))
}

#[tokio::test]
async fn a_healthy_server_is_ready_for_both_stores() {
    let server = OAuthServer::healthy().await;
    let report = report(&server, &[]).await;
    assert_eq!(report["exit_code"], 0);
    assert_eq!(rules(&report, &["fail", "warn"]), BTreeSet::new());
    for store in report["stores"].as_array().expect("stores") {
        assert_eq!(store["verdict"], "ready", "{store:#}");
    }
}

/// Each rule that a probe can check is broken by one server, and that server breaks no other rule.
#[expect(clippy::too_many_lines, reason = "a table with a line for each rule")]
#[tokio::test]
async fn each_rule_is_caught_by_one_fault_and_by_no_other() {
    let mut found = Vec::new();
    let mut caught: BTreeSet<String> = ELSEWHERE.map(str::to_owned).into();
    for fault in StoreFault::ALL {
        let server = OAuthServer::with_store_fault(*fault).await;
        let report = report(&server, &[]).await;
        assert!(
            caught.is_disjoint(&rules(&report, &["fail", "warn"])),
            "{fault:?}"
        );
        caught.extend(rules(&report, &["fail", "warn"]));
        found.push(format!(
            "{fault:?}: {}, exit {}",
            broken(&report),
            report["exit_code"]
        ));
    }
    // Checks of the probe decide these rules.
    for (fault, client) in [
        (Fault::NoChallenge, "claude"),
        (Fault::ResourceIsOrigin, "claude"),
        (Fault::NoPkce, "claude"),
        (Fault::RegistrationRefused, "claude"),
        (Fault::RegistrationRefused, "chatgpt"),
        (Fault::WrongContentType, "claude"),
        (Fault::ToolError, "claude"),
    ] {
        let server = OAuthServer::with(fault).await;
        let report = report(&server, &["--as", client]).await;
        assert!(
            caught.is_disjoint(&rules(&report, &["fail", "warn"])),
            "{fault:?}"
        );
        caught.extend(rules(&report, &["fail", "warn"]));
        found.push(format!(
            "{fault:?} as {client}: {}, exit {}",
            broken(&report),
            report["exit_code"]
        ));
    }
    let healthy = report(&OAuthServer::healthy().await, &[]).await;
    let passed = rules(&healthy, &["pass"]);
    let missing: Vec<_> = passed.difference(&caught).collect();
    assert!(missing.is_empty(), "no server breaks {missing:?}");
    assert_snapshot!(found.join("\n"), @"
    ToolTitle: tool-title (fail, warn), exit 1
    ReadOnlyHint: hint-read-only (fail, fail), exit 1
    DestructiveHint: hint-destructive (fail, fail), exit 1
    OpenWorldHint: hint-open-world (warn, fail), exit 1
    IdempotentHint: hint-idempotent (warn), exit 0
    ContradictingHints: hints-consistent (fail, fail), exit 1
    WriteVerb: hint-write-verb (warn, warn), exit 0
    DeleteVerb: hint-delete-verb (warn, warn), exit 0
    LongToolName: tool-name-length (fail, warn), exit 1
    DotInToolName: tool-name-characters (fail, warn), exit 1
    ToolNameTwice: tool-names-unique (fail, fail), exit 1
    PromotionalToolName: tool-name-plain (warn), exit 0
    VagueToolName: tool-name-specific (warn), exit 0
    BlankDescription: description-present (fail, fail), exit 1
    ShortDescription: description-says-enough (warn, warn), exit 0
    LongDescription: text-length (warn), exit 0
    HiddenCharacter: text-hidden-characters (fail, fail), exit 1
    EncodedText: text-encoded (warn, warn), exit 0
    OverridesInstructions: text-overrides-instructions (warn, warn), exit 0
    SteersTools: text-steers-tools (warn, warn), exit 0
    ExternalInstructions: text-external-instructions (warn, warn), exit 0
    Promotion: text-promotion (warn, warn), exit 0
    InternalAddress: text-internal-addresses (warn, warn), exit 0
    Beta: production-ready (warn, warn), exit 0
    NameSuffix: server-name (warn), exit 0
    LongDisplayName: listing-name-length (warn), exit 0
    ReadsAndWrites: read-write-split (fail, fail), exit 1
    Executor: generic-executor (warn, warn), exit 0
    MovesMoney: use-case-money (warn, warn), exit 0
    GeneratesImages: use-case-media (warn), exit 0
    AsksForSecret: input-secrets (warn, fail), exit 1
    AsksForIdentifier: input-identifiers (fail), exit 1
    AsksForLocation: input-location (warn), exit 0
    AsksForConversation: input-conversation (warn, warn), exit 0
    BareArgument: input-described (warn, warn), exit 0
    ArraySchema: input-schema-object (fail, fail), exit 1
    InvalidInputSchema: input-schema-valid (fail, fail), exit 1
    OldDialect: schema-dialect (warn), exit 0
    CombinedRoot: input-schema-root (warn), exit 0
    NoOutputSchema: output-schema (warn), exit 0
    InvalidOutputSchema: output-schema-valid (fail, fail), exit 1
    ResultMismatch: result-matches-schema (fail, fail), exit 1
    NoResultText: result-text-fallback (warn, warn), exit 0
    LargeResult: result-size (fail), exit 1
    TraceId: result-internal-ids (warn), exit 0
    SecretInResult: result-secrets (warn, warn), exit 0
    LongStatusText: status-text-length (fail), exit 1
    ChallengeAsJson: openai-challenge (fail), exit 1
    NoWebsite: website-url (warn, warn), exit 0
    ManyTools: tool-count (warn), exit 0
    NoChallenge as claude: sign-in-401 (fail, fail), exit 1
    ResourceIsOrigin as claude: resource-exact (fail), exit 1
    NoPkce as claude: pkce-advertised (fail, fail), exit 1
    RegistrationRefused as claude: callback-claude (fail), exit 1
    RegistrationRefused as chatgpt: callback-chatgpt (fail), exit 1
    WrongContentType as claude: streamable-http (fail, fail), exit 1
    ToolError as claude: read-only-tools-work (fail, warn), exit 1
    ");
}

/// A rule that the probe cannot check is never reported as passed.
#[tokio::test]
async fn what_was_not_checked_has_a_reason() {
    let server = OAuthServer::healthy().await;
    let healthy = report(&server, &[]).await;
    let stores = healthy["stores"].as_array().expect("stores").iter();
    let rules = stores.flat_map(|store| store["rules"].as_array().expect("rules"));
    let mut unchecked = BTreeSet::new();
    for rule in rules {
        let has_reason = rule["because"].is_string();
        assert_eq!(has_reason, rule["verdict"] == "could-not-check", "{rule:#}");
        if has_reason {
            let text = |name: &str| rule[name].as_str().expect("text").to_owned();
            unchecked.insert(format!("{}: {}", text("id"), text("because")));
        }
    }
    let unchecked: Vec<_> = unchecked.into_iter().collect();
    assert_snapshot!(unchecked.join("\n"), @"
    callback-chatgpt: run again with --as chatgpt
    callback-claude-code: the probe registers only as the client of --as
    callback-openai-review: the probe registers only as the client of --as
    custom-query-names-api: only a person can decide whether a description names the API
    documentation-link: the probe does not open web pages
    error-readable: the probe calls no tool with wrong arguments
    icon-usable: the probe does not download icons; the check server-card reports a missing one
    invalid-input-rejected: the probe calls no tool with wrong arguments
    links-work: the probe does not open web pages
    no-cross-host-redirect: the probe follows no redirect of the MCP endpoint; the check challenge reports one
    oauth-latency: run again with --cold
    own-domain: only a person can decide whether the domains belong to the same owner
    port-443: the server is on this machine
    privacy-link: the probe does not open web pages
    public-ipv4: the probe sees only the addresses that DNS returns on this machine
    read-only-tools-work: the probe calls one tool; test the other ones with --tool
    support-link: the probe does not open web pages
    terms-link: the probe does not open web pages
    tls-valid: the probe does not read the end date of the certificate
    tool-latency: the time limit of the probe is shorter than that of the store
    ui-csp: the probe does not read UI resources
    ui-domain: the probe does not read UI resources
    ");
}

/// A server that cannot be reached is not ready.
#[tokio::test]
async fn without_an_answer_no_store_is_ready() {
    let run = probe(&[&["http://127.0.0.1:1/mcp", "--json"], &BOTH[..]].concat()).await;
    assert_eq!(run.code, Some(2));
    let report: Value = serde_json::from_str(&run.stdout).expect("a report");
    for store in report["stores"].as_array().expect("stores") {
        assert_eq!(store["verdict"], "unknown", "{store:#}");
    }
    assert_eq!(rules(&report, &["pass", "fail", "warn"]), BTreeSet::new());
}

/// The section on the screen, for a server with three problems.
#[tokio::test]
async fn three_problems_on_the_screen() {
    let server = OAuthServer::with_store_fault(StoreFault::NoHints).await;
    let run = probe_stores(&server, &[]).await;
    assert_eq!(run.code, Some(1));
    let headline = "failed: not ready for claude-directory and chatgpt";
    assert!(run.stdout.starts_with(headline), "{}", run.stdout);
    let section = run.stdout.split("\n\n").nth(2).expect("a section");
    assert_snapshot!(mask(section), @r#"
    claude-directory: 3 problems; 42 rules passed, 17 could not be checked
    chatgpt: 2 problems, 1 warning; 43 rules passed, 15 could not be checked
      FAIL tool-title: every tool has a title (claude-directory: required, chatgpt: recommended)
           seen      add: no title or annotations.title
           fix       set a short readable `title` on each named tool, for example "Read a page"
           source    https://claude.com/docs/connectors/building/review-criteria (2026-10-02)
      FAIL hint-read-only: every tool sets readOnlyHint (claude-directory: required, chatgpt: required)
           seen      add: no readOnlyHint
           fix       set `readOnlyHint` to true or false on each named tool
           source    https://developers.openai.com/plugins/plugin-guidelines (2026-10-05)
      FAIL hint-destructive: every tool sets destructiveHint (claude-directory: required, chatgpt: required)
           seen      add: no destructiveHint
           fix       set `destructiveHint` to false on tools that only read or add, and to true on tools that change or delete data
           source    https://developers.openai.com/plugins/deploy/submission-errors (2026-10-02)
      could not check icon-usable: the probe does not download icons; the check server-card reports a missing one
      could not check custom-query-names-api: only a person can decide whether a description names the API
      could not check error-readable, invalid-input-rejected: the probe calls no tool with wrong arguments
      could not check read-only-tools-work: the probe calls one tool; test the other ones with --tool
      could not check ui-csp, ui-domain: the probe does not read UI resources
      could not check oauth-latency: run again with --cold
      could not check tool-latency: the time limit of the probe is shorter than that of the store
      could not check port-443: the server is on this machine
      could not check public-ipv4: the probe sees only the addresses that DNS returns on this machine
      could not check no-cross-host-redirect: the probe follows no redirect of the MCP endpoint; the check challenge reports one
      could not check tls-valid: the probe does not read the end date of the certificate
      could not check callback-claude-code, callback-openai-review: the probe registers only as the client of --as
      could not check callback-chatgpt: run again with --as chatgpt
      could not check privacy-link, terms-link, support-link, documentation-link, links-work: the probe does not open web pages
      could not check own-domain: only a person can decide whether the domains belong to the same owner
    "#);
}

/// Every document contains the broken rule, and says what is not known.
#[tokio::test]
async fn every_document_has_the_stores() {
    let server = OAuthServer::with_store_fault(StoreFault::ToolTitle).await;
    for (flag, parts) in [
        (
            "--markdown",
            [
                "**claude-directory**: 1 problem",
                "**FAIL: every tool has a title**",
            ],
        ),
        (
            "--junit",
            [
                "<testsuite name=\"claude-directory\"",
                "<skipped message=\"could not check",
            ],
        ),
        (
            "--sarif",
            ["\"ruleId\": \"store/tool-title\"", "\"level\": \"error\""],
        ),
        ("--html", ["<h2>Stores</h2>", "every tool has a title"]),
    ] {
        let run = probe_stores(&server, &[flag]).await;
        assert_eq!(run.code, Some(1));
        for part in parts {
            assert!(run.stdout.contains(part), "{flag}: {part}");
        }
        assert!(run.stderr.contains("tool-title"), "{flag}");
    }
}

/// The fields of the JSON document are those of `docs/probe.md`.
#[tokio::test]
async fn the_fields_are_documented() {
    let server = OAuthServer::with_store_fault(StoreFault::ToolTitle).await;
    let report = report(&server, &[]).await;
    let documented = include_str!("../../docs/probe.md");
    let store = &report["stores"][0];
    for object in [store, &store["rules"][0], &store["rules"][0]["findings"][0]] {
        for name in object.as_object().expect("an object").keys() {
            let known = documented.contains(&format!("`{name}`"))
                || documented.contains(&format!("`{name}[]`"));
            assert!(known, "{name}");
        }
    }
}

#[tokio::test]
async fn only_the_requested_store_is_reported() {
    let server = OAuthServer::start(Settings::default()).await;
    let run = probe(&[&server.url(), "--for", "chatgpt", "--json"]).await;
    let report: Value = serde_json::from_str(&run.stdout).expect("a report");
    assert_eq!(report["stores"].as_array().expect("stores").len(), 1);
    assert_eq!(report["stores"][0]["id"], "chatgpt");
    let run = probe(&[&server.url(), "--json"]).await;
    let report: Value = serde_json::from_str(&run.stdout).expect("a report");
    assert_eq!(report["stores"], serde_json::json!([]));
    let asked = server.requests().into_iter();
    let asked = asked.filter(|line| line.ends_with("openai-apps-challenge"));
    assert_eq!(asked.count(), 1, "only --for chatgpt asks for it");
}

#[tokio::test]
async fn the_submission_is_filled_in_and_never_overwritten() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = OAuthServer::healthy().await;
    let file = folder.path().join("submission.json");
    let path = file.to_str().expect("UTF-8");
    let run = probe_stores(&server, &["--submission", path]).await;
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let text = std::fs::read_to_string(&file).expect("the file");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(document["format"], "mcpo-submission/1");
    assert_eq!(document["fields"]["display_name"]["value"], "Test server");
    assert_eq!(
        document["fields"]["authentication"]["value"]["kind"],
        "oauth"
    );
    assert_eq!(
        document["fields"]["website_url"]["value"],
        "https://server.example"
    );
    assert!(document["fields"]["category"]["todo"].is_string());
    assert_eq!(document["tools"][1]["observed"]["structured"], true);
    assert_eq!(
        document["test_cases"]["positive"].as_array().map(Vec::len),
        Some(5)
    );
    assert!(!text.contains("abc123def456"), "the challenge is a secret");

    let again = probe_stores(&server, &["--submission", path]).await;
    assert_eq!(again.code, Some(2));
    assert!(
        again.stderr.contains("choose another name"),
        "{}",
        again.stderr
    );
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), text);

    let file = folder.path().join("submission.md");
    let path = file.to_str().expect("UTF-8");
    let run = probe_stores(&server, &["--submission", path]).await;
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let text = std::fs::read_to_string(&file).expect("the file");
    for part in [
        "| display_name | `Test server` |",
        "**TODO**",
        "### `whoami`",
        "## Left to fill",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }

    let folder = folder.path().join("plugin/");
    let path = folder.to_str().expect("UTF-8");
    let run = probe_stores(&server, &["--submission", path]).await;
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let read = |name: &str| {
        let text = std::fs::read_to_string(folder.join(name)).expect("the file");
        serde_json::from_str::<Value>(&text).expect("JSON")
    };
    let plugin = read("plugin.json");
    let interface = &plugin["extensions"]["com.openai"]["interface"];
    assert_eq!(interface["displayName"], "Test server");
    let category = interface["category"].as_str().expect("text");
    assert!(category.starts_with("TODO: "), "{category}");
    let servers = read("mcp.json");
    assert_eq!(servers["mcpServers"]["test-server"]["url"], server.url());
    assert!(folder.join("submission.md").exists());
}
