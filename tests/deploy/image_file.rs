//! Tests of `--image-file`, with skopeo as the reader. No Google is there, and no credentials are.

use std::{fs, process::Command};

use serde_json::Value;

use crate::json_schema;
use crate::project::{Project, RunResult, without_google};

fn run(project: &Project, arguments: &[&str]) -> RunResult {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcpo"));
    without_google(&mut command)
        .env("HOME", project.path(""))
        .arg("deploy")
        .args(arguments)
        .current_dir(project.path(""));
    let result = RunResult::of(&command.output().unwrap());
    json_schema::check(arguments, &result);
    result
}

/// Returns what skopeo prints.
fn skopeo(project: &Project, arguments: &[&str]) -> String {
    let mut command = Command::new("skopeo");
    command.args(arguments).current_dir(project.path(""));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn image_file_is_an_image_of_oci_and_of_docker() {
    let project = Project::new();
    let result = run(&project, &["--image-file", "out/image.tar", "--json"]);
    result.has(0, &[]);
    let report = json(&result.stdout);
    assert_eq!(report["image"], "tiny:latest");
    assert_eq!(report["image_file"], "out/image.tar");
    let archive = fs::read(project.path("out/image.tar")).unwrap();
    assert_eq!(report["bytes"], archive.len());
    assert_eq!(fs::read_dir(project.path("out")).unwrap().count(), 1);

    let image = json(&skopeo(
        &project,
        &["inspect", "oci-archive:out/image.tar:latest"],
    ));
    assert_eq!(image["Digest"], report["digest"]);
    assert_eq!(image["Architecture"], "amd64");
    // The index lists the attachments, and their documents are in the archive.
    skopeo(
        &project,
        &[
            "copy",
            "--quiet",
            "oci-archive:out/image.tar:latest",
            "oci:layout",
        ],
    );
    let output = Command::new("tar")
        .args([
            "--extract",
            "--file",
            "out/image.tar",
            "--one-top-level=files",
        ])
        .current_dir(project.path(""))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let read = |file: &str| fs::read(project.path(&format!("files/{file}"))).unwrap();
    let blob = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().unwrap();
        let bytes = read(&format!("blobs/{}", digest.replace(':', "/")));
        assert_eq!(descriptor["size"], bytes.len());
        json(&String::from_utf8(bytes).unwrap())
    };
    let index = json(&String::from_utf8(read("index.json")).unwrap());
    let attachments = &index["manifests"].as_array().unwrap()[1..];
    let types = attachments.iter().map(|it| {
        let manifest = blob(it);
        assert_eq!(manifest["subject"]["digest"], report["digest"]);
        blob(&manifest["layers"][0]);
        it["artifactType"].as_str().unwrap().to_owned()
    });
    let expected = [
        "application/vnd.cyclonedx+json",
        "application/vnd.in-toto+json",
    ];
    assert_eq!(types.collect::<Vec<_>>(), expected);
    // What `docker load` reads, with the layer.
    let source = "docker-archive:out/image.tar:tiny:latest";
    let config = json(&skopeo(&project, &["inspect", "--config", source]));
    assert_eq!(config["config"]["Entrypoint"][0], "/server");
    skopeo(&project, &["copy", "--quiet", source, "dir:copy"]);

    // A second run replaces the file, and the content is the same.
    let result = run(&project, &["--image-file", "out/image.tar"]);
    result.has(0, &["tiny:latest"]);
    assert_eq!(result.stdout, "out/image.tar\n");
    assert_eq!(fs::read(project.path("out/image.tar")).unwrap(), archive);
}

#[test]
fn image_file_replaces_no_folder_and_fits_no_release() {
    let project = Project::new();
    let result = run(&project, &["--image-file", "src", "--json"]);
    result.has(2, &["src is not a regular file"]);
    assert_eq!(json(&result.stdout)["outcome"], "failed");
    for flag in ["--remote-build", "--status", "--fast", "--env=A=b"] {
        run(&project, &["--image-file", "x", flag]).has(2, &["cannot be used with"]);
    }
    assert!(!project.path("target").exists());
}

#[test]
fn dockerfile_needs_no_region() {
    let project = Project::new();
    run(&project, &["--show-dockerfile"]).has(0, &["FROM scratch"]);
}
