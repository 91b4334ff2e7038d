//! Two deployments at the same time.

use mcpo_test_support::google::{Fault, Google};

use crate::project::{Project, RunResult, SERVICE, fetch, google};

const KEYS: &str = "projects/my-project/secrets/tiny-europe-west1-mcpo-secret";
const PASSWORD: &str = "projects/my-project/secrets/tiny-europe-west1-admin-password";

#[test]
fn concurrent_change_is_reported_as_a_conflict() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    project.change("two");
    google.fail(
        "run.projects.locations.services.patch",
        Fault::ConcurrentChange,
        1,
    );
    let result = project.run(&google, &["--no-verify"]);
    result.has(2, &["changed by someone else at the same time"]);
    assert_eq!(fetch(&google, "/version"), "one");
    project.deploy(&google, &[]);
    assert_eq!(fetch(&google, "/version"), "two");
}

#[test]
fn concurrent_deployments_end_with_one_conflict_error() {
    let project = Project::new();
    let google = with_image(&project);
    // Both runs are held at their last step until both have reached it, so neither sees the other's
    // service.
    google.fail(
        "run.projects.locations.services.create",
        Fault::Barrier(2),
        u32::MAX,
    );
    assert_one_conflict(&google, &project, ["a", "b"]);
    google.clear_faults();
    google.clear_calls();
    google.fail(
        "run.projects.locations.services.patch",
        Fault::Barrier(2),
        u32::MAX,
    );
    // New values; otherwise one of the two would have nothing to do.
    assert_one_conflict(&google, &project, ["c", "d"]);
}

#[test]
fn concurrent_first_deployments_keep_the_deployed_secrets() {
    let project = Project::new();
    let google = with_image(&project);
    // Both secrets of both runs, so that neither run sees what the other one created.
    let add = "secretmanager.projects.secrets.addVersion";
    google.fail(add, Fault::Barrier(4), u32::MAX);
    let create = "run.projects.locations.services.create";
    google.fail(create, Fault::Barrier(2), u32::MAX);
    assert_one_conflict(&google, &project, ["a", "b"]);
    google.clear_faults();
    assert_eq!(google.versions(KEYS).len(), 2);
    let both = ["MCPO_SECRET", "ADMIN_PASSWORD"].map(|name| format!("/variable/{name}"));
    let before = both.each_ref().map(|path| fetch(&google, path));
    let shown = project.run(&google, &["--show-password"]);
    assert_eq!(shown.stdout.trim(), before[1]);
    let shown = project.run(&google, &["--show-password", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(shown["password"], before[1]);

    project.deploy(&google, &["--env", "WHO=c"]);
    assert_eq!(fetch(&google, "/variable/WHO"), "c");
    assert_eq!(both.each_ref().map(|path| fetch(&google, path)), before);
}

#[test]
fn left_over_secrets_are_ignored_and_added_versions_are_used() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    let (keys, password) = (google.versions(KEYS), google.versions(PASSWORD));
    // The values that a concurrent run would generate: another project of the stand-in has the same
    // names.
    let elsewhere = crate::project::google();
    project.deploy(&elsewhere, &[]);
    let (other_keys, other_password) = (elsewhere.versions(KEYS), elsewhere.versions(PASSWORD));
    google.add_version(KEYS, &other_keys[0]);
    google.add_version(PASSWORD, &other_password[0]);
    google.clear_calls();
    let result = project.deploy(&google, &[]);
    result.has(
        0,
        &[
            "Unchanged",
            "version 2 of tiny-europe-west1-mcpo-secret is not used",
            "version 2 of tiny-europe-west1-admin-password is not used",
        ],
    );
    assert!(!result.all().contains(&other_keys[0]) && !result.all().contains(&keys[0]));
    let shown = project.run(&google, &["--show-password"]);
    assert_eq!(shown.stdout.trim(), password[0]);

    // Destroy the unused versions, as the warning suggests; then the warning is gone.
    google.destroy_version(KEYS, 2);
    google.destroy_version(PASSWORD, 2);
    let result = project.deploy(&google, &[]);
    result.has(0, &["Unchanged"]);
    assert!(!result.stderr.contains("is not used"), "{result}");

    let rotated = format!("{},{}", other_keys[0], keys[0]);
    google.add_version(KEYS, &rotated);
    let result = project.deploy(&google, &[]);
    assert!(result.stderr.contains("in the wrong order"), "{result}");
    assert!(!result.all().contains(&other_keys[0]));
    assert_eq!(fetch(&google, "/variable/MCPO_SECRET"), rotated);
    // Back to the earlier value: the value in use was not generated, so a person added this version
    // on purpose.
    google.add_version(KEYS, &keys[0]);
    project.deploy(&google, &[]);
    assert_eq!(fetch(&google, "/variable/MCPO_SECRET"), keys[0]);
    // The version in use is destroyed, so any other version is used.
    google.add_version(KEYS, &other_keys[0]);
    google.destroy_version(KEYS, 4);
    project.deploy(&google, &[]);
    assert_eq!(fetch(&google, "/variable/MCPO_SECRET"), other_keys[0]);
    let service = google.resource(SERVICE);
    assert!(!service.to_string().contains(&other_keys[0]));
}

/// Starts a stand-in that already has the image. The registry of the stand-in stores files and
/// cannot handle two concurrent pushes of the same image.
fn with_image(project: &Project) -> Google {
    let google = google();
    let create = "run.projects.locations.services.create";
    google.fail(create, Fault::Denied("run.services.create"), u32::MAX);
    project.run(&google, &["--no-verify"]).has(2, &[]);
    google.clear_faults();
    google.remove(KEYS);
    google.remove(PASSWORD);
    google.clear_calls();
    google
}

#[track_caller]
fn assert_one_conflict(google: &Google, project: &Project, who: [&str; 2]) {
    let account = |who: &str| format!("{who}@example.com");
    let runs: Vec<_> = who
        .iter()
        .map(|who| {
            let variable = format!("WHO={who}");
            let arguments = ["--no-verify", "--project", "my-project", "--env", &variable];
            let mut command = project.command(google, &arguments);
            command.env("GOOGLE_OAUTH_ACCESS_TOKEN", google.token(&account(who)));
            command.spawn().unwrap()
        })
        .collect();
    let ends: Vec<_> = runs
        .into_iter()
        .map(|run| RunResult::of(&run.wait_with_output().unwrap()))
        .collect();
    let (deployed, failed) = match (ends[0].code, ends[1].code) {
        (Some(0), Some(2)) => (who[0], &ends[1]),
        (Some(2), Some(0)) => (who[1], &ends[0]),
        _ => panic!("{}\n{}", ends[0], ends[1]),
    };
    // The run that loses names the one that won, and the next command.
    let by = format!(
        "changed by someone else at the same time: by {}",
        account(deployed)
    );
    let next = "mcpo deploy europe-west1 --project my-project --status; then run the same command";
    failed.has(2, &[&by, "with mcpo", next]);
    assert_eq!(fetch(google, "/variable/WHO"), deployed);
}
