//! The events that `mcpo dev` prints for programs, and its reports about clients.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use mcpo_test_support::{http, tiny::TinyProject, wait};
use serde_json::Value;

use crate::running::{Dev, native};

fn events(dev: &Dev) -> Vec<Value> {
    let results = dev.results();
    let whole = results
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'));
    whole
        .map(|line| serde_json::from_str(line).expect(line))
        .collect()
}

fn wait_for_event(dev: &Dev, name: &str) -> Value {
    wait::until(name, || {
        let mut events = events(dev).into_iter();
        events.find(|event| event["event"] == name)
    })
}

#[test]
fn the_first_server_after_a_failed_build_is_ready() {
    let project = TinyProject::new();
    project.answer("1");
    let dev = Dev::start_with(&project, &["--json"], &[]);
    wait_for_event(&dev, "build failed");
    project.answer("\"two\"");
    let ready = wait_for_event(&dev, "ready");
    let files = ready["files"].as_array().unwrap();
    assert!(files.contains(&native("src/main.rs").into()), "{ready}");
}

#[test]
fn each_event_is_a_line_of_json() {
    let project = TinyProject::new();
    let dev = Dev::start_with(&project, &["--json"], &[]);
    let serving = wait_for_event(&dev, "serving");
    assert_eq!(serving["schema"], 1);
    assert_eq!(serving["url"], format!("http://localhost:{}/mcp", dev.port));
    assert_eq!(serving["asks_for_sign_in"], false);
    wait_for_event(&dev, "ready");

    project.answer("\"two\"");
    let reloaded = wait_for_event(&dev, "reloaded");
    // Cargo writes the lock file of a first build at about the same time.
    let files = reloaded["files"].as_array().unwrap();
    assert!(files.contains(&native("src/main.rs").into()), "{reloaded}");
    assert!(reloaded["milliseconds"].as_u64().unwrap() > 0);
    project.answer("1");
    let failed = wait_for_event(&dev, "build failed");
    assert_eq!(failed["files"], serde_json::json!([native("src/main.rs")]));
    let output = failed["output"].as_str().unwrap();
    assert!(
        output.starts_with("error[E0308]: mismatched types\n"),
        "{output}"
    );
    assert!(!output.contains("Compiling"), "{output}");
    dev.get("/stops");
    let request = wait_for_event(&dev, "request");
    assert_eq!(request["client"], "claude.ai");
    assert!(http::get(dev.port, "/crash").is_err());
    wait_for_event(&dev, "crashed");
    let names: Vec<_> = events(&dev)
        .into_iter()
        .map(|event| event["event"].as_str().unwrap().to_owned())
        .collect();
    let failures = names.iter().filter(|name| *name == "build failed").count();
    assert_eq!(failures, 1, "{names:?}");
}

#[test]
fn tool_calls_are_printed_for_people_and_for_programs() {
    let project = TinyProject::new();
    project.write(".env", "MCPO_SECRET=x\nMCP=1\n");
    let dev = Dev::start_with(&project, &["--json"], &[]);
    wait_for_event(&dev, "ready");
    for (tool, shown) in [
        (
            "greet",
            r#"Called greet by claude.ai as ada in 3 ms → "Hello, Ada!""#,
        ),
        (
            "fail",
            r#"warning fail returned an error to claude.ai as ada in 3 ms → "it does not work""#,
        ),
    ] {
        let body = format!(
            r#"{{"method":"tools/call","params":{{"name":"{tool}","arguments":{{"name":"Ada"}}}}}}"#
        );
        http::post(dev.port, "/mcp", &body).unwrap();
        dev.wait_for(shown);
    }
    let called = wait_for_event(&dev, "tool called");
    assert_eq!(called["tool"], "greet");
    assert_eq!(called["client"], "claude.ai");
    assert_eq!(called["outcome"], "ok");
    assert_eq!(called["arguments"], r#"{"name":"Ada"}"#);
}

/// The old server reports requests while the new one reports its tools and address.
fn keeps_tools_with_calls_in_flight(environment: &[(&str, &str)]) {
    let project = TinyProject::new();
    let variables =
        |milliseconds| format!("MCPO_SECRET=x\nTOOLS=greet:1:1\nSAYS_READY_AFTER={milliseconds}\n");
    project.write(".env", &variables(400));
    let dev = Dev::start_with(&project, &["--json"], environment);
    wait_for_event(&dev, "ready");
    let (port, is_over) = (dev.port, AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let _ = http::get(port, "/stops");
            }
        });
        project.write(".env", &variables(401));
        let reloaded = wait_for_event(&dev, "reloaded");
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(reloaded["tools"], serde_json::json!(["greet"]));
    });
    assert!(!dev.said().contains("removed greet"), "{}", dev.said());
}

#[test]
fn tools_are_kept_when_requests_are_served_during_a_reload() {
    keeps_tools_with_calls_in_flight(&[]);
}

#[test]
fn the_address_of_a_server_behind_the_proxy_is_kept_when_requests_are_served_during_a_reload() {
    keeps_tools_with_calls_in_flight(&[("MCPO_DEV_LEAD", "1")]);
}

#[test]
fn without_json_stdout_is_empty() {
    let project = TinyProject::new();
    let dev = Dev::ready(&project);
    dev.get("/stops");
    assert_eq!(dev.results(), "");
}

#[test]
fn a_client_that_stopped_is_reported_with_likely_causes() {
    let project = TinyProject::new();
    let dev = Dev::ready(&project);
    dev.get("/stops");
    dev.wait_for("claude.ai stopped 8 s ago after registration (201); next: the sign-in page");
    // On a separate line, right after.
    dev.wait_for("perhaps: the browser did not open the sign-in page");
}

#[cfg(unix)]
#[test]
fn stopping_prints_an_event() {
    let project = TinyProject::new();
    let mut dev = Dev::start_with(&project, &["--json"], &[]);
    wait_for_event(&dev, "ready");
    dev.signal("INT");
    dev.wait();
    wait_for_event(&dev, "stopped");
}

/// The last output of a server is for people and is not an event: it goes to stderr, and stdout
/// contains only JSON.
#[cfg(unix)]
#[test]
fn the_last_output_of_a_server_is_printed_with_json() {
    let project = TinyProject::new();
    let dev = Dev::start_with(&project, &["--json"], &[]);
    wait_for_event(&dev, "ready");
    project.write(".env", "MCPO_SECRET=x\nREFUSE=1\n");
    wait_for_event(&dev, "not swapped");
    dev.wait_for("refusing to start, as asked\n");
    project.write(".env", "MCPO_SECRET=x\n");
    let crash = "if true { panic!(\"last words\") }\n    unix::handle_signals();";
    project.edit("src/main.rs", "unix::handle_signals();", crash);
    dev.wait_for("last words\n");
}
