//! Builds in the cloud.

use mcpo_test_support::google::Fault;

use crate::project::{Project, ask, google, writes};

#[test]
fn source_goes_up_and_an_image_comes_out() {
    let (google, project) = (google(), Project::new());
    project.write(".gitignore", "/target\n*.log\n");
    project.write("notes.log", "not to be sent");
    project.write(".env", "API_KEY=secret-value-that-stays-here\n");
    let said = project.deploy(&google, &["--remote-build"]);
    said.has(0, &["Uploaded 4 files", "RUN RUSTFLAGS", "in the cloud"]);
    assert_eq!(ask(&google, "/version"), "one");
    for (name, bytes) in google.files() {
        let found = bytes
            .windows(28)
            .any(|window| window == b"secret-value-that-stays-here");
        assert!(!found, "{name}");
    }

    google.forget_calls();
    project
        .deploy(&google, &["--remote-build"])
        .has(0, &["Unchanged"]);
    assert_eq!(writes(&google), Vec::<String>::new());
    project.change("two");
    project.deploy(&google, &["--remote-build"]);
    assert_eq!(ask(&google, "/version"), "two");
}

#[test]
fn an_upload_that_is_cut_goes_on() {
    let (google, project) = (google(), Project::new());
    google.fail("storage.upload", Fault::CutBody(500), 2);
    project.deploy(&google, &["--remote-build"]);
    assert_eq!(ask(&google, "/version"), "one");
}

#[test]
fn a_build_that_fails_says_why_and_releases_nothing() {
    let (google, project) = (google(), Project::new());
    project.write("src/main.rs", "fn main() { this does not compile }");
    let said = project.run(&google, &["--no-verify", "--remote-build"]);
    said.has(
        2,
        &[
            "error: expected one of",
            "the build in the cloud failed",
            "cloud-build/builds",
        ],
    );
    assert!(google.resource(crate::project::SERVICE).is_null());
}

#[test]
fn rights_that_a_build_takes_are_named() {
    let (google, project) = (google(), Project::new());
    for (method, permission) in [
        ("storage.objects.insert", "storage.objects.create"),
        ("run.projects.locations.builds.submit", "run.builds.create"),
        (
            "cloudbuild.projects.locations.operations.get",
            "cloudbuild.builds.get",
        ),
    ] {
        google.fail(method, Fault::Denied(permission), u32::MAX);
        let said = project.run(&google, &["--no-verify", "--remote-build"]);
        said.has(2, &[permission]);
        google.mend();
    }
}

#[test]
fn the_dockerfile_can_be_looked_at() {
    let (google, project) = (google(), Project::new());
    let said = project.run(&google, &["--show-dockerfile"]);
    said.has(0, &["FROM scratch", "--bin tiny", "USER 65532:65532"]);
    assert_eq!(google.calls(), []);
}
