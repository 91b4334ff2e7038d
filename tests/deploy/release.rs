//! Revisions: shifting traffic, rolling back, status, logs, deletion.

use crate::project::{Project, REGION, SERVICE, ask, ask_host, google, writes};
use mcpo_test_support::google::NUMBER;
use serde_json::Value;

fn shares(google: &mcpo_test_support::google::Google) -> Vec<i64> {
    let service = google.resource(SERVICE);
    let statuses = service["trafficStatuses"].as_array().unwrap();
    statuses
        .iter()
        .map(|status| status["percent"].as_i64().unwrap_or(0))
        .collect()
}

#[test]
fn a_revision_waits_behind_its_tag_until_it_is_promoted() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    project.change("two");
    let tagged = format!("next---tiny-{NUMBER}.{REGION}.run.app");
    let said = project.deploy(&google, &["--no-traffic", "--tag", "next"]);
    said.has(0, &["mcpo deploy europe-west1 --promote"]);
    assert_eq!(said.stdout.trim(), format!("https://{tagged}/mcp"));
    let url = format!("next: https://{tagged}/mcp");
    project.run(&google, &["--status"]).has(0, &[&url]);
    assert_eq!(ask(&google, "/version"), "one");
    assert_eq!(ask_host(&google, &tagged, "/version"), "two");

    project
        .deploy(&google, &["--promote"])
        .has(0, &["serves all requests"]);
    assert_eq!(ask(&google, "/version"), "two");
    project
        .run(&google, &["--promote"])
        .has(0, &["already serves all requests"]);
}

#[test]
fn a_canary_takes_its_share() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    project.change("two");
    project.deploy(&google, &["--canary", "20"]);
    assert_eq!(shares(&google), [80, 20, 0]);
    let tagged = format!("canary---tiny-{NUMBER}.{REGION}.run.app");
    assert_eq!(ask_host(&google, &tagged, "/version"), "two");
    let twos = (0..100)
        .filter(|_| ask(&google, "/version") == "two")
        .count();
    assert!((10..=30).contains(&twos), "{twos}");
    project.deploy(&google, &["--promote"]);
    assert_eq!(shares(&google), [100, 0]);
}

#[test]
fn a_tag_on_the_latest_revision_survives_every_later_release() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    // The state after `gcloud run services update-traffic --set-tags live=LATEST`.
    let latest = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST";
    let targets = serde_json::json!([
        { "type": latest, "percent": 100 }, { "type": latest, "tag": "live" },
    ]);
    google.edit(SERVICE, |service| {
        service["traffic"] = targets.clone();
        service["trafficStatuses"] = targets.clone();
    });
    project.deploy(&google, &[]).has(0, &["Unchanged"]);
    project.change("two");
    project.deploy(&google, &[]);
    let live = format!("live---tiny-{NUMBER}.{REGION}.run.app");
    assert_eq!(ask_host(&google, &live, "/version"), "two");
    project.change("three");
    project.deploy(&google, &["--canary", "10"]);
    project.deploy(&google, &["--promote"]);
    project.deploy(&google, &["--rollback"]);
    let service = google.resource(SERVICE);
    let tagged = service["traffic"].as_array().unwrap().iter();
    let tagged: Vec<_> = tagged.filter(|one| one["tag"] == "live").collect();
    assert_eq!(
        tagged,
        [&serde_json::json!({ "type": latest, "tag": "live" })]
    );
}

#[test]
fn the_service_knows_all_of_its_names_from_its_second_revision_on() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    let known = format!("tiny-{NUMBER}.{REGION}.run.app");
    assert_eq!(ask(&google, "/variable/MCPO_HOSTS"), known);
    // The host name that Cloud Run adds is no reason to create a revision.
    project.deploy(&google, &[]).has(0, &["Unchanged"]);
    project.change("two");
    project.deploy(&google, &[]);
    let both = format!("{known},tiny-abcdefghij-ew.a.run.app");
    assert_eq!(ask(&google, "/variable/MCPO_HOSTS"), both);
    project.deploy(&google, &[]).has(0, &["Unchanged"]);
}

#[test]
fn printed_commands_are_about_the_service_that_was_meant() {
    let (google, project) = (google(), Project::new());
    let flags = ["--project", "my-project", "--service", "another"];
    let said = project.deploy(&google, &flags);
    let command = "mcpo deploy europe-west1 --project my-project --service another";
    said.has(0, &[&format!("{command} --show-password")]);
    project.change("two");
    let said = project.deploy(&google, &[&flags[..], &["--canary", "5"]].concat());
    let back = format!("{command} --rollback another-00001-");
    said.has(0, &[&format!("{command} --promote"), &back]);
    let said = project.run(&google, &["--service", "third", "--status"]);
    said.has(2, &["mcpo deploy europe-west1 --service third"]);
}

#[test]
fn the_first_one_cannot_be_a_canary() {
    let (google, project) = (google(), Project::new());
    let said = project.run(&google, &["--canary", "10"]);
    said.has(2, &["the first revision must serve all requests"]);
    assert_eq!(writes(&google), Vec::<String>::new());
}

