//! Images that are already in another repository of the registry.

use mcpo_test_support::google::Fault;

use crate::project::{Project, SERVICE, fetch, google};

#[test]
fn second_service_reuses_the_image_of_the_first() {
    // The attachments of the image would be uploaded.
    let table = "[package.metadata.mcpo]\nsbom = false\nprovenance = false\n";
    let (google, project) = (google(), Project::with(table));
    project.deploy(&google, &["--service", "before"]);
    project.deploy(&google, &["--service", "another", "--env", "MODE=x"]);
    google.clear_calls();
    let result = project.deploy(&google, &[]);
    result.has(0, &["Pushed 0 KiB", "reused from my-project/mcpo/"]);
    let calls = google.registry_calls();
    let uploads = calls
        .iter()
        .filter(|(verb, path)| verb == "PUT" && path.contains("/blobs/"));
    assert_eq!(uploads.count(), 0, "{calls:?}");
    assert_eq!(fetch(&google, "/version"), "one");
}

#[test]
fn image_that_cannot_be_reused_is_uploaded() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &["--service", "before"]);
    let before = SERVICE.replace("/tiny", "/before");
    // Its image reference points to an image that does not exist, so the mount fails and the
    // registry starts an upload.
    google.edit(&before, |service| {
        let image = &mut service["template"]["containers"][0]["image"];
        *image = image.as_str().unwrap().replace("/before@", "/gone@").into();
    });
    google.clear_calls();
    project.deploy(&google, &[]);
    let calls = google.registry_calls();
    let mounts = calls.iter().filter(|(_, path)| path.contains("mount="));
    assert_eq!(mounts.count(), 2, "{calls:?}");
    assert_eq!(fetch(&google, "/version"), "one");

    // The permission to list services is not required either.
    project.change("two");
    let denied = Fault::Denied("run.services.list");
    google.fail("run.projects.locations.services.list", denied, u32::MAX);
    project.deploy(&google, &[]);
    assert_eq!(fetch(&google, "/version"), "two");
}

#[test]
fn image_is_reused_in_another_repository_without_an_upload() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    let manifest = std::fs::read_to_string(project.path("Cargo.toml")).unwrap();
    let elsewhere = "[package.metadata.mcpo]\nrepository = \"elsewhere\"\n";
    project.write("Cargo.toml", &format!("{manifest}{elsewhere}"));
    let result = project.deploy(&google, &[]);
    result.has(0, &["reused from my-project/mcpo/tiny"]);
    let service = google.resource(SERVICE);
    let image = service["template"]["containers"][0]["image"]
        .as_str()
        .unwrap();
    assert!(image.contains("/elsewhere/tiny@sha256:"), "{image}");
    assert_eq!(fetch(&google, "/version"), "one");
}
