//! Old revisions, images and secret versions are deleted after a release, and nothing else is.

use std::{collections::BTreeSet, time::Duration};

use mcpo_test_support::{
    google::{Fault, Google},
    wait,
};
use serde_json::Value;

use crate::project::{Project, SERVICE, fetch, google, writes};

const MANIFEST: &str = "[package.metadata.mcpo]\nkeep-revisions = 1\nsecrets = [\"TOKEN\"]\n";
const TOKEN: &str = "projects/my-project/secrets/tiny-europe-west1-token";
const PACKAGE: &str = "projects/my-project/locations/europe-west1/repositories/mcpo/packages/tiny";

/// The methods that delete, in the order of a run.
const STEPS: [&str; 3] = [
    "run.projects.locations.services.revisions.delete",
    "artifactregistry.projects.locations.repositories.packages.versions.delete",
    "secretmanager.projects.secrets.versions.destroy",
];

/// Returns the names of the revisions, the number of images, and which secret versions are usable.
fn state(google: &Google) -> (Vec<String>, usize, Vec<bool>) {
    let prefix = format!("{SERVICE}/revisions/");
    let names = google.resources();
    let names = names.iter().filter_map(|name| name.strip_prefix(&prefix));
    let numbers = names.map(|name| name[..10].to_owned()).collect();
    let (attached, images): (Vec<_>, Vec<_>) = google
        .tags(PACKAGE)
        .into_iter()
        .partition(|(tag, _)| tag.starts_with("sha256-"));
    let images: BTreeSet<_> = images.into_iter().map(|(_, digest)| digest).collect();
    // What is attached to an image is deleted with it.
    for (tag, _) in attached {
        let image = tag.split('.').next().unwrap().replacen('-', ":", 1);
        assert!(images.contains(&image), "{tag}: {images:?}");
    }
    let versions = google.versions(TOKEN);
    let usable = versions.iter().map(|value| !value.is_empty()).collect();
    (numbers, images.len(), usable)
}

/// Deploys the version with a new image and a new secret version.
fn deploy(google: &Google, project: &Project, version: &str, arguments: &[&str]) {
    project.change(version);
    project.write(".env", &format!("TOKEN={version}\n"));
    project.deploy(google, arguments);
}

#[test]
fn old_resources_are_deleted_after_a_kill_at_any_step() {
    let (google, project) = (google(), Project::with(MANIFEST));
    deploy(&google, &project, "one", &[]);
    // The image and the revision of someone else.
    google.push_image("my-project/mcpo/tiny", "by-another-tool");
    let foreign = format!("{SERVICE}/revisions/tiny-00000-abc");
    let mut copy = google.resource(&format!("{SERVICE}/revisions/{}", newest(&google)));
    copy["name"] = foreign.clone().into();
    copy["createTime"] = "2020-01-01T00:00:00Z".into();
    google.put(&foreign, copy);
    deploy(&google, &project, "two", &[]);
    let (revisions, images, versions) = state(&google);
    // The first revision is the target of a rollback.
    assert_eq!(revisions, ["tiny-00000", "tiny-00001", "tiny-00002"]);
    assert_eq!((images, versions), (3, vec![true, true]));
    // Its image and its secret version are those of the revision of someone else.
    google.remove(&foreign);

    project.change("three");
    project.write(".env", "TOKEN=three\n");
    let dry = project.run(&google, &["--dry-run", "--json"]);
    dry.has(10, &[]);
    let plan: Value = serde_json::from_str(&dry.stdout).unwrap();
    let last: Vec<_> = plan["changes"].as_array().unwrap().iter().rev().collect();
    let methods: Vec<_> = last
        .iter()
        .take(3)
        .rev()
        .map(|it| &it["methods"][0])
        .collect();
    assert_eq!(methods, STEPS);
    assert_eq!(
        plan["cleanup"]["planned"]["secret_versions"][0],
        "tiny-europe-west1-token:1"
    );

    for step in STEPS {
        google.fail(step, Fault::Hangs(30), 1);
        let mut run = project.start(&google, &["--no-verify"]);
        wait::until(step, || {
            google
                .started_calls()
                .iter()
                .any(|id| id == step)
                .then_some(())
        });
        std::thread::sleep(Duration::from_millis(20));
        run.kill().unwrap();
        run.wait().unwrap();
        google.clear_faults();
        assert_eq!(fetch(&google, "/version"), "three", "killed at {step}");
    }
    project
        .deploy(&google, &[])
        .has(0, &["Deleted 1 secret version"]);
    let (revisions, images, versions) = state(&google);
    assert_eq!(revisions, ["tiny-00002", "tiny-00003"]);
    assert_eq!((images, versions), (3, vec![false, true, true]));
    let mut deletions = writes(&google);
    deletions.retain(|id| STEPS.contains(&id.as_str()));
    // The image, two documents that are attached to it, and their list.
    let images = deletions.iter().filter(|id| *id == STEPS[1]);
    assert_eq!(images.count(), 4);
    deletions.dedup();
    assert_eq!(deletions, STEPS);
    google.clear_calls();
    project.deploy(&google, &[]).has(0, &["nothing to do"]);
    assert_eq!(writes(&google), Vec::<String>::new());

    project.deploy(&google, &["--rollback"]);
    assert_eq!(fetch(&google, "/version"), "two");
    assert_eq!(fetch(&google, "/variable/TOKEN"), "two");
}

#[test]
fn refused_deletion_does_not_fail_the_deployment() {
    let (google, project) = (google(), Project::with(MANIFEST));
    for version in ["1", "2"] {
        project.write(".env", &format!("TOKEN={version}\n"));
        project.deploy(&google, &[]);
    }
    project.write(".env", "TOKEN=3\n");
    let [delete, _, destroy] = STEPS;
    google.fail(delete, Fault::Denied("run.revisions.delete"), 1);
    let result = project.deploy(&google, &["--json"]);
    result.has(
        0,
        &["1 old revision was not deleted", "run.revisions.delete"],
    );
    let report: Value = serde_json::from_str(&result.stdout).unwrap();
    assert_eq!(report["outcome"], "deployed");
    assert_eq!(report["cleanup"]["refused"].as_array().unwrap().len(), 1);
    // The revision still exists, so it keeps its secret.
    assert_eq!(state(&google).2, [true, true, true]);
    google.fail(
        "run.projects.locations.services.revisions.list",
        Fault::Denied("run.revisions.list"),
        1,
    );
    google.clear_calls();
    let result = project.deploy(&google, &[]);
    result.has(0, &["old revisions are not deleted", "run.revisions.list"]);
    assert_eq!(writes(&google), Vec::<String>::new());
    project.deploy(&google, &[]);
    assert_eq!(writes(&google), [delete, destroy]);
}

fn newest(google: &Google) -> String {
    let service = google.resource(SERVICE);
    let name = service["latestCreatedRevision"].as_str().unwrap();
    name.rsplit('/').next().unwrap().to_owned()
}
