//! The room of `mcpo new`: name → template → staging folder → rename.
//!
//! Nothing is written before everything that was asked for has been checked, and nothing is visible
//! under the project's name before all of it is there.

mod embedded;
mod git;
mod name;
mod render;
mod runtime;
mod staging;

use std::path::{Path, PathBuf};

use clap::Args;

use self::{embedded::Template, git::Repository, name::ProjectName, runtime::RuntimeSource};
use crate::{
    error::{Failure, Outcome},
    project,
    ui::Ui,
};

/// Arguments of `mcpo new`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mcpo new my-service                      a project in ./my-service
  mcpo new my-service --path ~/code/mine   the same in another folder
  mcpo new my-service --runtime 0.1        take the published mcpo-runtime
  mcpo new my-service --no-git             leave out `git init`

Then:
  cd my-service && mcpo dev")]
pub struct NewArgs {
    /// Name of the project: lower-case letters, digits, `-` and `_`.
    name: String,

    /// Folder to make [default: ./NAME].
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,

    /// What to start from.
    #[arg(long, value_name = "NAME", default_value = "server")]
    template: String,

    /// Where mcpo-runtime comes from: `vendored` (a copy inside the project), a version, a folder
    /// or a git URL [default: vendored if this mcpo carries a copy, else its own version].
    #[arg(long, value_name = "SOURCE")]
    runtime: Option<String>,

    /// Do not make a git repository.
    #[arg(long)]
    no_git: bool,
}

/// Makes the project and says what to type next.
pub fn run(args: &NewArgs, ui: &Ui) -> Outcome {
    let name = ProjectName::parse(&args.name)?;
    let template = Template::find(&args.template)?;
    let runtime = RuntimeSource::choose(args.runtime.as_deref())?;
    let target = args
        .path
        .clone()
        .unwrap_or_else(|| PathBuf::from(name.as_str()));
    let staging = staging::Staging::beside(&target)?;

    for file in template.files() {
        staging.write(file.path, &render::render(file, &name, &runtime)?)?;
    }
    for (path, bytes) in runtime.vendored_files() {
        staging.write(&Path::new("vendor/mcpo-runtime").join(path), bytes)?;
    }
    project::write_new_environment(staging.folder())?;
    let repository = if args.no_git {
        Repository::NotWanted
    } else {
        git::init(staging.folder(), staging.parent())?
    };
    staging.publish()?;

    ui.step("Created", format_args!("{name} in {}", target.display()));
    if let Some(remark) = repository.remark() {
        ui.say(format_args!("           {remark}"));
    }
    ui.say("\nNext:");
    ui.result(format_args!("  cd {} && mcpo dev", shell_word(&target)));
    Ok(crate::error::Exit::Success)
}

/// The path as one word of a shell command.
fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-~+@".contains(c);
    if text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// The failure to do something to a file or folder.
fn failed_to(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("failed to {what} {}", path.display())).because(error)
}
