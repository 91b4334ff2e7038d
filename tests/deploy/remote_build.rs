//! Remote builds with Cloud Build.

use std::{fs, os::unix::fs::symlink};

use mcpo_test_support::google::{Fault, Google};

use crate::project::{Project, fetch, google, writes};

#[test]
fn remote_build_uploads_the_source_and_deploys_the_image() {
    let (google, project) = (google(), Project::new());
    project.write(".gitignore", "/target\n*.log\n");
    project.write("notes.log", "not to be sent");
    project.write(".env", "API_KEY=secret-value-that-stays-here\n");
    let result = project.deploy(&google, &["--remote-build"]);
    result.has(
        0,
        &[
            "Uploaded 4 files",
            "RUN cargo build --release",
            "with Cloud Build",
        ],
    );
    assert_eq!(fetch(&google, "/version"), "one");
    for (name, bytes) in google.files() {
        let found = bytes
            .windows(28)
            .any(|window| window == b"secret-value-that-stays-here");
        assert!(!found, "{name}");
    }

    google.clear_calls();
    project
        .deploy(&google, &["--remote-build"])
        .has(0, &["Unchanged"]);
    assert_eq!(writes(&google), Vec::<String>::new());
    project.change("two");
    project.deploy(&google, &["--remote-build"]);
    assert_eq!(fetch(&google, "/version"), "two");
}

/// Returns the files of the last uploaded source.
fn uploaded_files(google: &Google) -> Vec<String> {
    let source = google.source();
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(&*source));
    let entries = tar.entries().unwrap();
    entries
        .map(|entry| {
            let entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            match entry.link_name().unwrap() {
                Some(to) => format!("{path} → {}", to.display()),
                None => path,
            }
        })
        .collect()
}

#[test]
fn remote_build_excludes_ignored_files_secrets_and_build_output() {
    let (google, project) = (google(), Project::new());
    let write = |file: &str, text: &str| {
        fs::create_dir_all(project.path(file).parent().unwrap()).unwrap();
        project.write(file, text);
    };
    write("src/target/mod.rs", "");
    write("deep/.gitignore", "*.tmp\n");
    write("deep/a.tmp", "");
    write("deep/b.txt", "");
    write("elsewhere.tmp", "");
    write(".ignore", "elsewhere.tmp\n");
    let key = "-----BEGIN PRIVATE KEY-----\nsecret-value\n-----END PRIVATE KEY-----\n";
    write("server.pem", key);
    write(
        "robot.json",
        r#"{"type": "service_account", "private_key": "secret-value"}"#,
    );
    write("roots.pem", "-----BEGIN CERTIFICATE-----\n");
    write(".npmrc", "//registry/:_authToken=secret-value");
    write(".env.production", "A=secret-value");
    write(".env.example", "A=");
    write(".mcpo/state.json", "secret-value");
    write(
        "another/target/CACHEDIR.TAG",
        "Signature: 8a477f597d28d172789f06886806bc55\n",
    );
    write("another/target/debug/thing", "");
    symlink("b.txt", project.path("deep/inside")).unwrap();
    symlink("/etc/hostname", project.path("outside")).unwrap();
    symlink("../../nowhere", project.path("deep/away")).unwrap();
    // An earlier local build, with output in the target directory that cargo reports.
    project.deploy(&google, &["--service", "here"]);

    let result = project.deploy(&google, &["--remote-build"]);
    for (file, why) in [
        ("server.pem", "looks like a secret"),
        ("robot.json", "looks like a secret"),
        (".npmrc", "the name of a secret file"),
        (".env.production", "environment file"),
        ("outside", "link to a place outside the workspace"),
        ("deep/away", "link to a place outside the workspace"),
    ] {
        result.has(0, &[&format!("not sent: {file} ({why})")]);
    }
    let mut uploaded_files = uploaded_files(&google);
    uploaded_files.sort();
    let expected = [
        ".env.example",
        ".ignore",
        "Cargo.lock",
        "Cargo.toml",
        "Dockerfile",
        "deep/.gitignore",
        "deep/b.txt",
        "deep/inside → b.txt",
        "elsewhere.tmp",
        "roots.pem",
        "src/main.rs",
        "src/target/mod.rs",
    ];
    assert_eq!(uploaded_files, expected);
    assert_eq!(fetch(&google, "/version"), "one");
}

#[test]
fn crate_outside_the_workspace_is_rejected_before_a_remote_build() {
    let (google, project) = (google(), Project::new());
    let elsewhere = tempfile::tempdir().unwrap();
    fs::create_dir(elsewhere.path().join("src")).unwrap();
    fs::write(elsewhere.path().join("src/lib.rs"), "").unwrap();
    let manifest = "[package]\nname = \"helper\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    fs::write(elsewhere.path().join("Cargo.toml"), manifest).unwrap();
    let manifest = fs::read_to_string(project.path("Cargo.toml")).unwrap();
    let path = elsewhere.path().display();
    let dependency = format!("\n[dependencies]\nhelper = {{ path = \"{path}\" }}\n");
    project.write("Cargo.toml", &format!("{manifest}{dependency}"));
    let result = project.run(&google, &["--no-verify", "--remote-build"]);
    result.has(
        2,
        &[&format!("helper in {path}"), "move them into the workspace"],
    );
    assert_eq!(writes(&google), Vec::<String>::new());
    // A local build can use the crate as it is.
    project.deploy(&google, &[]);
}

#[test]
fn interrupted_source_upload_is_resumed() {
    let (google, project) = (google(), Project::new());
    google.fail("storage.upload", Fault::DisconnectAfter(500), 2);
    project.deploy(&google, &["--remote-build"]);
    assert_eq!(fetch(&google, "/version"), "one");
}

#[test]
fn failed_remote_build_shows_the_error_and_deploys_nothing() {
    let (google, project) = (google(), Project::new());
    project.write("src/main.rs", "fn main() { this does not compile }");
    let result = project.run(&google, &["--no-verify", "--remote-build"]);
    result.has(
        2,
        &[
            "error: expected one of",
            "the remote build failed",
            "cloud-build/builds",
        ],
    );
    assert!(google.resource(crate::project::SERVICE).is_null());
}

#[test]
fn missing_permission_of_a_remote_build_is_named() {
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
        let result = project.run(&google, &["--no-verify", "--remote-build"]);
        result.has(2, &[permission]);
        google.clear_faults();
    }
}

#[test]
fn show_dockerfile_prints_the_dockerfile() {
    let (google, project) = (google(), Project::new());
    let result = project.run(&google, &["--show-dockerfile"]);
    result.has(0, &["FROM scratch", "--bin tiny", "USER 65532:65532"]);
    assert_eq!(google.calls(), []);
}
