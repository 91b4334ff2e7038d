//! `mcpo new`: checks the name, renders the template into a staging folder, and renames that
//! folder.
//!
//! Nothing is written before all arguments are checked. The project gets its final name only when
//! it is complete.

#[cfg(feature = "third-party-templates")]
mod approval;
#[cfg(feature = "third-party-templates")]
mod cargo_generate;
mod checksums;
mod embedded;
#[cfg(feature = "third-party-templates")]
mod external_template;
mod git;
mod lock_file;
mod name;
#[cfg(feature = "third-party-templates")]
mod questions;
mod registry;
mod render;
mod runtime;
#[cfg(feature = "third-party-templates")]
mod sanitize;
mod staging;
mod template_location;
mod upgrade;
mod workspace;

use std::path::{Path, PathBuf};

use clap::Args;
use mcpo_common::{
    error::{Failure, Outcome},
    project,
    ui::Ui,
};

#[cfg(feature = "third-party-templates")]
pub use self::cargo_generate::run_as_renderer;
pub use self::embedded::names as template_names;
#[cfg(feature = "third-party-templates")]
use self::external_template::Selection;
use self::{
    embedded::Template, git::Repository, name::ProjectName, runtime::RuntimeSource,
    staging::Staging, template_location::TemplateLocation, workspace::Enclosing,
};

/// Without cargo-generate, no process renders a template.
#[cfg(not(feature = "third-party-templates"))]
pub fn run_as_renderer() -> Option<std::process::ExitCode> {
    None
}

/// Arguments of `mcpo new`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mcpo new my-service                      create a project in ./my-service
  mcpo new my-service --path ~/code/mine   use another folder
  mcpo new my-service --runtime ../mcpo-runtime   use the runtime in this folder
  mcpo new my-service --no-git             skip `git init`
  mcpo new my-service --workspace          join the enclosing cargo workspace
  mcpo new my-github --template github     use another template
  mcpo new mine --template gh:me/template  use a template from GitHub
  mcpo new --upgrade                       update the runtime in the project in this folder

Templates:
  server      two example tools, for a single user or without a sign-in
  github      users sign in with GitHub; each tool acts as its caller
  oidc        users sign in with an OpenID Connect provider; tools call an API as their caller
  polymarket  tools for a public API, with caching, timeouts and clear errors

Then:
  cd my-service && mcpo dev")]
pub struct NewArgs {
    /// Name of the project: lower-case letters, digits, `-` and `_`.
    #[arg(required_unless_present = "upgrade")]
    name: Option<String>,

    /// Folder to create [default: ./NAME]. With --upgrade, folder of the project [default: .].
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,

    /// Template to use: one of the templates below, a folder, `gh:OWNER/REPO` or a git URL. Folders
    /// and repositories must be templates of cargo-generate.
    #[arg(long, value_name = "TEMPLATE", default_value = "server")]
    template: String,

    /// Subfolder of the repository that contains the template.
    #[arg(long, value_name = "DIR")]
    subfolder: Option<PathBuf>,

    /// Branch or tag of the template's repository.
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,

    /// Value for a placeholder of the template.
    #[arg(long, short, value_name = "NAME=VALUE")]
    define: Vec<String>,

    /// Source of mcpo-runtime: `vendored` (a copy inside the project), a folder, a git URL, or a
    /// version in the registry (none is published yet) [default: `vendored`].
    #[arg(long, value_name = "SOURCE")]
    runtime: Option<String>,

    /// Join the enclosing cargo workspace instead of being a separate workspace.
    #[arg(long)]
    workspace: bool,

    /// Do not create a git repository.
    #[arg(long)]
    no_git: bool,

    /// Update the vendored runtime of the existing project in this folder. Keeps your changes, and
    /// prints the files that change.
    #[arg(
        long,
        conflicts_with_all = [
            "name", "template", "subfolder", "branch", "define", "runtime", "workspace", "no_git",
        ]
    )]
    upgrade: bool,
}

/// Creates the project and prints the next command.
pub fn run(args: &NewArgs, ui: &Ui) -> Outcome {
    let Some(name) = &args.name else {
        let folder = args.path.as_deref().unwrap_or(Path::new("."));
        return upgrade::run(folder, ui);
    };
    let name = ProjectName::parse(name)?;
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
    lock_file::sort(&staging, &name)?;
    if args.workspace {
        lock_file::remove(&staging)?;
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
    Ok(mcpo_common::error::Exit::Success)
}

/// The source of the project.
#[derive(Clone, Debug)]
enum Source {
    BuiltIn(Template),
    #[cfg(feature = "third-party-templates")]
    External(TemplateLocation),
}

impl Source {
    fn choose(args: &NewArgs) -> Outcome<Self> {
        if let Some(location) = TemplateLocation::parse(&args.template) {
            return Self::external(location);
        }
        let template = Template::find(&args.template)?;
        let only_foreign = [
            ("--subfolder", args.subfolder.is_some()),
            ("--branch", args.branch.is_some()),
            ("--define", !args.define.is_empty()),
        ];
        match only_foreign.iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(Failure::new(format!(
                "{flag} requires a template from a folder or repository, but `{}` is built in",
                args.template
            ))
            .hint(format!("leave out {flag}"))),
            None => Ok(Self::BuiltIn(template)),
        }
    }

    #[cfg(feature = "third-party-templates")]
    #[expect(
        clippy::unnecessary_wraps,
        reason = "fails in a build without cargo-generate"
    )]
    fn external(location: TemplateLocation) -> Outcome<Self> {
        Ok(Self::External(location))
    }

    #[cfg(not(feature = "third-party-templates"))]
    fn external(location: TemplateLocation) -> Outcome<Self> {
        Err(Failure::new(format!(
            "cannot render the template {location}: this mcpo was built without cargo-generate"
        ))
        .hint(
            "use a built-in template, or install mcpo with its default features \
             (third-party-templates)",
        ))
    }

    #[cfg_attr(
        not(feature = "third-party-templates"),
        expect(unused_variables, reason = "built-in templates have no choices")
    )]
    fn render(
        &self,
        args: &NewArgs,
        name: &ProjectName,
        runtime: &RuntimeSource,
        staging: &Staging,
    ) -> Outcome<Vec<String>> {
        let remarks = match self {
            Self::BuiltIn(template) => {
                for file in template.files() {
                    staging.write(file.path, &render::render(file, name, runtime)?)?;
                }
                runtime.write_vendored(staging)?;
                Vec::new()
            }
            #[cfg(feature = "third-party-templates")]
            Self::External(location) => {
                let selection = Selection {
                    subfolder: args.subfolder.as_deref(),
                    branch: args.branch.as_deref(),
                    define: &args.define,
                };
                external_template::render(location, &selection, name, runtime, staging)?
            }
        };
        project::write_new_environment(staging.folder())?;
        Ok(remarks)
    }
}

/// Returns the path as one word of a shell command.
fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-~+@".contains(c);
    if text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
