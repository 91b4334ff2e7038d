//! Completes command lines in a shell.
//!
//! The shell runs mcpo with the variable `COMPLETE` and the words of the command line. Only then is
//! anything of this module used. Nothing here sends a request: a completion must answer at once, and
//! must never ask for credentials.

use std::{
    collections::BTreeSet,
    env,
    ffi::OsStr,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use cargo_metadata::{Metadata, MetadataCommand};
use clap::{Arg, Command, CommandFactory as _};
use clap_complete::{
    CompleteEnv,
    engine::{
        ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter,
        ValueCompleter as _,
    },
};

use serde_json::Value;

use crate::{cli::Cli, new};

/// The most bytes that are read of a settings file of gcloud.
const SETTINGS_LIMIT: u64 = 64 * 1024;
/// The most configurations of gcloud that are read.
const MAX_CONFIGURATIONS: usize = 50;

/// If a shell asked for completions, prints them and ends the process.
pub fn answer_shell() {
    CompleteEnv::with_factory(command).complete();
}

/// Returns the command line with the values that only this machine knows.
fn command() -> Command {
    Cli::command()
        .mut_subcommand("new", |new| {
            new.mut_arg("template", |arg| arg.add(ArgValueCompleter::new(templates)))
                .mut_arg("runtime", |arg| arg.add(ArgValueCompleter::new(runtimes)))
        })
        .mut_subcommand("dev", |dev| dev.mut_args(of_package))
        .mut_subcommand("deploy", |deploy| {
            deploy
                .mut_args(of_package)
                .mut_arg("region", |arg| arg.add(ArgValueCandidates::new(regions)))
                .mut_arg("project", |arg| arg.add(ArgValueCandidates::new(projects)))
        })
}

/// Adds the packages and the executables of the workspace around the current folder.
fn of_package(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "package" => arg.add(ArgValueCandidates::new(packages)),
        "bin" => arg.add(ArgValueCandidates::new(executables)),
        _ => arg,
    }
}

fn packages() -> Vec<CompletionCandidate> {
    let workspace = workspace();
    let packages = workspace.iter().flat_map(Metadata::workspace_packages);
    candidates(packages.map(|package| package.name.to_string()))
}

fn executables() -> Vec<CompletionCandidate> {
    let workspace = workspace();
    let packages = workspace.iter().flat_map(Metadata::workspace_packages);
    let targets = packages.flat_map(|package| &package.targets);
    let executables = targets.filter(|target| target.is_bin());
    candidates(executables.map(|target| target.name.clone()))
}

/// Returns the workspace around the current folder, without its dependencies.
fn workspace() -> Option<Metadata> {
    metadata_command().exec().ok()
}

fn metadata_command() -> MetadataCommand {
    let mut command = MetadataCommand::new();
    command.no_deps().other_options(["--offline".to_owned()]);
    // Otherwise, the `cargo` of rustup downloads the toolchain that the folder asks for.
    command.env("RUSTUP_AUTO_INSTALL", "0");
    command
}

