//! cargo-generate, in a process of its own: it tells its story to stderr, takes the author's name from
//! the environment, and a template may bring scripts that it runs.

use std::{
    env,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use cargo_generate::{GenerateArgs, TemplatePath, Vcs};
use serde::{Deserialize, Serialize};

use super::{name::ProjectName, runtime::RuntimeSource, staging::Staging};
use crate::error::{Failure, Outcome};

/// Set for the process that renders: what it is to do.
const ORDER: &str = "MCPO_NEW_ORDER";
/// What cargo-generate looks for first, and fails without if the system does not say either.
const AUTHOR: &str = "CARGO_NAME";
const EMAIL: &str = "CARGO_EMAIL";

/// What is to be rendered, and where.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    template: PathBuf,
    name: String,
    define: Vec<String>,
    destination: PathBuf,
    /// Nobody can be asked: what is not defined takes its default or is an error.
    silent: bool,
}

impl Order {
    pub fn new(
        template: &Path,
        define: &[String],
        name: &ProjectName,
        runtime: &RuntimeSource,
        staging: &Staging,
    ) -> Self {
        let dependency = format!("runtime_dependency={}", runtime.dependency());
        Self {
            template: template.to_owned(),
            name: name.as_str().to_owned(),
            define: [&[dependency], define].concat(),
            destination: staging.folder().to_owned(),
            silent: !(io::stdin().is_terminal() && io::stderr().is_terminal()),
        }
    }

    /// Has it carried out. Its story is told where questions may be asked, and otherwise only if it
    /// fails.
    pub fn run(&self, staging: &Staging) -> Outcome<()> {
        let failed = || {
            let template = self.template.display();
            Failure::new(format!("failed to render the template {template}"))
        };
        let order = serde_json::to_string(self).map_err(|error| failed().because(&error))?;
        let program = env::current_exe().map_err(|error| failed().because(&error))?;
        let mut command = Command::new(program);
        command.env(ORDER, order).stdout(Stdio::null());
        for (variable, key) in [(AUTHOR, "user.name"), (EMAIL, "user.email")] {
            if env::var_os(variable).is_none() {
                command.env(variable, of_git(key));
            }
        }
        if self.silent {
            command.stdin(Stdio::null()).stderr(Stdio::piped());
        } else {
            command.stderr(Stdio::inherit());
        }
        let output = command
            .spawn()
            .and_then(std::process::Child::wait_with_output)
            .map_err(|error| failed().because(&error))?;
        staging.check_interrupted()?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim().lines().next_back().unwrap_or_default();
        let said = said.trim_start_matches(|c: char| !c.is_ascii()).trim();
        let hint = "its questions are answered by --define NAME=VALUE";
        if said.is_empty() {
            return Err(failed().hint(hint));
        }
        Err(failed()
            .because(&io::Error::other(said.to_owned()))
            .hint(hint))
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
            silent: self.silent,
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

/// Renders, if this process was started to do so.
pub fn stand_in() -> Option<ExitCode> {
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
