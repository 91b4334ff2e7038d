//! A project with the server of the template, whose dependencies are built once for all tests.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use mcpo_test_support::{
    google::{Google, NUMBER},
    vendored::keep_built,
};

use crate::project::{REGION, RunResult, command};

/// The folder whose build output is reused between runs.
pub const CACHE: &str = "deploy";

/// Creates the project at the same path in each run, so that its dependencies stay built.
pub fn project() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(CACHE);
    fs::create_dir_all(&folder).unwrap();
    let project = folder.join("my-service");
    if project.exists() {
        fs::remove_dir_all(&project).unwrap();
    }
    let run = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    run(Command::new(env!("CARGO_BIN_EXE_mcpo"))
        .args(["new", "my-service", "--no-git"])
        .current_dir(&folder));
    keep_built(&project, env!("CARGO_BIN_EXE_mcpo"));
    // Fetch the dependencies now: during the deployment, only the stand-in is reachable.
    run(Command::new(env!("CARGO"))
        .arg("fetch")
        .current_dir(&project));
    project
}

pub fn deploy(project: &Path, google: &Google, arguments: &[&str]) -> RunResult {
    let mut command = command(project, google, arguments);
    command.env("CARGO_TARGET_DIR", project.with_file_name("target"));
    RunResult::of(&command.output().unwrap())
}

pub fn password(result: &RunResult) -> String {
    let (_, rest) = result.stderr.split_once("It is shown only once:").unwrap();
    rest.split_whitespace().next().unwrap().to_owned()
}

/// Runs `mcpo probe` as an independent check.
pub fn probe(google: &Google, project: &Path, password: &str, tool: &str) -> RunResult {
    let host = format!("my-service-{NUMBER}.{REGION}.run.app");
    probe_host(google, project, password, tool, &host)
}

pub fn probe_host(
    google: &Google,
    project: &Path,
    password: &str,
    tool: &str,
    host: &str,
) -> RunResult {
    let output = Command::new(env!("CARGO_BIN_EXE_mcpo"))
        .arg("probe")
        .arg(format!("https://{host}/mcp"))
        .args(["--tool", tool, "--args", r#"{"name": "Ada"}"#])
        .current_dir(project)
        .env("NO_COLOR", "1")
        .env("MCPO_PROBE_PASSWORD", password)
        .envs(google.network())
        .output()
        .unwrap();
    RunResult::of(&output)
}
