//! Makes a project from an untrusted template safe to keep: removes files that only this machine
//! may create, and makes sure that secrets are not committed by accident.

use std::{
    ffi::OsStr,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use ignore::{Match, gitignore::GitignoreBuilder};
use mcpo_common::{
    error::Outcome,
    project::{ENVIRONMENT_FILE, EXAMPLE_FILE, SIGN_IN, STATE_FOLDER},
    text::clean,
};

use super::staging::failed_to;

/// Names that are removed in every folder: secrets and sign-in settings of the template's author,
/// state that the server would trust, and a repository whose configuration can run commands.
const NEVER_SHIPPED: &[&str] = &[ENVIRONMENT_FILE, STATE_FOLDER, ".git"];
/// Names that must not be committed, and whether they are folders.
const IGNORED: &[(&str, bool)] = &[
    (ENVIRONMENT_FILE, false),
    (STATE_FOLDER, true),
    ("target", true),
];
const IGNORE_FILE: &str = ".gitignore";
/// Variables that decide who may use the server, in addition to those of the sign-in.
const DECISIVE: &[&str] = &["BASE_URL", "HOST", "LISTEN_FDS", "PORT"];

/// Cleans the rendered project. Returns remarks for the user, one line each.
pub fn clean_up(project: &Path) -> Outcome<Vec<String>> {
    let mut remarks = Vec::new();
    let mut packages = vec![project.to_owned()];
    remove_shipped(project, project, &mut packages, &mut remarks)
        .map_err(|error| failed_to("clean", project, &error))?;
    for package in &packages {
        let added = ignore_secrets(project, package)
            .map_err(|error| failed_to("write", &package.join(IGNORE_FILE), &error))?;
        if !added.is_empty() {
            let file = shown(project, &package.join(IGNORE_FILE));
            remarks.push(format!("added to {file}: {}", added.join(", ")));
        }
    }
    remarks.extend(drop_decisive_example(project)?);
    Ok(remarks)
}

/// Removes the names in `NEVER_SHIPPED` below `folder`, and collects the folders of packages.
fn remove_shipped(
    project: &Path,
    folder: &Path,
    packages: &mut Vec<PathBuf>,
    remarks: &mut Vec<String>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if is_never_shipped(&entry.file_name()) {
            if kind.is_dir() {
                fs::remove_dir_all(&path)?;
            } else {
                fs::remove_file(&path)?;
            }
            let what = shown(project, &path);
            remarks.push(format!("the template's own {what} was left out"));
        } else if kind.is_dir() {
            if path.join("Cargo.toml").is_file() {
                packages.push(path.clone());
            }
            remove_shipped(project, &path, packages, remarks)?;
        }
    }
    Ok(())
}

/// Compares without case, because some file systems treat `.ENV` and `.env` as the same file.
fn is_never_shipped(name: &OsStr) -> bool {
    NEVER_SHIPPED
        .iter()
        .any(|never| name.eq_ignore_ascii_case(never))
}

/// Adds the missing rules to the ignore file of `package`. Returns the added rules.
fn ignore_secrets(project: &Path, package: &Path) -> io::Result<Vec<String>> {
    let mut missing = Vec::new();
    for (name, is_folder) in IGNORED {
        if !is_ignored(project, package, &package.join(name), *is_folder)? {
            let slash = if *is_folder { "/" } else { "" };
            missing.push(format!("{name}{slash}"));
        }
    }
    if missing.is_empty() {
        return Ok(missing);
    }
    let path = package.join(IGNORE_FILE);
    let before = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let start = if before.is_empty() || before.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    // The last matching rule decides, so these rules override a `!.env` above them.
    let rules = format!(
        "{start}# Added by mcpo: secrets and build output.\n{}\n",
        missing.join("\n")
    );
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)?
        .write_all(rules.as_bytes())?;
    Ok(missing)
}

/// Checks the ignore files from the closest folder up to the project's, as git does.
fn is_ignored(project: &Path, package: &Path, path: &Path, is_folder: bool) -> io::Result<bool> {
    for folder in package.ancestors() {
        let file = folder.join(IGNORE_FILE);
        if file.is_file() {
            let mut rules = GitignoreBuilder::new(folder);
            if let Some(error) = rules.add(&file) {
                return Err(io::Error::other(error));
            }
            let rules = rules.build().map_err(io::Error::other)?;
            match rules.matched(path, is_folder) {
                Match::Ignore(_) => return Ok(true),
                Match::Whitelist(_) => return Ok(false),
                Match::None => {}
            }
        }
        if folder == project {
            break;
        }
    }
    Ok(false)
}

