//! Renders templates that are not built in, with cargo-generate.

use std::{
    fs,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use mcpo_common::error::{Failure, Outcome};

use super::{
    cargo_generate, name::ProjectName, runtime::RuntimeSource, sanitize, staging::Staging,
    template_location::TemplateLocation,
};

/// The protocols that git may use. They exclude transports that run a command from the URL.
const PROTOCOLS: &str = "git:http:https:ssh";
/// Local files are allowed only if the user named a `file:` URL. A remote repository must not
/// include a repository of this machine as a submodule.
const WITH_FILES: &str = "file:git:http:https:ssh";

/// The part of the location to use, and the answers to the template's questions.
#[derive(Clone, Debug)]
pub struct Selection<'a> {
    pub subfolder: Option<&'a Path>,
    /// A branch or tag.
    pub branch: Option<&'a str>,
    /// Answers to the template's questions, as `NAME=VALUE`.
    pub define: &'a [String],
}

/// Renders the template into the staging folder. Returns remarks for the user.
pub fn render(
    location: &TemplateLocation,
    selection: &Selection,
    name: &ProjectName,
    runtime: &RuntimeSource,
    staging: &Staging,
) -> Outcome<Vec<String>> {
    let folder = match location {
        TemplateLocation::Folder(folder) => folder.clone(),
        TemplateLocation::Git(url) => clone(url, selection.branch, &staging.scratch("template"))?,
    };
    let folder = match selection.subfolder {
        Some(below) => inside(&folder, below)?,
        None => folder,
    };
    if !folder.is_dir() {
        return Err(
            Failure::new(format!("there is no folder {}", folder.display()))
                .hint("--template takes a name, a folder, gh:OWNER/REPO or a git URL"),
        );
    }
    let request =
        cargo_generate::RenderRequest::new(&folder, selection.define, name, runtime, staging)?;
    let mut remarks = request.run(staging)?;
    remarks.extend(sanitize::clean_up(staging.folder())?);
    vendor(runtime, staging)?;
    Ok(remarks)
}

/// Returns a subfolder of the template. Fails if the path leads outside.
fn inside(folder: &Path, below: &Path) -> Outcome<PathBuf> {
    use std::path::Component;
    let plain = below
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if plain {
        Ok(folder.join(below))
    } else {
        let what = format!(
            "`--subfolder {}` leads outside the template",
            below.display()
        );
        Err(Failure::new(what).hint("name a folder below the template's root"))
    }
}

fn clone(url: &str, branch: Option<&str>, into: &Path) -> Outcome<PathBuf> {
    let protocols = if url.starts_with("file:") {
        WITH_FILES
    } else {
        PROTOCOLS
    };
    let mut git = Command::new("git");
    git.args(["clone", "--quiet", "--depth", "1"])
        .args(["--recurse-submodules", "--shallow-submodules"]);
    if let Some(branch) = branch {
        git.arg(format!("--branch={branch}"));
    }
    git.arg("--")
        .arg(url)
        .arg(into)
        .env("GIT_ALLOW_PROTOCOL", protocols)
        .stdin(Stdio::null());
    if !io::stderr().is_terminal() {
        git.env("GIT_TERMINAL_PROMPT", "0");
    }
    let failed = || Failure::new(format!("failed to fetch the template {url}"));
    let output = git.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => failed().hint("install git, or use a folder"),
        _ => failed().because(&error),
    })?;
    if output.status.success() {
        return Ok(into.to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said: Vec<_> = said
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    Err(failed()
        .because(&io::Error::other(said.join("; ")))
        .hint("check the URL, and the branch or tag in --branch"))
}

/// Copies the runtime into the project, if its manifest refers to such a copy.
fn vendor(runtime: &RuntimeSource, staging: &Staging) -> Outcome<()> {
    let manifest = fs::read_to_string(staging.folder().join("Cargo.toml")).unwrap_or_default();
    if manifest.contains("vendor/mcpo-runtime") {
        runtime.write_vendored(staging)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subfolder_stays_inside() {
        let root = Path::new("root");
        assert_eq!(inside(root, Path::new("a/b")).unwrap(), root.join("a/b"));
        assert!(inside(root, Path::new("../a")).is_err());
        assert!(inside(root, Path::new("/etc")).is_err());
    }
}
