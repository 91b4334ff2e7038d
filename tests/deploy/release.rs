//! Revisions: shifting traffic, rolling back, status, logs, deletion.

use crate::project::{Project, REGION, SERVICE, fetch, fetch_host, google, writes};
use mcpo_test_support::google::{Fault, NUMBER};
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
fn tagged_revision_gets_no_traffic_until_it_is_promoted() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    project.change("two");
    let tagged = format!("next---tiny-{NUMBER}.{REGION}.run.app");
    let result = project.deploy(&google, &["--no-traffic", "--tag", "next"]);
    result.has(0, &["mcpo deploy europe-west1 --promote"]);
    assert_eq!(result.stdout.trim(), format!("https://{tagged}/mcp"));
    let url = format!("next: https://{tagged}/mcp");
    project.run(&google, &["--status"]).has(0, &[&url]);
    assert_eq!(fetch(&google, "/version"), "one");
    assert_eq!(fetch_host(&google, &tagged, "/version"), "two");

    project
        .deploy(&google, &["--promote"])
        .has(0, &["serves all requests"]);
    assert_eq!(fetch(&google, "/version"), "two");
    project
        .run(&google, &["--promote"])
        .has(0, &["already serves all requests"]);
}

#[test]
fn dry_run_announces_a_checked_release() {
    let (google, project) = (google(), Project::new());
    let checked = "checked release: the new revision serves ";
    let dry = |arguments: &[&str]| project.run(&google, &[arguments, &["--dry-run"]].concat());
    let result = dry(&[]);
    assert!(!result.all().contains(checked), "first release: {result}");
    project.deploy(&google, &[]);
    project.change("two");
    dry(&[]).has(10, &[&format!("{checked}0, 10 and 100 %")]);
    let steps = format!("{checked}0, 5, 50 and 100 %");
    dry(&["--steps", "5,50"]).has(10, &[&steps]);
    dry(&["--private", "--safe"]).has(10, &[checked]);
    for unchecked in [
        &["--fast"][..],
        &["--no-verify"],
        &["--canary", "5"],
        &["--private"],
    ] {
        let result = dry(unchecked);
        assert_eq!(result.code, Some(10), "{result}");
        assert!(!result.all().contains(checked), "{unchecked:?}: {result}");
    }
    dry(&["--steps", "50,5"]).has(2, &["invalid release-steps [50, 5]"]);
    dry(&["--tag", "mcpo"]).has(2, &["reserved tag \"mcpo\""]);

    // The URL of a tag is not reachable.
    let metadata = "[package.metadata.mcpo]\ningress = \"internal\"\n";
    let internal = Project::with(metadata);
    internal.change("two");
    let why = "not checked before it serves: its address is not reachable from the internet";
    internal.run(&google, &["--dry-run"]).has(10, &[why]);
    let result = internal.run(&google, &["--dry-run", "--safe"]);
    result.has(2, &["cannot be checked before it serves", "--fast"]);
}

#[test]
fn canary_gets_its_share_of_the_traffic() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    project.change("two");
    project.deploy(&google, &["--canary", "20"]);
    assert_eq!(shares(&google), [80, 20, 0]);
    let tagged = format!("canary---tiny-{NUMBER}.{REGION}.run.app");
    assert_eq!(fetch_host(&google, &tagged, "/version"), "two");
    let twos = (0..100)
        .filter(|_| fetch(&google, "/version") == "two")
        .count();
    assert!((10..=30).contains(&twos), "{twos}");
    project.deploy(&google, &["--promote"]);
    assert_eq!(shares(&google), [100, 0]);
}

#[test]
fn tag_on_the_latest_revision_survives_later_releases() {
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
    assert_eq!(fetch_host(&google, &live, "/version"), "two");
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
fn second_revision_knows_all_host_names_of_the_service() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    let known = format!("tiny-{NUMBER}.{REGION}.run.app");
    assert_eq!(fetch(&google, "/variable/MCPO_HOSTS"), known);
    // The host name that Cloud Run adds is no reason to create a revision.
    project.deploy(&google, &[]).has(0, &["Unchanged"]);
    project.change("two");
    project.deploy(&google, &[]);
    let both = format!("{known},tiny-abcdefghij-ew.a.run.app");
    assert_eq!(fetch(&google, "/variable/MCPO_HOSTS"), both);
    project.deploy(&google, &[]).has(0, &["Unchanged"]);
}

