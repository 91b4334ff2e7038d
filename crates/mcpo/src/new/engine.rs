//! Runs cargo-generate in a separate process: it writes to stderr, takes the author's name from the
//! environment, and runs the scripts of a template.
//!
//! Nothing that it writes reaches the terminal as it is. Questions are asked here ([`questions`]),
//! commands of hooks are approved here ([`approval`]), and its messages are shown with everything
//! hidden spelled out.

use std::{
    env,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use cargo_generate::{GenerateArgs, TemplatePath, Vcs};
use serde::{Deserialize, Serialize};

use super::{
    approval, failed_to, name::ProjectName, questions, runtime::RuntimeSource, staging::Staging,
};
use crate::{
    error::{Failure, Outcome},
    text::visible,
};

/// Set for the process that renders: what it is to do.
pub const ORDER: &str = "MCPO_NEW_ORDER";
/// What cargo-generate looks for first, and fails without if the system does not say either.
const AUTHOR: &str = "CARGO_NAME";
const EMAIL: &str = "CARGO_EMAIL";
/// Part of what it says of a question without an answer.
const UNANSWERED: &str = "missing default value";
/// How much of its messages is shown, in characters.
const SHOWN: usize = 4_000;
/// What it always says when all goes well. Everything else is shown.
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

/// What is to be rendered, and where.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    template: PathBuf,
    name: String,
    define: Vec<String>,
    destination: PathBuf,
}

impl Order {
    /// Asks what the template asks and `define` leaves open, if a user is at the terminal.
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

    /// Renders the template, and returns what cargo-generate and the template's scripts had to say.
    pub fn run(&self, staging: &Staging) -> Outcome<Vec<String>> {
        let failed = || {
            let template = self.template.display();
            Failure::new(format!("failed to render the template {template}"))
        };
        let order = serde_json::to_string(self).map_err(|error| failed().because(&error))?;
        let program = env::current_exe().map_err(|error| failed().because(&error))?;
        let folder = staging.scratch("shell");
        let shell = approval::Shell::make(folder.clone(), &program)
            .map_err(|error| failed_to("make", &folder, &error))?;
        let mut command = Command::new(program);
        command
            .env(ORDER, order)
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
            // The name has been checked; no other spelling is wanted.
            force: true,
            // It asks nothing: see `questions`.
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

/// Returns true if a user is there to answer.
fn may_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Its messages without the ones that say nothing, and without the signs in front of them.
fn remarks(said: &str) -> Vec<String> {
    said.lines()
        .map(|line| line.trim_start_matches(|c: char| !c.is_ascii()).trim())
        .filter(|line| !line.is_empty())
        .filter(|line| !CHATTER.iter().any(|chatter| line.contains(chatter)))
        .map(str::to_owned)
        .collect()
}

/// What git knows of the person; a name that says nothing if it knows none.
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

/// Renders, or asks before a command of a template's hook, if this process was started to do so.
pub fn stand_in() -> Option<ExitCode> {
    if let Some(exit) = approval::stand_in() {
        return Some(exit);
    }
    let order = env::var(ORDER).ok()?;
    let order: Order = match serde_json::from_str(&order) {
        Ok(order) => order,
        Err(_) => return Some(ExitCode::FAILURE),
    };
    // An error was told by then.
    let made = cargo_generate::generate(order.arguments());
    Some(if made.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
