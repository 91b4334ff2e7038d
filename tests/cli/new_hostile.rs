//! Untrusted templates: the files they contain, the commands they run, and their output in the
//! terminal.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::{TempDir, tempdir};

use crate::tool::{clean, said};

/// Creates a template in a folder, with a manifest, a `main.rs` and these files.
fn template(files: &[(&str, &str)]) -> TempDir {
    let folder = tempdir().unwrap();
    let base = [
        ("Cargo.toml", "[package]\nname = \"{{project-name}}\"\n"),
        ("src/main.rs", "fn main() {}\n"),
    ];
    for (path, text) in base.iter().chain(files) {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// Creates a project from the template. Returns its folder and the output.
fn made_from(template: &TempDir) -> (TempDir, String) {
    let folder = tempdir().unwrap();
    let template = template.path().to_str().unwrap();
    let said = said(folder.path(), &["new", "mine", "--template", template]);
    (folder, said)
}

fn git_would_add(project: &Path) -> String {
    let output = Command::new("git")
        .args(["status", "--porcelain", "--untracked-files=all"])
        .current_dir(project)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn secrets_are_ignored_by_git_for_every_template() {
    for ignored in [None, Some("*.log"), Some(".env\n.mcpo\ntarget\n!.env\n")] {
        let file = ignored.map(|text| (".gitignore", text));
        let (folder, said) = made_from(&template(file.as_slice()));
        assert!(said.starts_with("exit code 0"), "{said}");
        assert!(said.contains("warning added to .gitignore: .env"), "{said}");
        let project = folder.path().join("mine");
        for path in [".mcpo/ledger.sqlite3", "target/debug/mine"] {
            let path = project.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let listed = git_would_add(&project);
        assert!(listed.contains("?? src/main.rs"), "{listed}");
        for secret in [".env\n", ".mcpo", "target"] {
            assert!(!listed.contains(secret), "{ignored:?}: {listed}");
        }
    }
}

#[test]
fn private_files_of_the_template_author_are_removed_and_named() {
    let from = template(&[
        (".env", "MCPO_SECRET=known\nADMIN_PASSWORD=known\n"),
        (".mcpo/tunnel-password", "abcdefghijklmnopqrstuvwx"),
        (
            ".env.example",
            "# About.\n\nMCPO_SECRET=\nADMIN_PASSWORD=known\n",
        ),
    ]);
    let (folder, said) = made_from(&from);
    assert!(said.starts_with("exit code 0"), "{said}");
    for expected in [
        "the template's own .env was left out",
        "the template's own .mcpo was left out",
        "the template's .env.example sets ADMIN_PASSWORD",
    ] {
        assert!(said.contains(expected), "{expected} in {said}");
    }
    let project = folder.path().join("mine");
    assert!(!project.join(".mcpo").exists());
    let environment = fs::read_to_string(project.join(".env")).unwrap();
    assert!(!environment.contains("known"), "{environment}");
    assert!(environment.contains("MCPO_SECRET="), "{environment}");
}

#[test]
fn a_template_error_is_reported_with_its_file_and_the_whole_message() {
    let broken = "fn main() {}\n// {{ project-name | no_such_filter }}\n";
    let (folder, said) = made_from(&template(&[("src/broken.rs", broken)]));
    assert!(said.starts_with("exit code 2"), "{said}");
    assert!(said.contains("broken.rs"), "{said}");
    assert!(said.contains("found invalid syntax in"), "{said}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn warnings_of_a_template_that_was_rendered_are_shown() {
    let from = template(&[]);
    symlink("main.rs", from.path().join("src/link.rs")).unwrap();
    let (_folder, said) = made_from(&from);
    assert!(said.starts_with("exit code 0"), "{said}");
    assert!(said.contains("link.rs"), "{said}");
}

const HIDING: &str = "touch hacked #\\x1b[2K\\x1b[1Gecho harmless\\u202e";
const SPELLED_OUT: &str = r"touch hacked #\u{1b}[2K\u{1b}[1Gecho harmless\u{202e}";

/// Creates a template with a hook that prints a text and then runs a command that hides itself.
fn with_command() -> TempDir {
    let hook = format!("print(\"\\x1b[8mnothing to see\");\nsystem::command(\"{HIDING}\");\n");
    template(&[
        ("cargo-generate.toml", "[hooks]\npre = [\"pre.rhai\"]\n"),
        ("pre.rhai", &hook),
    ])
}

#[test]
fn a_hook_runs_no_command_without_a_terminal() {
    let (folder, said) = made_from(&with_command());
    assert!(said.starts_with("exit code 2"), "{said}");
    assert!(said.contains(SPELLED_OUT), "{said}");
    assert!(said.contains(r"\u{1b}[8mnothing to see"), "{said}");
    assert!(said.contains("was not approved"), "{said}");
    assert!(
        !said.contains('\u{1b}') && !said.contains('\u{202e}'),
        "{said:?}"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Runs `mcpo new` in a terminal (created by `script` of util-linux), types the answer, and returns
/// the screen.
fn on_a_terminal(folder: &Path, template: &TempDir, answer: &str) -> String {
    let command = format!(
        "{} new mine --template {}",
        env!("CARGO_BIN_EXE_mcpo"),
        template.path().display()
    );
    let mut script = Command::new("script");
    clean(&mut script, folder);
    let mut child = script
        .args(["--quiet", "--flush", "--return", "--command", &command])
        .arg("/dev/null")
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keyboard = child.stdin.take().unwrap();
    keyboard.write_all(answer.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(keyboard);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_hook_command_is_shown_and_runs_only_after_approval() {
    for (answer, runs) in [("n\n", false), ("\n", false), ("y\n", true)] {
        let folder = tempdir().unwrap();
        let screen = on_a_terminal(folder.path(), &with_command(), answer);
        assert!(screen.contains(&format!("  | {SPELLED_OUT}")), "{screen}");
        assert!(!screen.contains("\u{1b}[2K"), "{screen:?}");
        let project: PathBuf = folder.path().join("mine");
        assert_eq!(
            project.join("hacked").exists(),
            runs,
            "{answer:?}: {screen}"
        );
        assert_eq!(project.exists(), runs, "{screen}");
    }
}

#[test]
fn template_questions_are_printed_without_escape_codes() {
    let from = template(&[
        (
            "cargo-generate.toml",
            "[placeholders.greeting]\ntype = \"string\"\nprompt = \"How?\\u001b[2J\"\n",
        ),
        ("greeting.txt", "{{greeting}}"),
    ]);
    let folder = tempdir().unwrap();
    let screen = on_a_terminal(folder.path(), &from, "Hello\n");
    assert!(screen.contains(r"How?\u{1b}[2J (greeting): "), "{screen}");
    assert!(!screen.contains("\u{1b}[2J"), "{screen:?}");
    let greeting = fs::read_to_string(folder.path().join("mine/greeting.txt"));
    assert_eq!(greeting.unwrap(), "Hello", "{screen}");
}