/// Disables the example environment if it decides who may use the server. The example would become
/// the project's environment, and the author of the template would know its password.
fn drop_decisive_example(project: &Path) -> Outcome<Option<String>> {
    let path = project.join(EXAMPLE_FILE);
    if !path.is_file() {
        return Ok(None);
    }
    let failed = |error: &io::Error| failed_to("read", &path, error);
    let lines = dotenvy::from_path_iter(&path)
        .map_err(|error| failed(&io::Error::other(error.to_string())))?;
    let mut decisive = Vec::new();
    for line in lines {
        // A line that cannot be parsed may decide it too.
        let Ok((name, value)) = line else {
            decisive.push("a line that is not NAME=value".to_owned());
            continue;
        };
        let is_decisive = name.starts_with("MCPO_")
            || DECISIVE.contains(&name.as_str())
            || SIGN_IN.iter().any(|(known, _)| name == *known);
        if is_decisive && !value.is_empty() {
            decisive.push(clean(&name));
        }
    }
    if decisive.is_empty() {
        return Ok(None);
    }
    fs::rename(&path, path.with_extension("example.of-template"))
        .map_err(|error| failed(&error))?;
    Ok(Some(format!(
        "the template's {EXAMPLE_FILE} sets {}; it was renamed to {EXAMPLE_FILE}.of-template and \
         is not used",
        decisive.join(", ")
    )))
}

fn shown(project: &Path, path: &Path) -> String {
    let path = path.strip_prefix(project).unwrap_or(path);
    clean(&path.display().to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::{TempDir, tempdir};

    use super::clean_up;

    fn project(files: &[(&str, &str)]) -> TempDir {
        let folder = tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn rules_are_added_where_they_are_missing_and_only_there() {
        let ignore = |text: &str| {
            let project = project(&[(".gitignore", text), ("Cargo.toml", "")]);
            let remarks = clean_up(project.path()).unwrap();
            let text = fs::read_to_string(project.path().join(".gitignore")).unwrap();
            (text, remarks)
        };
        let complete = "/target\n/.mcpo\n.env\n";
        assert_eq!(ignore(complete), (complete.to_owned(), vec![]));
        let (text, remarks) = ignore("/target\n.env\n!.env");
        assert!(
            text.ends_with("!.env\n# Added by mcpo: secrets and build output.\n.env\n.mcpo/\n")
        );
        assert_eq!(remarks, ["added to .gitignore: .env, .mcpo/"]);
    }

    #[test]
    fn a_package_in_a_folder_has_its_own_secrets() {
        let project = project(&[
            (".gitignore", "/target\n/.env\n/.mcpo\n"),
            ("server/Cargo.toml", ""),
            ("covered/Cargo.toml", ""),
            ("covered/.gitignore", ".env\n.mcpo\ntarget\n"),
        ]);
        let remarks = clean_up(project.path()).unwrap();
        assert_eq!(
            remarks,
            ["added to server/.gitignore: .env, .mcpo/, target/"]
        );
    }

    #[test]
    fn private_files_of_the_author_are_removed_and_named() {
        let project = project(&[
            (".env", "MCPO_SECRET=known"),
            ("server/.MCPO/tunnel-password", "known"),
            (".git/config", "[core]\nfsmonitor = touch hacked"),
            ("src/env", "kept"),
            (".gitignore", "target\n.env\n.mcpo\n"),
        ]);
        let mut remarks = clean_up(project.path()).unwrap();
        remarks.sort();
        assert_eq!(
            remarks,
            [
                "the template's own .env was left out",
                "the template's own .git was left out",
                "the template's own server/.MCPO was left out",
            ]
        );
        for gone in [".env", ".git", "server/.MCPO"] {
            assert!(!project.path().join(gone).exists(), "{gone}");
        }
        assert!(project.path().join("src/env").exists());
    }

    #[test]
    fn an_environment_example_with_access_settings_is_not_used() {
        for line in [
            "ADMIN_PASSWORD=known",
            "MCPO_SECRET=known",
            "MCPO_OPEN_TO_ANYONE=1",
            "export HOST=0.0.0.0",
            "not a line",
        ] {
            let text = format!("# About.\n\nMCPO_SECRET=\nGREETING=hi\n{line}\n");
            let project = project(&[(".env.example", &text)]);
            let remarks = clean_up(project.path()).unwrap();
            let remark = remarks.last().unwrap();
            assert!(remark.contains("is not used"), "{line}: {remarks:?}");
            assert!(!project.path().join(".env.example").exists());
        }
        let text = "# About.\n\nMCPO_SECRET=\nGREETING=hi\n#ADMIN_PASSWORD=x\n";
        let project = project(&[(".env.example", text)]);
        clean_up(project.path()).unwrap();
        assert!(project.path().join(".env.example").exists());
    }
}
