//! A deployment sends exactly the writes that its dry run announced.

use std::collections::BTreeSet;

use mcpo_test_support::google::Google;
use serde_json::Value;

use crate::project::{Project, SERVICE, ask, google, writes};

#[test]
fn a_dry_run_only_reads_and_announces_every_write() {
    let (google, project) = (Google::start(), Project::new());
    announced_and_done(&google, &project, &[]);
    assert_eq!(ask(&google, "/version"), "one");
    nothing_to_do(&google, &project, &[]);

    project.change("two");
    announced_and_done(&google, &project, &["--env", "GREETING=hello"]);
    assert_eq!(ask(&google, "/version"), "two");
}

#[test]
fn so_does_one_of_a_build_in_the_cloud() {
    let (google, project) = (Google::start(), Project::new());
    announced_and_done(&google, &project, &["--remote-build"]);
    assert_eq!(ask(&google, "/version"), "one");
    nothing_to_do(&google, &project, &["--remote-build"]);

    project.change("two");
    announced_and_done(&google, &project, &["--remote-build"]);
    assert_eq!(ask(&google, "/version"), "two");
}

#[test]
fn so_does_one_of_each_verb_that_writes() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    project.change("two");
    announced_and_done(&google, &project, &["--canary", "10"]);
    announced_and_done(&google, &project, &["--promote"]);
    nothing_to_do(&google, &project, &["--promote"]);
    assert_eq!(ask(&google, "/version"), "two");

    announced_and_done(&google, &project, &["--rollback"]);
    assert_eq!(ask(&google, "/version"), "one");
    let service = google.resource(SERVICE);
    let now = service["trafficStatuses"][0]["revision"].as_str().unwrap();
    nothing_to_do(&google, &project, &["--rollback", now]);

    project.change("three");
    announced_and_done(&google, &project, &["--no-traffic", "--tag", "next"]);
    announced_and_done(&google, &project, &["--delete", "--yes"]);
    assert!(google.resource(SERVICE).is_null());
    nothing_to_do(&google, &project, &["--delete"]);
}

/// Checks that a dry run writes nothing, and that the same run without it sends only announced
/// writes.
#[track_caller]
fn announced_and_done(google: &Google, project: &Project, arguments: &[&str]) {
    let before = google.everything();
    google.forget_calls();
    let dry = project.run(google, &[arguments, &["--dry-run", "--json"]].concat());
    dry.has(10, &[]);
    assert_eq!(writes(google), Vec::<String>::new(), "{arguments:?}");
    assert_eq!(google.everything(), before, "{arguments:?}");
    let plan: Value = serde_json::from_str(&dry.stdout).unwrap();
    let changes = plan["changes"].as_array().unwrap().iter();
    let announced: BTreeSet<String> = changes
        .flat_map(|change| change["methods"].as_array().unwrap())
        .map(|method| method.as_str().unwrap().to_owned())
        .collect();

    google.forget_calls();
    let said = project.run(google, &[arguments, &["--no-verify"]].concat());
    said.has(0, &[]);
    let done: BTreeSet<String> = writes(google).into_iter().collect();
    assert!(!done.is_empty(), "{arguments:?} wrote nothing");
    let unannounced: Vec<_> = done.difference(&announced).collect();
    assert!(
        unannounced.is_empty(),
        "{arguments:?}: {unannounced:?} of {done:?} were not announced in {announced:?}"
    );
}

#[track_caller]
fn nothing_to_do(google: &Google, project: &Project, arguments: &[&str]) {
    let said = project.run(google, &[arguments, &["--dry-run"]].concat());
    said.has(0, &["nothing to do"]);
}
