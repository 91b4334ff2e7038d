//! Local servers over stdio.

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::{Run, probe, probe_with, verdicts};

const SERVER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/probe/servers/stdio.py"
);
#[cfg(windows)]
const PYTHON: &str = "python";
#[cfg(not(windows))]
const PYTHON: &str = "python3";

/// Probes a server with `fault`.
async fn probe_server(fault: &str, options: &[&str]) -> Run {
    probe(&[options, &["--", PYTHON, SERVER, fault]].concat()).await
}

/// Returns the verdicts about a server with `fault`, with this time limit.
async fn fault_verdicts(fault: &str, seconds: &str) -> String {
    let command = ["--timeout", seconds, "--", PYTHON, SERVER, fault];
    let verdicts = verdicts(&command).await;
    format!("# {fault}\n{}", verdicts.replace(SERVER, "stdio.py"))
}

#[tokio::test]
async fn a_healthy_server_passes_every_check() {
    let run = probe_server("healthy", &["--json", "--for", "chatgpt"]).await;
    let report: Value = serde_json::from_str(&run.stdout).expect("a report");
    let checks = report["checks"].as_array().expect("checks").iter();
    let checks = checks.map(|check| {
        let text = |name: &str| {
            check[name]
                .as_str()
                .unwrap_or_default()
                .replace(SERVER, "stdio.py")
        };
        format!("{} {}: {}", text("verdict"), text("id"), text("seen"))
    });
    assert_snapshot!(checks.collect::<Vec<_>>().join("\n"), @"
    pass stdio-start: answers over stdio
    pass discover: 2026-07-28
    pass initialize: demo 1.0.0, 2025-11-25, over stdio
    pass server-card: Demo 1.0.0, 1 icon; instructions: Texts.
    pass tools-list: 2 tools: length, language
    pass tools-call: length: 42
    pass resources: 1 resource, 1 template; demo://text can be read
    pass prompts: 1 prompt; greet can be fetched
    pass both-forms: find the same tools
    pass stdio-exit: exit status: 0
    pass stdio-output: only messages
    pass versions: 2025-03-26 → 2025-03-26, 2099-12-31 → 2025-11-25, stateless 2099-12-31 refused with the supported versions
    ");
    assert_eq!(run.code, Some(0));
    assert_eq!(report["target"], format!("{PYTHON} {SERVER} healthy"));
    assert_eq!(report["client"]["id"], "claude-code");
    let next = report["next"].as_str().expect("text");
    assert!(next.starts_with("claude mcp add demo -- python"), "{next}");
    // A rule about HTTP is not said to be followed.
    let rules = report["stores"][0]["rules"].as_array().expect("rules");
    let verdict = |id: &str| {
        let rule = rules.iter().find(|rule| rule["id"] == id);
        rule.expect("the rule")["verdict"]
            .as_str()
            .expect("text")
            .to_owned()
    };
    assert_eq!(verdict("tool-title"), "pass");
    for id in [
        "streamable-http",
        "sign-in-401",
        "openai-challenge",
        "port-443",
    ] {
        assert_eq!(verdict(id), "could-not-check", "{id}");
    }
}

/// The oldest servers do not know `server/discover`: they answer with an error, ignore it, or end.
#[tokio::test]
async fn servers_from_before_2026_07_28_pass() {
    for fault in ["old", "silent-discover", "exits-on-discover"] {
        let run = probe_server(fault, &["--json"]).await;
        let report: Value = serde_json::from_str(&run.stdout).expect("a report");
        let checks = report["checks"].as_array().expect("checks");
        let bad =
            |check: &&Value| !["pass", "skipped"].contains(&check["verdict"].as_str().unwrap());
        let bad: Vec<_> = checks.iter().filter(bad).collect();
        assert!(bad.is_empty() && run.code == Some(0), "{fault}: {bad:#?}");
        let skipped = checks.iter().filter(|check| check["verdict"] == "skipped");
        let skipped: Vec<_> = skipped.map(|check| &check["id"]).collect();
        assert_eq!(skipped, ["discover", "both-forms"], "{fault}");
    }
}

#[tokio::test]
async fn each_mistake_is_named_with_its_fix() {
    let mut found = Vec::new();
    for fault in [
        "banner",
        "json-log",
        "prints-in-call",
        "string-id",
        "exit",
        "variable",
        "dies-in-call",
        "crashes-at-end",
    ] {
        found.push(fault_verdicts(fault, "30").await);
    }
    assert_snapshot!(found.join("\n"), @r##"
    # banner
    exit 1
    fail stdio-output
      seen: a line that is no message: "Demo server running on stdio"
      expected: only messages, each a JSON-RPC object on one line
      hint: write logs to stderr: stdout is only for messages (console.error instead of console.log, print(…, file=sys.stderr), a logger that writes to stderr)
    outcome: connects and can call tools
    # json-log
    exit 1
    fail stdio-output
      seen: a line that is no message: "{\"level\":30,\"msg\":\"listening\"}"
      expected: only messages, each a JSON-RPC object on one line
      hint: write logs to stderr: stdout is only for messages (console.error instead of console.log, print(…, file=sys.stderr), a logger that writes to stderr)
    outcome: connects and can call tools
    # prints-in-call
    exit 1
    fail stdio-output
      seen: a line that is no message: "called length"
      expected: only messages, each a JSON-RPC object on one line
      hint: write logs to stderr: stdout is only for messages (console.error instead of console.log, print(…, file=sys.stderr), a logger that writes to stderr)
    outcome: connects and can call tools
    # string-id
    exit 1
    fail stdio-start
      seen: an answer with the id "1" to the request with the id 1
      expected: an answer to server/discover or initialize
      hint: answer with the id of the request, unchanged: a number stays a number
    skipped the rest
    outcome: shows unreachable
    # exit
    exit 1
    fail stdio-start
      seen: the process ended with exit status: 1; stderr: Error: cannot find the file notes.db
      expected: an answer to server/discover or initialize
      hint: keep the server running until its stdin closes; run the command by hand to see all that it prints
    skipped the rest
    outcome: shows unreachable
    # variable
    exit 1
    fail stdio-start
      seen: the process ended with exit status: 1; stderr: Error: the environment variable DEMO_API_KEY is not set
      expected: an answer to server/discover or initialize
      hint: set DEMO_API_KEY in front of the command (DEMO_API_KEY=… mcpo probe -- …), and in the env of the client's settings
    skipped the rest
    outcome: shows unreachable
    # dies-in-call
    exit 1
    fail tools-call
      seen: the process ended with exit status: 1; stderr: Error: out of memory
      expected: a result with content
      hint: keep the server running until its stdin closes; run the command by hand to see all that it prints
    skipped stdio-exit
      because: the process ended before it
    skipped the rest
    outcome: shows call
    # crashes-at-end
    exit 0
    warn stdio-exit
      seen: exit status: 1
      expected: exit status 0 when stdin closes
      hint: end without an error when stdin closes: run the command by hand, and press Ctrl-D to see what it prints
    outcome: connects and can call tools
    "##);
}

/// These servers make the probe wait.
#[tokio::test]
async fn silent_and_lasting_servers_are_reported_and_killed() {
    let (headers, line_breaks, silent, lasting) = tokio::join!(
        fault_verdicts("headers", "4"),
        fault_verdicts("line-breaks", "4"),
        fault_verdicts("silent", "4"),
        fault_verdicts("stays", "30"),
    );
    assert_snapshot!([headers, line_breaks, silent, lasting].join("\n"), @r##"
    # headers
    exit 1
    fail stdio-start
      seen: no answer within 4.0 s; on stdout instead: "Content-Length: 318"
      expected: an answer to server/discover or initialize
      hint: write no Content-Length headers: MCP separates messages by line breaks
    skipped the rest
    outcome: shows unreachable
    # line-breaks
    exit 1
    fail stdio-start
      seen: no answer within 4.0 s; on stdout instead: "{"
      expected: an answer to server/discover or initialize
      hint: write each message on one line, without line breaks inside
    skipped the rest
    outcome: shows unreachable
    # silent
    exit 1
    fail stdio-start
      seen: no answer within 4.0 s
      expected: an answer to server/discover or initialize
      hint: read stdin, and answer each request with one line of JSON on stdout; check that the command starts the server in stdio mode, and flush stdout
    skipped the rest
    outcome: shows unreachable
    # stays
    exit 0
    warn stdio-exit
      seen: still running 10 s after stdin closed
      expected: the end of the process when stdin closes
      hint: end the process when stdin closes: stop timers, and close connections and listeners; clients kill it, so that it cannot save its state
    outcome: connects and can call tools
    "##);
}

#[tokio::test]
async fn a_program_that_does_not_exist_could_not_run() {
    let run = probe(&["--", "no-such-program", "--token=0123456789abcdef"]).await;
    assert_eq!(run.code, Some(2), "{}", run.stdout);
    assert!(
        run.stdout.contains("install no-such-program"),
        "{}",
        run.stdout
    );
    assert!(!run.stdout.contains("0123456789abcdef"), "{}", run.stdout);
}

/// Options about HTTP and OAuth are refused, and so is a URL next to a command.
#[tokio::test]
async fn options_without_a_meaning_for_a_command_are_refused() {
    for options in [
        &["https://example.com/mcp"][..],
        &["--password", "x"],
        &["--header", "a: b"],
        &["--security"],
        &["--reuse"],
        &["--cold"],
        &["--for", "chatgpt", "--submission", "x.md"],
    ] {
        let run = probe_server("healthy", options).await;
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (Some(2), ""),
            "{options:?}"
        );
        assert!(run.stderr.contains("cannot be used with"), "{}", run.stderr);
    }
    let run = probe(&["--json"]).await;
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("-- <COMMAND>"), "{}", run.stderr);
}

/// Every document describes a local server too.
#[tokio::test]
async fn every_document_names_the_command_and_the_messages() {
    for document in ["--json", "--markdown", "--junit", "--sarif", "--html"] {
        let run = probe_server("banner", &[document, "--trace"]).await;
        assert_eq!(run.code, Some(1), "{document}");
        assert!(
            run.stdout.contains("Demo server running on stdio"),
            "{document}"
        );
        assert!(run.stdout.contains("stdio.py banner"), "{document}");
        assert!(run.stderr.contains("> stdio python3") && !run.stderr.contains("$ curl"));
    }
    let run = probe_server("healthy", &["--json", "--trace"]).await;
    let report: Value = serde_json::from_str(&run.stdout).expect("a report");
    let request = &report["checks"][1]["requests"];
    let started = &report["checks"][0]["requests"][0];
    assert_eq!(
        request,
        &serde_json::json!([]),
        "the first response was already there"
    );
    assert_eq!(started["purpose"], "server/discover");
    assert_eq!(started["method"], "stdio");
    assert_eq!(
        (&started["status"], &started["error"]),
        (&Value::Null, &Value::Null)
    );
    assert!(
        started["detail"]["came_body"]
            .as_str()
            .unwrap()
            .contains("supportedVersions")
    );
}

/// A secret that the server gets by its environment is in no report, not even a part of it.
#[tokio::test]
async fn secrets_that_the_server_prints_are_hidden() {
    const SECRET: &str = "k3y-0123456789abcdef0123456789abcdef";
    for options in [&["--json"][..], &["--trace"], &["--html", "--trace"]] {
        let command = ["--", PYTHON, SERVER, "prints-secret"];
        let environment = [("DEMO_SECRET_KEY", SECRET)];
        let run = probe_with(&[options, &command].concat(), &environment).await;
        assert_eq!(run.code, Some(1), "{options:?}: {}", run.stderr);
        assert!(run.stdout.contains("invalid key"), "{}", run.stdout);
        assert!(!run.stdout.contains(&SECRET[..8]), "{}", run.stdout);
        assert!(!run.stderr.contains(&SECRET[..8]), "{}", run.stderr);
    }
}

#[cfg(unix)]
async fn signal(name: &str, pid: &str) -> bool {
    let mut kill = tokio::process::Command::new("kill");
    let null = std::process::Stdio::null();
    let status = kill.args([name, pid]).stderr(null).status().await;
    status.expect("kill").success()
}

/// Waits until a process has ended. A killed child of a killed parent is reaped by the system a
/// moment later.
#[cfg(unix)]
async fn assert_ends(pid: &str) {
    for _ in 0..500 {
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if !signal("-0", pid).await || status.contains(") Z ") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the child still runs");
}

/// A server that ends by itself can leave children.
#[cfg(unix)]
#[tokio::test]
async fn the_children_of_a_server_that_has_ended_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("child");
    let path = file.to_str().unwrap();
    let run = probe(&["--", PYTHON, SERVER, "leaves-child", path]).await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    assert_ends(&std::fs::read_to_string(&file).unwrap()).await;
}

/// Ctrl-C ends the server, its children included.
#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_ends_the_server_and_its_children() {
    use std::{process::Stdio, time::Duration};

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("child");
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_mcpo"))
        .args(["probe", "--", PYTHON, SERVER, "child"])
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the binary runs");
    let pid = loop {
        match std::fs::read_to_string(&file) {
            Ok(pid) if !pid.is_empty() => break pid,
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    assert!(signal("-INT", &child.id().expect("running").to_string()).await);
    assert_eq!(child.wait().await.expect("an exit").code(), Some(130));
    assert_ends(&pid).await;
}
