//! Runs cargo-generate in a separate process, because it writes to stderr, reads the author's name
//! from the environment, and runs the template's scripts.
//!
//! None of its output reaches the terminal unchanged. mcpo asks the questions ([`questions`]) and
//! gets approval for the commands of hooks ([`approval`]). The messages of cargo-generate are shown
//! with all hidden characters escaped.

use std::{
    env,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use cargo_generate::{GenerateArgs, TemplatePath, Vcs};
use mcpo_common::{
    error::{Failure, Outcome},
    text::visible,
};
use serde::{Deserialize, Serialize};

use super::{
    approval,
    name::ProjectName,
    questions,
    runtime::RuntimeSource,
    staging::{Staging, failed_to},
};

/// The variables in which cargo-generate looks for the author first. It fails if it finds no
/// author.
const AUTHOR: &str = "CARGO_NAME";
const EMAIL: &str = "CARGO_EMAIL";
/// Part of cargo-generate's message about a question without an answer.
const UNANSWERED: &str = "missing default value";
/// How much of its messages is shown, in characters.
const SHOWN: usize = 4_000;
/// Messages that cargo-generate always prints. All others are shown.
const CHATTER: &[&str] = &[
    "Destination: ",
    "Done! New project created",
    "Moving generated files into",
    "project-name: ",
    "Using application config",
    "(default value from config)",
    "(placeholder provided by cli argument)",
    "(value from CLI)",
    "(variable provided via CLI)",
];

/// What to render, and where.
#[derive(Debug, Serialize, Deserialize)]
pub struct RenderRequest {
    template: PathBuf,
    name: String,
    define: Vec<String>,
    destination: PathBuf,
}

impl RenderRequest {
    /// Creates the order. If a user is at the terminal, asks the questions of the template that
    /// `define` does not answer.
    pub fn new(
        template: &Path,
        define: &[String],
        name: &ProjectName,
        runtime: &RuntimeSource,
        staging: &Staging,
    ) -> Outcome<Self> {
        let dependency = format!("runtime_dependency={}", runtime.dependency());
        let answers = if may_ask() {
            questions::ask(template, define)?
        } else {
            Vec::new()
        };
        Ok(Self {
            template: template.to_owned(),
            name: name.as_str().to_owned(),
            define: [&[dependency], define, &answers].concat(),
            destination: staging.folder().to_owned(),
        })
    }

    /// Renders the template. Returns the messages of cargo-generate and of the template's scripts.
    pub fn run(&self, staging: &Staging) -> Outcome<Vec<String>> {
        let failed = || {
            let template = self.template.display();
            Failure::new(format!("failed to render the template {template}"))
        };
        let request = serde_json::to_string(self).map_err(|error| failed().because(&error))?;
        let program = env::current_exe().map_err(|error| failed().because(&error))?;
        let folder = staging.scratch("shell");
        let shell = approval::Shell::make(folder.clone(), &program)
            .map_err(|error| failed_to("create", &folder, &error))?;
        let mut command = Command::new(program);
        command
            .env(approval::ORDER, request)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        shell.provide(&mut command, may_ask());
        for (variable, key) in [(AUTHOR, "user.name"), (EMAIL, "user.email")] {
            if env::var_os(variable).is_none() {
                command.env(variable, of_git(key));
            }
        }
        let output = command
            .spawn()
            .and_then(std::process::Child::wait_with_output)
            .map_err(|error| failed().because(&error))?;
        staging.check_interrupted()?;
        let said = visible(&String::from_utf8_lossy(&output.stderr), SHOWN);
        if output.status.success() {
            return Ok(remarks(&said));
        }
        let said = remarks(&said).join("\n");
        let failure = if said.contains(UNANSWERED) {
            failed().hint("answer the template's questions with --define NAME=VALUE")
        } else {
            failed().hint("fix the template, or ask its author")
        };
        if said.is_empty() {
            return Err(failure);
        }
        Err(failure.because(&io::Error::other(said)))
    }

    fn arguments(self) -> GenerateArgs {
        GenerateArgs {
            template_path: TemplatePath {
                path: Some(self.template.display().to_string()),
                ..TemplatePath::default()
            },
            name: Some(self.name),
            // The name has been validated already and must not be changed.
            force: true,
            // `questions` asks instead.
            silent: true,
            allow_commands: approval::is_provided(),
            vcs: Some(Vcs::None),
            lib: false,
            bin: true,
            define: self.define,
            init: true,
            destination: Some(self.destination),
            no_workspace: true,
            no_fmt: true,
            ..GenerateArgs::default()
        }
    }
}

/// Returns true if a user at the terminal can answer.
fn may_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Returns the messages without those in `CHATTER`, and without the symbols in front of them.
fn remarks(said: &str) -> Vec<String> {
    said.lines()
        .map(|line| line.trim_start_matches(|c: char| !c.is_ascii()).trim())
        .filter(|line| !line.is_empty())
        .filter(|line| !CHATTER.iter().any(|chatter| line.contains(chatter)))
        .map(str::to_owned)
        .collect()
}

/// Returns git's setting for the user, or a placeholder if git has none.
fn of_git(key: &str) -> String {
    let asked = Command::new("git")
        .args(["config", "--get", key])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let known = asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    known
        .ok()
        .filter(|known| !known.is_empty())
        .or_else(|| env::var("USER").ok())
        .unwrap_or_else(|| "nobody".to_owned())
}

/// If this process was started to render or as the asking shell, does that and returns the exit
/// code.
pub fn run_as_renderer() -> Option<ExitCode> {
    if let Some(exit) = approval::run_as_shell() {
        return Some(exit);
    }
    let request = env::var(approval::ORDER).ok()?;
    let request: RenderRequest = match serde_json::from_str(&request) {
        Ok(request) => request,
        Err(_) => return Some(ExitCode::FAILURE),
    };
    // cargo-generate has already printed any error.
    let made = cargo_generate::generate(request.arguments());
    Some(if made.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
