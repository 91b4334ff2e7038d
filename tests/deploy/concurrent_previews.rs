//! Previews that are deployed and deleted while a release runs.

use mcpo_test_support::{google::Fault, wait};

use crate::{
    previews::tags,
    project::{Project, SERVICE, fetch, google},
};

#[test]
fn previews_and_releases_at_the_same_time_do_not_disturb_each_other() {
    let manifest = "[package.metadata.mcpo]\nsecrets = [\"API_KEY\"]\n";
    let (google, project) = (google(), Project::with(manifest));
    project.write(".env", "API_KEY=one\n");
    project.deploy(&google, &[]);
    let patch = "run.projects.locations.services.patch";
    google.fail(patch, Fault::ConcurrentChange, 1);
    project.deploy(&google, &["--preview", "pr-1"]);
    assert_eq!(tags(&google), ["pr-1"]);
    // The rollout of a release takes a while. The preview must not undo its traffic.
    google.fail(patch, Fault::Slow(10), 1);
    let mut release = project.start(&google, &["--no-verify", "--env", "WHO=release"]);
    let service = || google.resource(SERVICE)["reconciling"] == true;
    wait::until("the release", || service().then_some(()));
    project.deploy(&google, &["--preview", "pr-2"]);
    assert!(release.wait().unwrap().success());
    assert_eq!(fetch(&google, "/variable/WHO"), "release");
    assert_eq!(tags(&google), ["pr-1", "pr-2"]);
    // A preview that is deployed after the release has read the service must not stop the release.
    let store = "secretmanager.projects.secrets.addVersion";
    google.clear_calls();
    google.fail(store, Fault::Hangs(5), 1);
    project.write(".env", "API_KEY=two\n");
    let arguments = ["--no-verify", "--env", "WHO=later"];
    let mut release = project.start(&google, &arguments);
    wait::until(store, || {
        let calls = google.started_calls();
        calls.iter().any(|id| id == store).then_some(())
    });
    project.deploy(&google, &["--preview", "pr-3"]);
    assert!(release.wait().unwrap().success());
    assert_eq!(fetch(&google, "/variable/WHO"), "later");
    assert_eq!(tags(&google), ["pr-1", "pr-2", "pr-3"]);
    // The deletion of a preview waits for a release, too.
    google.fail(patch, Fault::Slow(10), 1);
    let mut release = project.start(&google, &["--no-verify", "--env", "WHO=last"]);
    wait::until("the release", || service().then_some(()));
    project.deploy(&google, &["--delete", "--preview", "pr-3"]);
    assert!(release.wait().unwrap().success());
    assert_eq!(fetch(&google, "/variable/WHO"), "last");
}