#[test]
fn printed_commands_name_the_project_and_the_service() {
    let (google, project) = (google(), Project::new());
    let flags = ["--project", "my-project", "--service", "another"];
    let result = project.deploy(&google, &flags);
    let command = "mcpo deploy europe-west1 --project my-project --service another";
    result.has(0, &[&format!("{command} --show-password")]);
    project.change("two");
    let result = project.deploy(&google, &[&flags[..], &["--canary", "5"]].concat());
    let back = format!("{command} --rollback another-00001-");
    result.has(0, &[&format!("{command} --promote"), &back]);
    let result = project.run(&google, &["--service", "third", "--status"]);
    result.has(2, &["mcpo deploy europe-west1 --service third"]);
}

#[test]
fn first_revision_cannot_be_a_canary() {
    let (google, project) = (google(), Project::new());
    let result = project.run(&google, &["--canary", "10"]);
    result.has(2, &["the first revision must serve all requests"]);
    assert_eq!(writes(&google), Vec::<String>::new());
}

#[test]
fn rollback_restores_the_previous_revision() {
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
    assert_eq!(fetch(&google, "/version"), "one");

    project.run(&google, &["--rollback", "tiny-nothing"]).has(
        2,
        &["tiny-nothing is not a working revision", "choose one of"],
    );
    // The same source again: its image exists already, and it serves all requests again.
    project.deploy(&google, &[]).has(0, &["traffic: "]);
    assert_eq!(fetch(&google, "/version"), "two");
}

#[test]
fn rollback_during_a_canary_undoes_it() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    project.change("two");
    project.deploy(&google, &[]);
    project.change("three");
    project.deploy(&google, &["--canary", "20"]);
    // The response is lost, and the repeated request has an outdated etag.
    let patch = "run.projects.locations.services.patch";
    google.fail(patch, Fault::LostResponse, 1);
    project
        .deploy(&google, &["--rollback"])
        .has(0, &["Rolled back tiny-00003-", "→ tiny-00002-"]);
    assert_eq!(shares(&google), [100, 0]);
    assert_eq!(fetch(&google, "/version"), "two");
    project.deploy(&google, &["--rollback"]);
    assert_eq!(fetch(&google, "/version"), "one");
}

#[test]
fn flags_of_a_release_are_refused_for_other_actions() {
    let (google, project) = (google(), Project::new());
    let refused = |arguments: &[&str]| {
        let result = project.run(&google, arguments);
        result.has(2, &["cannot be used with"]);
    };
    for flags in [&["--safe"][..], &["--fast"], &["--steps", "5"]] {
        for action in ["--promote", "--rollback", "--status", "--delete", "--logs"] {
            refused(&[flags, &[action]].concat());
        }
        refused(&[flags, &["--canary", "5"]].concat());
        refused(&[flags, &["--no-traffic"]].concat());
    }
}

#[test]
fn status_and_logs_show_the_running_revision() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    project
        .run(&google, &["--status"])
        .has(0, &["ready", "100 %  tiny-00001-"]);
    let result = project.run(&google, &["--status", "--json"]);
    let status: Value = serde_json::from_str(&result.stdout).unwrap();
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
    let result = crate::project::RunResult::of(&run.wait_with_output().unwrap());
    result.has(130, &["INFO serving one", "INFO serving two"]);
    assert_eq!(result.stdout.matches("serving two").count(), 1);
}

#[test]
fn delete_keeps_resources_that_mcpo_did_not_create() {
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

    let result = project.run(&google, &["--delete", "--yes"]);
    result.has(
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
fn json_output_of_each_command_names_the_outcome() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    project.change("two");
    project.deploy(&google, &[]);
    let read = |arguments: &[&str]| -> Value {
        let result = project.run(&google, arguments);
        result.has(0, &[]);
        serde_json::from_str(&result.stdout).unwrap()
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
fn delete_requires_confirmation_and_removes_all_resources() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    let result = project.run(&google, &["--delete"]);
    result.has(
        2,
        &[
            "service tiny with all its revisions",
            "cannot ask for confirmation without a terminal",
            "--yes",
        ],
    );
    assert!(!google.resource(SERVICE).is_null());

    let result = project.run(&google, &["--delete", "--yes"]);
    result.has(
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
    assert_eq!(fetch(&google, "/version"), "one");
}