fn candidates(names: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// Returns the built-in templates, and folders if a path was started.
fn templates(current: &OsStr) -> Vec<CompletionCandidate> {
    words_or_folders(current, new::template_names())
}

fn runtimes(current: &OsStr) -> Vec<CompletionCandidate> {
    words_or_folders(current, vec!["vendored"])
}

fn words_or_folders(current: &OsStr, words: Vec<&'static str>) -> Vec<CompletionCandidate> {
    let text = current.to_string_lossy();
    if text.starts_with(['.', '~']) || text.contains(['/', '\\']) {
        return PathCompleter::dir().complete(current);
    }
    let matching = words.into_iter().filter(|word| word.starts_with(&*text));
    matching.map(CompletionCandidate::new).collect()
}

fn regions() -> Vec<CompletionCandidate> {
    let regions = mcpo_deploy::REGIONS.iter();
    regions.map(CompletionCandidate::new).collect()
}

/// Returns the Google Cloud projects that this machine's settings name: the environment, the
/// configurations of gcloud, and the current package.
fn projects() -> Vec<CompletionCandidate> {
    let mut found = BTreeSet::new();
    for variable in ["GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"] {
        found.extend(env::var(variable).ok());
    }
    if let Some(folder) = gcloud_folder() {
        found.extend(configured_projects(&folder));
    }
    let workspace = workspace();
    for package in workspace.iter().flat_map(Metadata::workspace_packages) {
        let id = package.metadata.pointer("/mcpo/project");
        found.extend(id.and_then(Value::as_str).map(str::to_owned));
    }
    candidates(found.into_iter().filter(|id| !id.is_empty()))
}

/// Returns the folder of gcloud's settings.
fn gcloud_folder() -> Option<PathBuf> {
    if let Some(folder) = env::var_os("CLOUDSDK_CONFIG") {
        return Some(folder.into());
    }
    if cfg!(windows) {
        return Some(PathBuf::from(env::var_os("APPDATA")?).join("gcloud"));
    }
    Some(env::home_dir()?.join(".config/gcloud"))
}

/// Returns `project` of each configuration (`configurations/config_NAME`, an INI file).
fn configured_projects(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(folder.join("configurations")) else {
        return BTreeSet::new();
    };
    let mut found = BTreeSet::new();
    for entry in entries.flatten().take(MAX_CONFIGURATIONS) {
        let mut text = String::new();
        let Ok(file) = fs::File::open(entry.path()) else {
            continue;
        };
        if file.take(SETTINGS_LIMIT).read_to_string(&mut text).is_err() {
            continue;
        }
        let values = text.lines().filter_map(|line| line.split_once('='));
        let ids = values.filter(|(name, _)| name.trim() == "project");
        found.extend(ids.map(|(_, id)| id.trim().to_owned()));
    }
    found
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsString, fs, path::Path};

    use super::{command, configured_projects, metadata_command};

    /// Returns the completions of the last word.
    fn complete(words: &[&str]) -> Vec<String> {
        let words: Vec<_> = words.iter().map(OsString::from).collect();
        let last = words.len() - 1;
        let found = clap_complete::engine::complete(&mut command(), words, last, None);
        let values = found.unwrap().into_iter();
        values
            .map(|candidate| candidate.get_value().to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn names_that_mcpo_knows_are_completed() {
        assert_eq!(
            complete(&["mcpo", "de"]),
            ["dev", "deploy"].map(str::to_owned)
        );
        assert_eq!(
            complete(&["mcpo", "new", "mine", "--template", "gi"]),
            ["github"]
        );
        assert!(complete(&["mcpo", "deploy", "europe-w"]).contains(&"europe-west1".to_owned()));
        assert!(
            complete(&["mcpo", "probe", "--as", "c"]).contains(&"codex".to_owned()),
            "clients"
        );
        assert!(
            complete(&["mcpo", "probe", "--for", "ch"]).contains(&"chatgpt".to_owned()),
            "stores"
        );
    }

    #[test]
    fn cargo_downloads_nothing() {
        let command = metadata_command().cargo_command();
        let is_off = |(name, value): (_, Option<_>)| {
            name == "RUSTUP_AUTO_INSTALL" && value.is_some_and(|value| value == "0")
        };
        assert!(command.get_envs().any(is_off));
        assert!(command.get_args().any(|argument| argument == "--offline"));
    }

    #[test]
    fn projects_come_from_all_configurations_of_gcloud() {
        let folder = tempfile::tempdir().unwrap();
        let configurations = folder.path().join("configurations");
        fs::create_dir(&configurations).unwrap();
        fs::write(
            configurations.join("config_default"),
            "[core]\naccount = me@example.com\nproject = first\n",
        )
        .unwrap();
        fs::write(configurations.join("config_work"), "[core]\nproject=second").unwrap();
        let found: Vec<_> = configured_projects(folder.path()).into_iter().collect();
        assert_eq!(found, ["first", "second"]);
        assert!(configured_projects(Path::new("/missing")).is_empty());
    }
}
