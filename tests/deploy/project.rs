//! A project to deploy, and runs of mcpo in it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use mcpo_test_support::google::{Google, InitialState, NUMBER};
use tempfile::TempDir;

use crate::json_schema;

pub const REGION: &str = "europe-west1";
/// The full name of the service that the tests deploy.
pub const SERVICE: &str = "projects/my-project/locations/europe-west1/services/tiny";

const MANIFEST: &str = r#"[package]
name = "tiny"
version = "0.1.0"
edition = "2024"

[workspace]
"#;
const SOURCE: &str = include_str!("../support/fixtures/deployable/src/main.rs");

/// Variables that must not be inherited from the environment of the tests.
const OUR_OWN: &[&str] = &[
    "ADMIN_PASSWORD",
    "BASE_URL",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "CI_COMMIT_REF_NAME",
    "CLOUDSDK_AUTH_ACCESS_TOKEN",
    "CLOUDSDK_CORE_PROJECT",
    "GCE_METADATA_HOST",
    "GITHUB_HEAD_REF",
    "GITHUB_REF_NAME",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_OAUTH_ACCESS_TOKEN",
    "MCPO_SECRET",
    "RUSTFLAGS",
];

/// A project with one source file.
pub struct Project {
    folder: TempDir,
}

/// The exit code and output of a run.
pub struct RunResult {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Project {
    pub fn new() -> Self {
        Self::with("")
    }

    /// Creates a project with additional lines in its manifest.
    pub fn with(manifest: &str) -> Self {
        let project = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(project.path("src")).unwrap();
        project.write("Cargo.toml", &format!("{MANIFEST}\n{manifest}"));
        project.write("src/main.rs", SOURCE);
        project.write(
            "Cargo.lock",
            "version = 4\n\n[[package]]\nname = \"tiny\"\nversion = \"0.1.0\"\n",
        );
        project
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub fn write(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).unwrap();
    }

    /// Replaces the additional lines of the manifest.
    pub fn manifest(&self, manifest: &str) {
        self.write("Cargo.toml", &format!("{MANIFEST}\n{manifest}"));
    }

    /// Changes the version that the server reports.
    pub fn change(&self, version: &str) {
        let text = SOURCE.replace(
            "VERSION: &str = \"one\"",
            &format!("VERSION: &str = {version:?}"),
        );
        self.write("src/main.rs", &text);
    }

    /// Returns a command that runs mcpo in this project against this stand-in.
    pub fn command(&self, google: &Google, arguments: &[&str]) -> Command {
        command(self.folder.path(), google, arguments)
    }

    /// Runs mcpo to its end, with `deploy REGION` before the arguments.
    pub fn run(&self, google: &Google, arguments: &[&str]) -> RunResult {
        let result = RunResult::of(&self.command(google, arguments).output().unwrap());
        json_schema::check(arguments, &result);
        result
    }

    /// Runs mcpo, which must succeed.
    pub fn deploy(&self, google: &Google, arguments: &[&str]) -> RunResult {
        let result = self.run(google, &[&["--no-verify"], arguments].concat());
        assert_eq!(result.code, Some(0), "{result}");
        result
    }

    /// Starts mcpo without waiting for it.
    pub fn start(&self, google: &Google, arguments: &[&str]) -> Child {
        self.command(google, arguments).spawn().unwrap()
    }
}

/// Returns a command that runs mcpo in a folder.
pub fn command(folder: &Path, google: &Google, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcpo"));
    isolated(&mut command, google)
        .args(["deploy", REGION])
        .args(arguments)
        .current_dir(folder)
        .env("HOME", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Lets a command reach only this stand-in, and isolates it from the user's environment.
pub fn isolated<'a>(command: &'a mut Command, google: &Google) -> &'a mut Command {
    without_google(command).envs(google.environment())
}

/// Isolates a command from the user's environment, and gives it no credentials.
pub fn without_google(command: &mut Command) -> &mut Command {
    for name in OUR_OWN {
        command.env_remove(name);
    }
    command
        .env("NO_COLOR", "1")
        // Optimizing takes minutes; `scripts/bench/deploy` measures the optimized build.
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_HOME", cargo_home())
        .env("RUSTUP_HOME", rustup_home())
        // Only the stand-in is reachable.
        .env("CARGO_NET_OFFLINE", "true")
}

fn home(variable: &str, folder: &str) -> PathBuf {
    let set = std::env::var_os(variable).map(PathBuf::from);
    set.unwrap_or_else(|| std::env::home_dir().unwrap().join(folder))
}

fn cargo_home() -> PathBuf {
    home("CARGO_HOME", ".cargo")
}

fn rustup_home() -> PathBuf {
    home("RUSTUP_HOME", ".rustup")
}

/// Starts a stand-in whose APIs are enabled.
pub fn google() -> Google {
    Google::start_with(InitialState {
        is_enabled: true,
        ..InitialState::default()
    })
}

/// Returns the response of the deployed service.
pub fn fetch(google: &Google, path: &str) -> String {
    fetch_host(google, &format!("tiny-{NUMBER}.{REGION}.run.app"), path)
}

/// Returns the response of a public address.
pub fn fetch_host(google: &Google, host: &str, path: &str) -> String {
    google.fetch(host, path).1
}

impl RunResult {
    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Returns stdout and stderr.
    pub fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Checks the exit code and that the output contains these texts.
    #[track_caller]
    pub fn has(&self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self}");
        for text in texts {
            assert!(self.all().contains(text), "no {text:?} in:\n{self}");
        }
    }
}

impl std::fmt::Display for RunResult {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "exit code {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.code, self.stdout, self.stderr
        )
    }
}

/// Returns the ids of the called methods that change something, in order, followed by
/// `registry.push` if something was pushed.
pub fn writes(google: &Google) -> Vec<String> {
    let reads = [
        ".get",
        ".list",
        ".batchGet",
        ".getIamPolicy",
        ".getAuthString",
        ".getPublicKey",
        ".access",
        ".getBillingInfo",
        ":validateOnly",
    ];
    let mut writes: Vec<_> = google
        .calls()
        .into_iter()
        .map(|(id, _)| id)
        .filter(|id| !reads.iter().any(|read| id.ends_with(read)))
        .collect();
    let is_push = |(verb, _): &(String, String)| verb != "GET" && verb != "HEAD";
    if google.registry_calls().iter().any(is_push) {
        writes.push("registry.push".to_owned());
    }
    writes
}