#[test]
fn back_to_the_one_before_and_forward_again() {
    let (google, project) = (google(), Project::new());
    project
        .run(&google, &["--rollback"])
        .has(2, &["service tiny does not exist"]);
    project.deploy(&google, &[]);
    project
        .run(&google, &["--rollback"])
        .has(2, &["no earlier revision"]);
    project.change("two");
    project.deploy(&google, &[]);
    project
        .deploy(&google, &["--rollback"])
        .has(0, &["Rolled back"]);
    assert_eq!(ask(&google, "/version"), "one");

    project.run(&google, &["--rollback", "tiny-nothing"]).has(
        2,
        &["tiny-nothing is not a working revision", "choose one of"],
    );
    // The same source again: its image exists already, and it serves all requests again.
    project.deploy(&google, &[]).has(0, &["traffic: "]);
    assert_eq!(ask(&google, "/version"), "two");
}

#[test]
fn status_and_logs() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    project
        .run(&google, &["--status"])
        .has(0, &["ready", "100 %  tiny-00001-"]);
    let said = project.run(&google, &["--status", "--json"]);
    let status: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(status["revisions"][0]["percent"], 100);
    project
        .run(&google, &["--logs"])
        .has(0, &["INFO serving one"]);
}

#[test]
fn logs_can_be_followed() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    let run = project.start(&google, &["--logs", "--follow"]);
    project.change("two");
    project.deploy(&google, &[]);
    std::thread::sleep(std::time::Duration::from_secs(2));
    mcpo_test_support::wait::signal("INT", run.id());
    let said = crate::project::Said::of(&run.wait_with_output().unwrap());
    said.has(130, &["INFO serving one", "INFO serving two"]);
    assert_eq!(said.stdout.matches("serving two").count(), 1);
}

#[test]
fn delete_leaves_what_somebody_else_made() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    // The names of these resources match the names that mcpo uses.
    google.push_image("my-project/mcpo/tiny", "by-another-tool");
    let account = "projects/my-project/serviceAccounts/mcpo-tiny-europe-west1@my-project.iam.gserviceaccount.com";
    google.edit(account, |account| {
        account["description"] = "of the finance team".into();
    });
    let secret = "projects/my-project/secrets/tiny-europe-west1-admin-password";
    google.edit(secret, |secret| secret["labels"] = serde_json::json!({}));

    let said = project.run(&google, &["--delete", "--yes"]);
    said.has(
        0,
        &[
            "1 other image(s) of tiny in the repository mcpo: mcpo did not create it",
            "secret tiny-europe-west1-admin-password: mcpo did not create it",
            "service account mcpo-tiny-europe-west1@my-project.iam.gserviceaccount.com: mcpo did not",
            "Deleted image mcpo/tiny@sha256:",
        ],
    );
    let left = google.resources();
    let repository = "projects/my-project/locations/europe-west1/repositories/mcpo";
    assert_eq!(left, [repository, secret, account]);
    let tags: Vec<_> = google
        .tags(&format!("{repository}/packages/tiny"))
        .into_iter()
        .map(|(tag, _)| tag)
        .collect();
    assert_eq!(tags, ["by-another-tool"], "{:?}", google.calls());
}

#[test]
fn verbs_tell_machines_what_they_did() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    project.change("two");
    project.deploy(&google, &[]);
    let read = |arguments: &[&str]| -> Value {
        let said = project.run(&google, arguments);
        said.has(0, &[]);
        serde_json::from_str(&said.stdout).unwrap()
    };
    let back = read(&["--rollback", "--json", "--no-verify"]);
    assert_eq!(back["outcome"], "rolled back");
    assert!(
        back["revision"]
            .as_str()
            .unwrap()
            .starts_with("tiny-00001-")
    );
    let promoted = read(&["--promote", "--json", "--no-verify"]);
    assert_eq!(promoted["outcome"], "promoted");
    assert_eq!(read(&["--promote", "--json"])["outcome"], "unchanged");
    assert_eq!(read(&["--delete", "--yes", "--json"])["outcome"], "deleted");
    assert_eq!(
        read(&["--delete", "--yes", "--json"])["outcome"],
        "unchanged"
    );
}

#[test]
fn delete_asks_lists_and_leaves_nothing() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    let said = project.run(&google, &["--delete"]);
    said.has(
        2,
        &[
            "service tiny with all its revisions",
            "cannot ask for confirmation without a terminal",
            "--yes",
        ],
    );
    assert!(!google.resource(SERVICE).is_null());

    let said = project.run(&google, &["--delete", "--yes"]);
    said.has(
        0,
        &[
            "Deleted secret tiny-europe-west1-mcpo-secret",
            "The image repository mcpo is kept",
        ],
    );
    let left = google.resources();
    assert_eq!(
        left,
        ["projects/my-project/locations/europe-west1/repositories/mcpo"]
    );
    project.run(&google, &["--delete", "--yes"]).has(0, &[]);
    // Everything can be created again.
    project.deploy(&google, &[]);
    assert_eq!(ask(&google, "/version"), "one");
}
