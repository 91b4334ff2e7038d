//! After being killed at any step, the same command continues and completes.

use std::time::Duration;

use mcpo_test_support::{
    google::{Fault, Google},
    wait,
};

use crate::project::{Project, Said, ask, google};

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
    "run.projects.locations.services.create",
    "run.projects.locations.operations.get",
];

fn wait_for_call(google: &Google, method: &str) {
    wait::until(method, || {
        google.began().iter().any(|id| id == method).then_some(())
    });
}

#[test]
fn kill_at_any_step_and_again() {
    let project = Project::new();
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
        google.mend();
        let said = project.run(&google, &["--no-verify"]);
        assert_eq!(said.code, Some(0), "killed at {step}: {said}");
        assert_eq!(ask(&google, "/version"), "one", "killed at {step}");
        project
            .run(&google, &["--dry-run"])
            .has(0, &["nothing to do"]);
    }
}

#[test]
fn ctrl_c_lists_what_was_made_and_how_to_remove_it() {
    let (google, project) = (google(), Project::new());
    google.fail(
        "run.projects.locations.services.create",
        Fault::Hangs(30),
        1,
    );
    let run = project.start(&google, &["--no-verify"]);
    wait_for_call(&google, "run.projects.locations.services.create");
    wait::signal("INT", run.id());
    let said = Said::of(&run.wait_with_output().unwrap());
    said.has(
        130,
        &[
            "This run created:",
            "secret tiny-europe-west1-mcpo-secret",
            "image europe-west1-docker.pkg.dev/my-project/mcpo/tiny@sha256:",
            "mcpo deploy europe-west1 --delete",
        ],
    );
    google.mend();
    project
        .run(&google, &["--delete", "--yes"])
        .has(0, &["Deleted bucket"]);
    assert_eq!(
        google.resources(),
        ["projects/my-project/locations/europe-west1/repositories/mcpo"]
    );
}

#[test]
fn ctrl_c_while_a_revision_starts_leaves_the_old_one() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    project.change("two");
    google.fail("run.projects.locations.services.patch", Fault::Slow(20), 1);
    let run = project.start(&google, &["--no-verify"]);
    wait_for_call(&google, "run.projects.locations.services.patch");
    wait::signal("INT", run.id());
    assert_eq!(run.wait_with_output().unwrap().status.code(), Some(130));
    assert_eq!(ask(&google, "/version"), "one");
    // The rollout continues at Google, and the same command waits for it.
    project.deploy(&google, &[]);
    assert_eq!(ask(&google, "/version"), "two");
}
