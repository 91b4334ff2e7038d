//! The whole way, with the template's own server: new, deploy, change, deploy, roll back.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use mcpo_test_support::google::{Google, NUMBER};

use crate::project::{REGION, Said, command};

/// The folder with what stays built between runs.
pub const CACHE: &str = "deploy";

/// Makes the project where it was made before, so that its dependencies stay built.
fn project() -> PathBuf {
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
    // While there is a network: the deployment has none but the stand-in.
    run(Command::new(env!("CARGO"))
        .arg("fetch")
        .current_dir(&project));
    project
}

fn deploy(project: &Path, google: &Google, arguments: &[&str]) -> Said {
    let mut command = command(project, google, arguments);
    command.env("CARGO_TARGET_DIR", project.with_file_name("target"));
    Said::of(&command.output().unwrap())
}

fn password(said: &Said) -> String {
    let (_, rest) = said.stderr.split_once("It is shown once:").unwrap();
    rest.split_whitespace().next().unwrap().to_owned()
}

/// What an independent walk says.
fn probe(google: &Google, project: &Path, password: &str, tool: &str) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_mcpo"))
        .arg("probe")
        .arg(format!("https://my-service-{NUMBER}.{REGION}.run.app/mcp"))
        .args(["--tool", tool, "--args", r#"{"name": "Ada"}"#])
        .current_dir(project)
        .env("NO_COLOR", "1")
        .env("MCPO_PROBE_PASSWORD", password)
        .envs(google.network())
        .output()
        .unwrap();
    Said::of(&output)
}

#[test]
fn new_deploy_change_deploy_and_back() {
    let project = project();
    let google = Google::start();

    let said = deploy(&project, &google, &[]);
    said.has(
        0,
        &[
            "Enabled 6 APIs",
            "Pushed",
            "Released my-service-00001-",
            "Verified",
            "Settings → Connectors",
        ],
    );
    assert_eq!(
        said.stdout.trim(),
        format!("https://my-service-{NUMBER}.{REGION}.run.app/mcp")
    );
    let password = password(&said);
    probe(&google, &project, &password, "greet").has(0, &["Hello, Ada!"]);

    let source = fs::read_to_string(project.join("src/main.rs")).unwrap();
    fs::write(
        project.join("src/main.rs"),
        source.replace("Hello, {}!", "Good day, {}!"),
    )
    .unwrap();
    let said = deploy(&project, &google, &[]);
    said.has(
        0,
        &[
            "~ image: ",
            "a client id and a refresh token from before still work",
        ],
    );
    probe(&google, &project, &password, "greet").has(0, &["Good day, Ada!"]);

    deploy(&project, &google, &["--rollback"]).has(0, &["Rolled back"]);
    probe(&google, &project, &password, "greet").has(0, &["Hello, Ada!"]);

    // Behind Google's front, the same walk by an identity token.
    let said = deploy(&project, &google, &["--private"]);
    said.has(
        0,
        &[
            "a refresh token from before still work",
            "who has no permission of Google's is refused",
        ],
    );
    probe(&google, &project, &password, "greet").has(1, &[]);
}
