//! Previews: a revision at its own address that changes nothing for users.

use mcpo_test_support::{
    google::{Fault, Google, NUMBER},
    process::free_port,
};
use serde_json::{Value, json};

use crate::{
    checked_release::{Service, start_backend},
    project::{Project, REGION, SERVICE, fetch, fetch_host, google, writes},
};

const SECRET: &str = "projects/my-project/secrets/tiny-europe-west1";
const LATEST: &str = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST";

fn host(tag: &str) -> String {
    format!("{tag}---tiny-{NUMBER}.{REGION}.run.app")
}

fn variable(google: &Google, tag: &str, name: &str) -> String {
    fetch_host(google, &host(tag), &format!("/variable/{name}"))
}

pub fn tags(google: &Google) -> Vec<String> {
    let service = google.resource(SERVICE);
    let targets = service["traffic"].as_array().unwrap().iter();
    let tags = targets.filter_map(|target| target["tag"].as_str());
    tags.map(str::to_owned).collect()
}

/// Makes everything that belongs to a preview older than it is.
fn age(google: &Google, tag: &str) {
    for name in google.resources() {
        google.edit(&name, |resource| {
            if resource["labels"]["mcpo-preview"] == tag {
                resource["createTime"] = "2026-01-01T00:00:00Z".into();
            }
        });
    }
}

#[test]
fn preview_has_its_own_identity_and_the_service_keeps_its_own() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    project
        .run(&google, &["--preview"])
        .has(2, &["missing name of the preview"]);
    let mut command = project.command(&google, &["--preview", "--json", "--no-verify"]);
    let output = command
        .env("GITHUB_HEAD_REF", "feature/login")
        .output()
        .unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let tag = document["preview"].as_str().unwrap();
    assert!(tag.starts_with("feature-login-"), "{document}");
    let url = format!("https://{}", host(tag));
    assert_eq!(document["url"], format!("{url}/mcp"));
    assert_eq!(
        document["password_secret"],
        format!("tiny-europe-west1-admin-password_preview-{tag}")
    );

    assert_eq!(variable(&google, tag, "BASE_URL"), url);
    assert_eq!(
        variable(&google, tag, "MCPO_LEDGER_PREFIX"),
        format!("preview.{tag}.")
    );
    let hosts = variable(&google, tag, "MCPO_HOSTS");
    assert!(
        hosts
            .split(',')
            .all(|host| host.starts_with(&format!("{tag}---tiny-"))),
        "{hosts}"
    );
    for name in ["ADMIN_PASSWORD", "MCPO_SECRET"] {
        let of_service = fetch(&google, &format!("/variable/{name}"));
        assert_ne!(variable(&google, tag, name), of_service, "{name}");
    }
    let password = variable(&google, tag, "ADMIN_PASSWORD");
    let shown = project.run(&google, &["--show-password", "--preview", "feature/login"]);
    assert_eq!(shown.stdout.trim(), password);
    let of_service = fetch(&google, "/variable/ADMIN_PASSWORD");
    let shown = project.run(&google, &["--show-password"]);
    assert_eq!(shown.stdout.trim(), of_service);
    let status = project.run(&google, &["--status"]);
    status.has(0, &[&format!("preview {tag}  {url}/mcp")]);

    // The latest template is that of the preview, but there is nothing to release.
    project
        .run(&google, &["--dry-run"])
        .has(0, &["nothing to do"]);
    assert!(!project.run(&google, &["--dry-run"]).all().contains("Drift"));
    project.deploy(&google, &["--env", "A=b"]);
    assert_eq!(fetch(&google, "/variable/A"), "b");
    let main = format!("https://tiny-{NUMBER}.{REGION}.run.app");
    assert_eq!(fetch(&google, "/variable/BASE_URL"), main);
    assert_eq!(fetch(&google, "/variable/MCPO_LEDGER_PREFIX"), "");
    assert_eq!(fetch(&google, "/variable/ADMIN_PASSWORD"), of_service);
    let template = google.resource(SERVICE)["template"].to_string();
    assert!(!template.contains("preview"), "{template}");
    assert_eq!(variable(&google, tag, "ADMIN_PASSWORD"), password);
    project
        .run(&google, &["--env", "A=b", "--dry-run"])
        .has(0, &["nothing to do"]);
}

