//! The build uses the project's own flags and adds one flag for static linking.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use crate::project::{Project, RunResult, google, isolated};

const STATIC: &str = "-Ctarget-feature=+crt-static";
const SPECIAL: &str = "rustflags = [\"--cfg\", \"special\"]";

/// A configuration: the project's file, the user's file, and environment variables.
type Case = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

const CASES: &[Case] = &[
    ("", "", &[]),
    ("[build]\nrustflags = [\"--cfg\", \"special\"]", "", &[]),
    (
        "[build]\nrustflags = \"--cfg special -Cdebuginfo=1\"",
        "",
        &[],
    ),
    (
        "[target.x86_64-unknown-linux-gnu]\nrustflags = [\"--cfg\", \"special\"]",
        "",
        &[],
    ),
    (
        "[target.'cfg(unix)']\nrustflags = [\"--cfg\", \"special\"]",
        "",
        &[],
    ),
    (
        "[target.'cfg(windows)']\nrustflags = [\"--cfg\", \"other\"]\n[build]\nrustflags = [\"--cfg\", \"special\"]",
        "",
        &[],
    ),
    (
        "[target.'cfg(target_os = \"linux\")']\nrustflags = [\"--cfg\", \"special\"]\n[build]\nrustflags = [\"--cfg\", \"other\"]",
        "",
        &[],
    ),
    (
        "[build]\nrustflags = [\"--cfg\", \"other\"]",
        "",
        &[("RUSTFLAGS", "--cfg special")],
    ),
    (
        "[build]\nrustflags = [\"--cfg\", \"other\"]",
        "",
        &[("CARGO_BUILD_RUSTFLAGS", "--cfg special")],
    ),
    ("", "", &[("CARGO_ENCODED_RUSTFLAGS", "--cfg\u{1f}special")]),
    (
        "[build]\nrustflags = [\"--cfg\", \"other\"]",
        "",
        &[(
            "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS",
            "--cfg special",
        )],
    ),
    (
        "[build]\ntarget-dir = \"elsewhere\"\n[profile.release]\nopt-level = 1\nstrip = true",
        "[build]\nrustflags = [\"--cfg\", \"special\"]",
        &[],
    ),
];

#[test]
fn rustc_gets_the_configured_flags_and_the_static_flag() {
    let google = google();
    for (index, (project_config, user_config, variables)) in CASES.iter().enumerate() {
        let project = Project::new();
        configure(&project, project_config, user_config);
        let deployed = {
            let log = project.path("deployed.log");
            let mut command = project.command(&google, &["--dry-run"]);
            command.envs(variables.iter().copied());
            use_user_config(&mut command, &project, user_config);
            let result = run_with_rustc_log(&mut command, &project, &log);
            result.has(10, &[]);
            log
        };
        let plain = project.path("plain.log");
        let mut cargo = Command::new(env!("CARGO"));
        isolated(&mut cargo, &google)
            .args(["build", "--release", "--quiet", "--target"])
            .arg(target_of(&deployed))
            .current_dir(project.path("."))
            .envs(variables.iter().copied());
        use_user_config(&mut cargo, &project, user_config);
        let result = run_with_rustc_log(&mut cargo, &project, &plain);
        result.has(0, &[]);
        let mut expected = flags(&plain);
        expected.push(STATIC.to_owned());
        expected.sort();
        assert_eq!(
            flags(&deployed),
            expected,
            "configuration {index}: {project_config}"
        );
    }
}

#[test]
fn target_cpu_native_causes_a_warning() {
    let (google, project) = (google(), Project::new());
    configure(
        &project,
        "[build]\nrustflags = [\"-Ctarget-cpu=native\"]",
        "",
    );
    project
        .run(&google, &["--dry-run"])
        .has(10, &["target-cpu=native in ", "SIGILL"]);
}

