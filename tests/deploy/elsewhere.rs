//! Images that are already in another repository of the registry.

use mcpo_test_support::google::Fault;

use crate::project::{Project, SERVICE, ask, google};

#[test]
fn a_second_service_takes_the_image_of_the_first() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &["--service", "before"]);
    project.deploy(&google, &["--service", "another", "--env", "MODE=x"]);
    google.forget_calls();
    let said = project.deploy(&google, &[]);
    said.has(0, &["Pushed 0 KiB", "reused from my-project/mcpo/"]);
    let calls = google.registry_calls();
    let uploads = calls
        .iter()
        .filter(|(verb, path)| verb == "PUT" && path.contains("/blobs/"));
    assert_eq!(uploads.count(), 0, "{calls:?}");
    assert_eq!(ask(&google, "/version"), "one");
}

#[test]
fn what_cannot_be_taken_from_elsewhere_is_uploaded() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &["--service", "before"]);
    let before = SERVICE.replace("/tiny", "/before");
    // Its image reference points to an image that does not exist, so the mount fails and the
    // registry starts an upload.
    google.edit(&before, |service| {
        let image = &mut service["template"]["containers"][0]["image"];
        *image = image.as_str().unwrap().replace("/before@", "/gone@").into();
    });
    google.forget_calls();
    project.deploy(&google, &[]);
    let calls = google.registry_calls();
    let tried = calls.iter().filter(|(_, path)| path.contains("mount="));
    assert_eq!(tried.count(), 2, "{calls:?}");
    assert_eq!(ask(&google, "/version"), "one");

    // The permission to list services is not required either.
    project.change("two");
    let denied = Fault::Denied("run.services.list");
    google.fail("run.projects.locations.services.list", denied, u32::MAX);
    project.deploy(&google, &[]);
    assert_eq!(ask(&google, "/version"), "two");
}

#[test]
fn an_image_moves_to_another_repository_without_an_upload() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    let manifest = std::fs::read_to_string(project.path("Cargo.toml")).unwrap();
    let elsewhere = "[package.metadata.mcpo]\nrepository = \"elsewhere\"\n";
    project.write("Cargo.toml", &format!("{manifest}{elsewhere}"));
    let said = project.deploy(&google, &[]);
    said.has(0, &["reused from my-project/mcpo/tiny"]);
    let service = google.resource(SERVICE);
    let image = service["template"]["containers"][0]["image"]
        .as_str()
        .unwrap();
    assert!(image.contains("/elsewhere/tiny@sha256:"), "{image}");
    assert_eq!(ask(&google, "/version"), "one");
}