#[test]
fn users_never_get_a_preview_if_a_later_release_does_not_start() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    // A tag that follows the latest revision.
    google.edit(SERVICE, |service| {
        let live = json!({ "type": LATEST, "tag": "live" });
        let targets = json!([{ "type": LATEST, "percent": 100 }, live]);
        service["traffic"] = targets.clone();
        service["trafficStatuses"] = targets;
    });
    project.deploy(&google, &["--preview", "pr-1", "--env", "WHO=preview"]);
    assert_eq!(fetch(&google, "/variable/WHO"), "");
    assert_eq!(variable(&google, "live", "WHO"), "");
    for arguments in [
        &["--env", "MODE=crash"][..],
        &["--env", "MODE=crash", "--no-traffic"],
    ] {
        let result = project.run(&google, &[arguments, &["--no-verify"]].concat());
        result.has(1, &["does not start"]);
        assert_eq!(fetch(&google, "/variable/WHO"), "");
        assert_eq!(variable(&google, "live", "WHO"), "");
    }
    let revision = google.resource(SERVICE)["trafficStatuses"].clone();
    let preview = revision
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["tag"] == "pr-1");
    let preview = preview.unwrap()["revision"].as_str().unwrap();
    project
        .run(&google, &["--rollback", preview, "--no-verify"])
        .has(2, &["is the revision of the preview pr-1"]);
    project
        .run(&google, &["--promote", "--no-verify"])
        .has(0, &[]);
    assert_eq!(fetch(&google, "/variable/WHO"), "");
    // A preview that does not start changes nothing either.
    let broken = ["--preview", "pr-2", "--env", "MODE=crash", "--no-verify"];
    project.run(&google, &broken).has(1, &["does not start"]);
    assert_eq!(fetch(&google, "/version"), "one");
    project
        .run(&google, &["--status"])
        .has(1, &["preview pr-1"]);
    project.deploy(&google, &["--env", "WHO=release"]);
    assert_eq!(fetch(&google, "/variable/WHO"), "release");
    assert_eq!(variable(&google, "live", "WHO"), "release");
    let traffic = google.resource(SERVICE)["traffic"].clone();
    project.deploy(&google, &["--env", "WHO=next"]);
    assert_eq!(variable(&google, "live", "WHO"), "next");
    assert_eq!(
        google.resource(SERVICE)["traffic"][0]["type"],
        LATEST,
        "{traffic}"
    );
}

#[test]
fn settings_of_a_preview_do_not_reach_the_service() {
    let manifest = "[package.metadata.mcpo]\nsecrets = [\"API_KEY\"]\nmin-instances = 1\n";
    let (google, project) = (google(), Project::with(manifest));
    project.write(".env", "API_KEY=of-the-service\n");
    project.deploy(&google, &[]);
    google.edit(SERVICE, |service| {
        service["template"]["vpcAccess"] = json!({ "connector": "c" });
    });
    let revision = google.resource(SERVICE)["latestCreatedRevision"]
        .as_str()
        .unwrap()
        .to_owned();
    google.edit(&revision, |revision| {
        revision["vpcAccess"] = json!({ "connector": "c" });
    });
    let preview = Project::with(&format!(
        "{manifest}labels = {{ team = \"x\" }}\nprivate = true\n"
    ));
    preview.write(".env", "API_KEY=of-the-preview\n");
    preview.deploy(&google, &["--preview", "pr-1"]);
    assert_eq!(
        google.versions(&format!("{SECRET}-api-key")),
        ["of-the-service"]
    );
    let service = google.resource(SERVICE);
    assert_eq!(service["labels"]["team"], Value::Null);
    assert_eq!(service["invokerIamDisabled"], true);
    assert_eq!(service["template"]["vpcAccess"]["connector"], "c");
    assert_eq!(service["template"]["scaling"]["minInstanceCount"], 0);
    assert_eq!(variable(&google, "pr-1", "API_KEY"), "of-the-preview");
    // CI does not know the value, so the preview uses that of the service.
    preview.write(".env", "");
    preview.deploy(&google, &["--preview", "pr-1"]);
    assert_eq!(variable(&google, "pr-1", "API_KEY"), "of-the-service");
    project
        .run(&google, &["--dry-run"])
        .has(0, &["nothing to do"]);
    project.deploy(&google, &["--env", "A=b"]);
    let template = google.resource(SERVICE)["template"].clone();
    assert_eq!(template["vpcAccess"]["connector"], "c");
    assert_eq!(template["scaling"]["minInstanceCount"], 1);
    assert_eq!(fetch(&google, "/variable/API_KEY"), "of-the-service");
}