#[test]
fn remote_build_uses_the_flags_of_the_workspace() {
    let google = google();
    for (project_config, expected) in [
        ("", "--config 'build.rustflags="),
        ("[build]", "--config 'build.rustflags="),
        (
            "[target.'cfg(unix)']",
            "--config 'target.x86_64-unknown-linux-gnu.rustflags=",
        ),
        ("[target.'cfg(windows)']", "--config 'build.rustflags="),
    ] {
        let project = Project::new();
        configure(&project, &format!("{project_config}\n{SPECIAL}"), "");
        let result = project.run(&google, &["--show-dockerfile"]);
        result.has(0, &[expected, "--target-dir target"]);
        assert!(!result.stdout.contains("RUSTFLAGS"), "{result}");
    }
    // A remote build uses the same flags.
    let project = Project::new();
    configure(
        &project,
        &format!("[build]\ntarget-dir = \"elsewhere\"\n{SPECIAL}"),
        "",
    );
    let source = fs::read_to_string(project.path("src/main.rs")).unwrap();
    project.write(
        "src/main.rs",
        &format!("{source}\n#[cfg(not(special))]\ncompile_error!(\"not the project's flags\");\n"),
    );
    project.deploy(&google, &["--remote-build"]);
}

#[test]
fn local_git_dependency_is_rejected_before_a_remote_build() {
    let (google, project) = (google(), Project::new());
    let library = project.path("library");
    fs::create_dir_all(library.join("src")).unwrap();
    fs::write(
        library.join("Cargo.toml"),
        "[package]\nname = \"library\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n",
    )
    .unwrap();
    fs::write(library.join("src/lib.rs"), "").unwrap();
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"];
        let run = Command::new("git")
            .args(identity)
            .args(arguments)
            .current_dir(&library)
            .output();
        assert!(run.unwrap().status.success(), "git {arguments:?}");
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "x"]);
    let manifest = fs::read_to_string(project.path("Cargo.toml")).unwrap();
    let dependency = format!(
        "[dependencies]\nlibrary = {{ git = \"file://{}\" }}\n",
        library.display()
    );
    project.write("Cargo.toml", &format!("{manifest}\n{dependency}"));
    fs::remove_file(project.path("Cargo.lock")).unwrap();
    let mut command = project.command(&google, &["--remote-build", "--no-verify"]);
    command
        .env("CARGO_NET_OFFLINE", "false")
        .env("CARGO_HOME", project.path("home"));
    let result = RunResult::of(&command.output().unwrap());
    result.has(2, &["library in git+file://"]);
    assert_eq!(crate::project::writes(&google), Vec::<String>::new());
}

/// Writes the project's configuration and the user's configuration.
fn configure(project: &Project, project_config: &str, user_config: &str) {
    let write = |folder: PathBuf, text: &str| {
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("config.toml"), text).unwrap();
    };
    write(project.path(".cargo"), project_config);
    if !user_config.is_empty() {
        write(project.path("home-of-cargo"), user_config);
    }
}

fn use_user_config(command: &mut Command, project: &Project, user_config: &str) {
    if !user_config.is_empty() {
        command.env("CARGO_HOME", project.path("home-of-cargo"));
    }
}

/// Runs a command with a wrapper that logs the arguments of rustc.
fn run_with_rustc_log(command: &mut Command, project: &Project, log: &Path) -> RunResult {
    let wrapper = project.path("wrapper");
    fs::write(
        &wrapper,
        "#!/bin/sh\nprintf '%s\\n' \"$*\" >> \"$LOG_OF_RUSTC\"\nexec \"$@\"\n",
    )
    .unwrap();
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    command
        .env("RUSTC_WRAPPER", wrapper)
        .env("LOG_OF_RUSTC", log);
    RunResult::of(&command.output().unwrap())
}

fn line(log: &PathBuf) -> String {
    let text = fs::read_to_string(log).unwrap();
    let line = text
        .lines()
        .find(|line| line.contains("--crate-name tiny ") && line.contains("--crate-type bin"));
    line.unwrap_or_else(|| panic!("the compiler was not called: {text}"))
        .to_owned()
}

fn target_of(log: &PathBuf) -> String {
    let line = line(log);
    let mut words = line.split(' ').skip_while(|word| *word != "--target");
    words.nth(1).unwrap().to_owned()
}

/// Returns the flags that affect what is compiled, without those that name files.
fn flags(log: &PathBuf) -> Vec<String> {
    let line = line(log);
    let words: Vec<_> = line.split(' ').collect();
    let mut found = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let flag = match *word {
            "-C" | "--cfg" => format!("{word} {}", words[index + 1]),
            word if word.starts_with("-C") => word.to_owned(),
            _ => continue,
        };
        if !["metadata=", "extra-filename=", "incremental="]
            .iter()
            .any(|name| flag.contains(name))
        {
            found.push(flag);
        }
    }
    found.sort();
    found
}
