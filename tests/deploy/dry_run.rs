//! A deployment sends exactly the writes that its dry run announced.

use std::collections::BTreeSet;

use mcpo_test_support::google::Google;
use serde_json::Value;

use crate::project::{Project, SERVICE, fetch, google, writes};

#[test]
fn dry_run_only_reads_and_announces_every_write() {
    let (google, project) = (Google::start(), Project::new());
    assert_only_announced_writes(&google, &project, &[]);
    assert_eq!(fetch(&google, "/version"), "one");
    assert_nothing_to_do(&google, &project, &[]);

    project.change("two");
    assert_only_announced_writes(&google, &project, &["--env", "GREETING=hello"]);
    assert_eq!(fetch(&google, "/version"), "two");
}

#[test]
fn dry_run_with_a_remote_build_announces_every_write() {
    let (google, project) = (Google::start(), Project::new());
    assert_only_announced_writes(&google, &project, &["--remote-build"]);
    assert_eq!(fetch(&google, "/version"), "one");
    assert_nothing_to_do(&google, &project, &["--remote-build"]);

    project.change("two");
    assert_only_announced_writes(&google, &project, &["--remote-build"]);
    assert_eq!(fetch(&google, "/version"), "two");
}

#[test]
fn dry_run_of_each_command_announces_every_write() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    project.change("two");
    assert_only_announced_writes(&google, &project, &["--canary", "10"]);
    assert_only_announced_writes(&google, &project, &["--promote"]);
    assert_nothing_to_do(&google, &project, &["--promote"]);
    assert_eq!(fetch(&google, "/version"), "two");

    assert_only_announced_writes(&google, &project, &["--rollback"]);
    assert_eq!(fetch(&google, "/version"), "one");
    let service = google.resource(SERVICE);
    let now = service["trafficStatuses"][0]["revision"].as_str().unwrap();
    assert_nothing_to_do(&google, &project, &["--rollback", now]);

    let domain = ["--domain", "mcp.example.com"];
    assert_only_announced_writes(&google, &project, &domain);
    assert_nothing_to_do(&google, &project, &domain);
    project.change("three");
    assert_only_announced_writes(&google, &project, &["--preview", "pr-1"]);
    assert_nothing_to_do(&google, &project, &["--preview", "pr-1"]);
    assert_only_announced_writes(&google, &project, &["--preview", "pr-2"]);
    assert_only_announced_writes(&google, &project, &["--delete", "--preview", "pr-1"]);
    assert_nothing_to_do(&google, &project, &["--delete", "--preview", "pr-1"]);
    let with_tag = ["--no-traffic", "--tag", "next", "--accept-reconnect"];
    assert_only_announced_writes(&google, &project, &with_tag);
    assert_only_announced_writes(&google, &project, &["--delete", "--yes"]);
    assert!(google.resource(SERVICE).is_null());
    assert_nothing_to_do(&google, &project, &["--delete"]);
}

/// Checks that a dry run writes nothing, and that the same run without it sends only announced
/// writes.
#[track_caller]
pub fn assert_only_announced_writes(google: &Google, project: &Project, arguments: &[&str]) {
    let before = google.complete_state();
    google.clear_calls();
    let dry = project.run(google, &[arguments, &["--dry-run", "--json"]].concat());
    dry.has(10, &[]);
    assert_eq!(writes(google), Vec::<String>::new(), "{arguments:?}");
    assert_eq!(google.complete_state(), before, "{arguments:?}");
    let plan: Value = serde_json::from_str(&dry.stdout).unwrap();
    let changes = plan["changes"].as_array().unwrap().iter();
    let announced: BTreeSet<String> = changes
        .flat_map(|change| change["methods"].as_array().unwrap())
        .map(|method| method.as_str().unwrap().to_owned())
        .collect();

    google.clear_calls();
    let result = project.run(google, &[arguments, &["--no-verify"]].concat());
    result.has(0, &[]);
    let done: BTreeSet<String> = writes(google).into_iter().collect();
    assert!(!done.is_empty(), "{arguments:?} wrote nothing");
    let unannounced: Vec<_> = done.difference(&announced).collect();
    assert!(
        unannounced.is_empty(),
        "{arguments:?}: {unannounced:?} of {done:?} were not announced in {announced:?}"
    );
}

#[track_caller]
pub fn assert_nothing_to_do(google: &Google, project: &Project, arguments: &[&str]) {
    let result = project.run(google, &[arguments, &["--dry-run"]].concat());
    result.has(0, &["nothing to do"]);
}