#[test]
fn old_and_deleted_previews_leave_nothing_behind() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &["--env", "A=0"]);
    let bucket = format!("tiny-europe-west1-{NUMBER}-ledger");
    for (index, name) in ["old", "other", "old"].into_iter().enumerate() {
        let value = format!("A={index}");
        project.deploy(&google, &["--env", &value, "--preview", name]);
        google.put_object(&bucket, &format!("preview.{name}.grant-00"));
    }
    // Programs that may write to the bucket choose the names of objects.
    for name in ["/../../other/o/x", "a?b#c", "d%2Fe"] {
        google.put_object(&bucket, &format!("preview.old.{name}"));
    }
    google.put_object(&bucket, "preview.old-2.grant-00");
    google.put_object(&bucket, "grant-00");
    let of = |tag: &str| -> Vec<String> {
        let names = google.resources().into_iter();
        names
            .filter(|name| google.resource(name)["labels"]["mcpo-preview"] == tag)
            .collect()
    };
    // The first revision of the preview was deleted when the second one replaced it.
    assert_eq!(of("old").len(), 3, "{:?}", of("old"));
    age(&google, "old");
    google.clear_calls();
    let result = project.deploy(&google, &["--env", "A=3", "--preview", "other"]);
    result.has(0, &["Deleted 4 records of the preview old"]);
    assert_eq!(tags(&google), ["other"]);
    assert_eq!(of("old"), Vec::<String>::new());
    let objects = |google: &Google| -> Vec<String> {
        google
            .contents()
            .into_iter()
            .map(|(name, _)| name)
            .collect()
    };
    let kept = [
        "grant-00",
        "preview.old-2.grant-00",
        "preview.other.grant-00",
    ];
    assert_eq!(objects(&google), kept);
    project
        .run(
            &google,
            &["--preview", "other", "--env", "A=3", "--dry-run"],
        )
        .has(0, &["nothing to do"]);

    let result = project.run(&google, &["--delete", "--preview", "other"]);
    result.has(0, &["Deleted tag other", "has no address any more"]);
    assert_eq!(tags(&google), Vec::<String>::new());
    assert_eq!(objects(&google), ["grant-00", "preview.old-2.grant-00"]);
    assert_eq!(of("other").len(), 1);
    google.clear_calls();
    project
        .run(&google, &["--delete", "--preview", "other"])
        .has(0, &["there is no preview other"]);
    assert_eq!(writes(&google), Vec::<String>::new());
    project.run(&google, &["--status"]).has(0, &[]);
    age(&google, "other");
    project.deploy(&google, &["--preview", "new"]);
    assert_eq!(of("other"), Vec::<String>::new());
    project.run(&google, &["--delete", "--yes"]).has(
        0,
        &["secret tiny-europe-west1-mcpo-secret_preview-new of the preview new"],
    );
    assert!(
        !google
            .resources()
            .iter()
            .any(|name| name.contains("_preview-"))
    );
}

#[test]
fn preview_needs_a_service_and_a_tag_that_is_not_in_use() {
    let (google, project) = (google(), Project::new());
    project
        .run(&google, &["--preview", "pr-1"])
        .has(2, &["service tiny does not exist", "without --preview"]);
    project.deploy(&google, &[]);
    project.deploy(&google, &["--no-traffic", "--tag", "blue", "--env", "A=b"]);
    let before = google.complete_state();
    project
        .run(&google, &["--preview", "blue"])
        .has(2, &["the tag blue is in use, but not for a preview"]);
    project
        .run(&google, &["--delete", "--preview", "blue"])
        .has(2, &["the tag blue is in use, but not for a preview"]);
    assert_eq!(google.complete_state(), before);
    let denied = Fault::Denied("run.revisions.delete");
    google.fail(
        "run.projects.locations.services.revisions.delete",
        denied,
        1,
    );
    project.deploy(&google, &["--preview", "pr-1"]);
    project.deploy(&google, &["--preview", "pr-2"]);
    let result = project.run(&google, &["--delete", "--preview", "pr-1"]);
    result.has(2, &["run.revisions.delete"]);
    // The rest is found again.
    project
        .run(&google, &["--delete", "--preview", "pr-1"])
        .has(0, &["Deleted revision"]);
}

#[test]
fn preview_is_checked_at_its_own_address_as_a_new_server() {
    let service = Service::start(&[]);
    service
        .run(&["--accept-changes"])
        .has(0, &["wrote mcpo.lock"]);
    let (google, project) = (&service.google, &service.project);
    let users = service.revisions().remove(0);
    service
        .run(&["--preview", "pr-1", "--no-verify"])
        .has(0, &[]);
    let value = |name: &str| {
        google
            .versions(&format!("{SECRET}-{name}_preview-pr-1"))
            .remove(0)
    };
    let (password, ring) = (value("admin-password"), value("mcpo-secret"));
    let (port, state) = (free_port(), tempfile::tempdir().unwrap());
    let mut backend = start_backend(port, &host("pr-1"), &password, &ring, state.path());
    let backend_port = format!("BACKEND={port}");
    let preview = |more: &[&str]| {
        let arguments = ["--preview", "pr-1", "--env", &backend_port, "--json"];
        let result = project.run(google, &[&arguments[..], more].concat());
        let document: Value = serde_json::from_str(&result.stdout).expect(&result.stderr);
        (result, document)
    };
    let (result, document) = preview(&[]);
    result.has(0, &["Verified"]);
    assert_eq!(
        document["verified_revision"], document["revision"],
        "{document}"
    );
    assert!(
        document["report"]
            .as_str()
            .unwrap()
            .starts_with("### mcpo probe")
    );
    assert!(!document["contract_changes"].is_null(), "{document}");
    assert!(document["failed"].is_null(), "{document}");

    let (result, document) = preview(&["--env", "MODE=no-sign-in"]);
    assert_eq!(result.code, Some(1), "{result}");
    let failed = document["failed"]["error"].as_str().unwrap();
    assert!(failed.contains("fails a check"), "{document}");
    assert!(
        document["report"]
            .as_str()
            .unwrap()
            .contains("### mcpo probe")
    );
    assert_eq!(service.share(&users), 100);
    backend.kill().unwrap();
    backend.wait().unwrap();
}
