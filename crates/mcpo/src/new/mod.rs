//! The room of `mcpo new`: name → template → staging folder → rename.
//!
//! Nothing is written before everything that was asked for has been checked, and nothing is visible
//! under the project's name before all of it is there.

mod approval;
mod embedded;
mod engine;
mod foreign;
mod git;
mod name;
mod questions;
mod registry;
mod render;
mod runtime;
mod sanitize;
mod staging;
mod workspace;

use std::path::{Path, PathBuf};

use clap::Args;

pub use self::engine::stand_in;
use self::{
    embedded::Template,
    foreign::{Foreign, Selection},
    git::Repository,
    name::ProjectName,
    runtime::RuntimeSource,
    staging::Staging,
    workspace::Enclosing,
};
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
  mcpo new my-service --runtime ../mcpo-runtime   use the runtime of a checkout
  mcpo new my-service --no-git             leave out `git init`
  mcpo new my-service --workspace          join the cargo workspace around the folder
  mcpo new my-github --template github     start from another template
  mcpo new mine --template gh:me/template  start from somebody's own

Templates:
  server      two tools to begin with, for one person or nobody in particular
  github      people sign in with GitHub, and every tool works as its caller
  oidc        people sign in at an OpenID provider, and tools ask an API as their caller
  polymarket  tools over a public API: caching, timeouts, errors that say what is wrong

Then:
  cd my-service && mcpo dev")]
pub struct NewArgs {
    /// Name of the project: lower-case letters, digits, `-` and `_`.
    name: String,

    /// Folder to make [default: ./NAME].
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,

    /// What to start from: a template below, a folder, `gh:OWNER/REPO` or a git URL. Folders and
    /// repositories are read as cargo-generate reads them.
    #[arg(long, value_name = "TEMPLATE", default_value = "server")]
    template: String,

    /// Folder of the template inside its repository.
    #[arg(long, value_name = "DIR")]
    subfolder: Option<PathBuf>,

    /// Branch or tag of the template's repository.
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,

    /// Answer to a question of the template.
    #[arg(long, short, value_name = "NAME=VALUE")]
    define: Vec<String>,

    /// Where mcpo-runtime comes from: `vendored` (a copy inside the project), a folder, a git URL, or
    /// a version that the registry has and that is ours (none is published yet) [default: vendored if
    /// this mcpo carries a copy, else its own version].
    #[arg(long, value_name = "SOURCE")]
    runtime: Option<String>,

    /// Join the cargo workspace around the folder, instead of being a separate workspace.
    #[arg(long)]
    workspace: bool,

    /// Do not make a git repository.
    #[arg(long)]
    no_git: bool,
}

/// Makes the project and says what to type next.
pub fn run(args: &NewArgs, ui: &Ui) -> Outcome {
    let name = ProjectName::parse(&args.name)?;
    let source = Source::choose(args)?;
    let runtime = RuntimeSource::choose(args.runtime.as_deref())?;
    let target = args
        .path
        .clone()
        .unwrap_or_else(|| PathBuf::from(name.as_str()));
    let enclosing = Enclosing::find(&target);
    if args.workspace {
        workspace::to_join(enclosing.as_ref(), &name, &runtime)?;
    } else if let (Some(enclosing), Source::BuiltIn(_)) = (&enclosing, &source) {
        enclosing.check_separate(&name)?;
    }
    let staging = Staging::beside(&target)?;

    let mut remarks = source.render(args, &name, &runtime, &staging)?;
    if args.workspace {
        remarks.extend(workspace::make_member(&staging)?);
    } else if let Some(enclosing) = enclosing.filter(|_| workspace::is_root(&staging)) {
        enclosing.check_separate(&name)?;
    }
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
    for remark in remarks {
        ui.warn(remark);
    }
    ui.say("\nNext:");
    ui.result(format_args!("  cd {} && mcpo dev", shell_word(&target)));
    Ok(crate::error::Exit::Success)
}

/// What the project is made from.
#[derive(Clone, Debug)]
enum Source {
    BuiltIn(Template),
    Foreign(Foreign),
}

impl Source {
    fn choose(args: &NewArgs) -> Outcome<Self> {
        if let Some(foreign) = Foreign::parse(&args.template) {
            return Ok(Self::Foreign(foreign));
        }
        let template = Template::find(&args.template)?;
        let only_foreign = [
            ("--subfolder", args.subfolder.is_some()),
            ("--branch", args.branch.is_some()),
            ("--define", !args.define.is_empty()),
        ];
        match only_foreign.iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(Failure::new(format!(
                "{flag} is for templates from a folder or repository, and `{}` is built in",
                args.template
            ))
            .hint(format!("leave {flag} out"))),
            None => Ok(Self::BuiltIn(template)),
        }
    }

    fn render(
        &self,
        args: &NewArgs,
        name: &ProjectName,
        runtime: &RuntimeSource,
        staging: &Staging,
    ) -> Outcome<Vec<String>> {
        let mut remarks = Vec::new();
        match self {
            Self::BuiltIn(template) => {
                for file in template.files() {
                    staging.write(file.path, &render::render(file, name, runtime)?)?;
                }
                runtime.write_vendored(staging)?;
            }
            Self::Foreign(foreign) => {
                let selection = Selection {
                    subfolder: args.subfolder.as_deref(),
                    branch: args.branch.as_deref(),
                    define: &args.define,
                };
                remarks = foreign.render(&selection, name, runtime, staging)?;
            }
        }
        project::write_new_environment(staging.folder())?;
        Ok(remarks)
    }
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
