//! After being killed at any step, the same command continues and completes.

use std::time::Duration;

use mcpo_test_support::{
    google::{Fault, Google, NUMBER},
    wait,
};

use crate::project::{Project, RunResult, fetch, google, writes};

/// All methods that change something in the first deployment.
const STEPS: &[&str] = &[
    "artifactregistry.projects.locations.repositories.create",
    "iam.projects.serviceAccounts.create",
    "secretmanager.projects.secrets.create",
    "secretmanager.projects.secrets.addVersion",
    "storage.buckets.insert",
    "registry",
    "secretmanager.projects.secrets.setIamPolicy",
    "storage.buckets.setIamPolicy",
    "cloudresourcemanager.projects.setIamPolicy",
    "run.projects.locations.services.create",
    "run.projects.locations.operations.get",
];

/// Waits until a call of the method has started.
pub fn wait_for_call(google: &Google, method: &str) {
    wait::until(method, || {
        google
            .started_calls()
            .iter()
            .any(|id| id == method)
            .then_some(())
    });
}

#[test]
fn deployment_completes_after_a_kill_at_any_step() {
    let settings = "[package.metadata.mcpo]\ncloud-sql = [\"my-project:europe-west1:db\"]\n";
    let project = Project::with(settings);
    // Build once, so that each run reaches its step quickly.
    project.run(&google(), &["--dry-run"]).has(10, &[]);
    for step in STEPS {
        let google = google();
        google.fail(step, Fault::Hangs(30), 1);
        let mut run = project.start(&google, &["--no-verify"]);
        wait_for_call(&google, step);
        // Give concurrent requests a moment, so that they can be in any state.
        std::thread::sleep(Duration::from_millis(30));
        run.kill().unwrap();
        run.wait().unwrap();
        google.clear_faults();
        let result = project.run(&google, &["--no-verify"]);
        assert_eq!(result.code, Some(0), "killed at {step}: {result}");
        assert_eq!(fetch(&google, "/version"), "one", "killed at {step}");
        project
            .run(&google, &["--dry-run"])
            .has(0, &["nothing to do"]);
    }
}

/// The methods that change something in the deployment of a preview that replaces an earlier one, and
/// in its deletion.
const STEPS_OF_A_PREVIEW: &[&str] = &[
    "secretmanager.projects.secrets.create",
    "secretmanager.projects.secrets.addVersion",
    "secretmanager.projects.secrets.setIamPolicy",
    "run.projects.locations.services.patch",
    "run.projects.locations.services.revisions.delete",
];
const STEPS_OF_ITS_DELETION: &[&str] = &[
    "run.projects.locations.services.patch",
    "run.projects.locations.services.revisions.delete",
    "storage.objects.delete",
    "secretmanager.projects.secrets.delete",
];

/// Kills a run at a step, and runs the same command again.
fn run_after_a_kill(google: &Google, project: &Project, arguments: &[&str], step: &str) {
    google.clear_calls();
    google.fail(step, Fault::Hangs(30), 1);
    let arguments = [arguments, &["--no-verify"]].concat();
    let mut run = project.start(google, &arguments);
    wait_for_call(google, step);
    run.kill().unwrap();
    run.wait().unwrap();
    google.clear_faults();
    let result = project.run(google, &arguments);
    assert_eq!(result.code, Some(0), "killed at {step}: {result}");
    google.clear_calls();
    project.run(google, &arguments).has(0, &[]);
    assert_eq!(writes(google), Vec::<String>::new(), "killed at {step}");
}

#[test]
fn preview_is_deployed_and_deleted_after_a_kill_at_any_step() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    let of_preview = |google: &Google, name: &str| -> Vec<String> {
        let is_of = |one: &String| google.resource(one)["labels"]["mcpo-preview"] == name;
        google.resources().into_iter().filter(is_of).collect()
    };
    for (index, step) in STEPS_OF_A_PREVIEW.iter().enumerate() {
        let name = format!("pr-{index}");
        if step.ends_with("revisions.delete") {
            project.deploy(&google, &["--preview", &name, "--env", "A=old"]);
        }
        run_after_a_kill(&google, &project, &["--preview", &name], step);
        assert_eq!(of_preview(&google, &name).len(), 3, "killed at {step}");
        assert_eq!(fetch(&google, "/version"), "one", "killed at {step}");
    }
    let bucket = format!("tiny-europe-west1-{NUMBER}-ledger");
    for (index, step) in STEPS_OF_ITS_DELETION.iter().enumerate() {
        let name = format!("pr-{index}");
        google.put_object(&bucket, &format!("preview.{name}.grant-00"));
        run_after_a_kill(&google, &project, &["--delete", "--preview", &name], step);
        assert_eq!(
            of_preview(&google, &name),
            Vec::<String>::new(),
            "killed at {step}"
        );
    }
    assert!(google.contents().is_empty());
}

#[test]
fn ctrl_c_lists_created_resources_and_the_delete_command() {
    let (google, project) = (google(), Project::new());
    google.fail(
        "run.projects.locations.services.create",
        Fault::Hangs(30),
        1,
    );
    let run = project.start(&google, &["--no-verify"]);
    wait_for_call(&google, "run.projects.locations.services.create");
    wait::signal("INT", run.id());
    let result = RunResult::of(&run.wait_with_output().unwrap());
    result.has(
        130,
        &[
            "This run created:",
            "secret tiny-europe-west1-mcpo-secret",
            "image europe-west1-docker.pkg.dev/my-project/mcpo/tiny@sha256:",
            "mcpo deploy europe-west1 --delete",
        ],
    );
    google.clear_faults();
    project
        .run(&google, &["--delete", "--yes"])
        .has(0, &["Deleted bucket"]);
    assert_eq!(
        google.resources(),
        ["projects/my-project/locations/europe-west1/repositories/mcpo"]
    );
}

#[test]
fn ctrl_c_during_a_rollout_keeps_the_old_revision_serving() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    project.change("two");
    google.fail("run.projects.locations.services.patch", Fault::Slow(20), 1);
    let run = project.start(&google, &["--no-verify"]);
    wait_for_call(&google, "run.projects.locations.services.patch");
    wait::signal("INT", run.id());
    assert_eq!(run.wait_with_output().unwrap().status.code(), Some(130));
    assert_eq!(fetch(&google, "/version"), "one");
    // The rollout continues at Google, and the same command waits for it.
    project.deploy(&google, &[]);
    assert_eq!(fetch(&google, "/version"), "two");
}
