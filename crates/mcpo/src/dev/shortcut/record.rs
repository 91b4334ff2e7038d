//! The commands that cargo gives to rustc, written down as they pass by.
//!
//! While `mcpo dev` builds, cargo runs this program in rustc's place (`RUSTC_WRAPPER`). It notes the
//! commands of two crates and becomes rustc. What it notes holds no variables but those that cargo
//! itself sets for a crate: the rest of the environment may hold secrets.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use serde::{Deserialize, Serialize};

/// The folder for records. Set: this process stands in for rustc.
const FOLDER: &str = "MCPO_DEV_RECORDS";
/// The crate of the executable that is developed.
const EXECUTABLE: &str = "MCPO_DEV_EXECUTABLE";
/// The wrapper that would run if we did not.
const INNER: &str = "MCPO_DEV_INNER_WRAPPER";
/// Whether the short way is gone on this system. On Windows it was never tried, so cargo does it all.
pub const IS_TRIED: bool = cfg!(unix);
/// The crate that becomes a library of its own.
pub const RUNTIME: &str = "mcpo_runtime";

/// One command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub folder: PathBuf,
    pub environment: BTreeMap<String, String>,
}

impl Record {
    /// Where the command for a crate is noted in `folder`.
    pub fn path(folder: &Path, of_crate: &str) -> PathBuf {
        folder.join(of_crate).with_extension("json")
    }

    /// The command for a crate, if one was noted.
    pub fn read(folder: &Path, of_crate: &str) -> Option<Self> {
        let text = fs::read(Self::path(folder, of_crate)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    fn write(&self, folder: &Path, of_crate: &str) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, self)?;
        // Whoever reads it finds a whole one.
        file.persist(Self::path(folder, of_crate))?;
        Ok(())
    }

    /// The values of an option, as `--crate-type bin` has one.
    pub fn values<'a>(&'a self, option: &'a str) -> impl Iterator<Item = &'a str> {
        let pairs = self.arguments.windows(2);
        pairs.filter_map(move |pair| (pair[0] == option).then_some(&*pair[1]))
    }

    /// The value of one of rustc's `-C` options.
    pub fn codegen(&self, name: &str) -> Option<&str> {
        let mut options = self.values("-C");
        options.find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
    }
}

/// Adds to `cargo` what makes it show its commands to us, before `inner`, which would run otherwise.
pub fn watch(
    cargo: &mut tokio::process::Command,
    folder: &Path,
    executable: &str,
    inner: Option<OsString>,
) {
    if !IS_TRIED {
        return;
    }
    // Without ourselves there is nothing to be noted, and everything goes through cargo.
    let Ok(ourselves) = env::current_exe() else {
        return;
    };
    if let Some(inner) = inner {
        cargo.env(INNER, inner);
    }
    cargo
        // Set, if at all, by a cargo that runs us: it would look as if it were the crate's.
        .env_remove("OUT_DIR")
        .env("RUSTC_WRAPPER", ourselves)
        .env(FOLDER, folder)
        .env(EXECUTABLE, executable);
}

/// Becomes rustc where cargo has asked for that; returns only if it did not, or if it cannot.
pub fn stand_in() -> Option<ExitCode> {
    let folder = PathBuf::from(env::var_os(FOLDER)?);
    let mut arguments = env::args_os().skip(1);
    let program = arguments.next()?;
    let arguments: Vec<OsString> = arguments.collect();
    note(&folder, &program, &arguments);
    let mut command = match env::var_os(INNER) {
        Some(inner) => {
            let mut command = Command::new(inner);
            command.arg(&program);
            command
        }
        None => Command::new(&program),
    };
    for ours in [FOLDER, EXECUTABLE, INNER, "RUSTC_WRAPPER"] {
        command.env_remove(ours);
    }
    let failed = || {
        match env::var_os(INNER) {
        Some(inner) => crate::error::Failure::new(format!(
            "failed to run the rustc wrapper {}",
            inner.display()
        ))
        .hint("install it, or remove it from RUSTC_WRAPPER or from build.rustc-wrapper in .cargo/config.toml"),
        None => crate::error::Failure::new(format!("failed to run {}", program.display())),
    }
    };
    let exit = run(command.args(arguments)).unwrap_or_else(|error| {
        crate::ui::Ui::from_environment().failure(&failed().because(&error));
        ExitCode::FAILURE
    });
    Some(exit)
}

/// Becomes the program.
#[cfg(unix)]
fn run(command: &mut Command) -> io::Result<ExitCode> {
    Err(std::os::unix::process::CommandExt::exec(command))
}

/// Nothing becomes another program here: it is waited for.
#[cfg(not(unix))]
fn run(command: &mut Command) -> io::Result<ExitCode> {
    let code = command.status()?.code();
    Ok(code
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

/// A build must not fail because something could not be noted.
fn note(folder: &Path, program: &OsStr, arguments: &[OsString]) {
    let plain = arguments.iter().map(|argument| argument.to_str());
    let Some(arguments) = plain.collect::<Option<Vec<_>>>() else {
        return;
    };
    let after = |option: &str| {
        let at = arguments.iter().position(|argument| *argument == option)?;
        arguments.get(at + 1).copied()
    };
    let executable = env::var(EXECUTABLE).unwrap_or_default();
    let of_crate = match (after("--crate-name"), after("--crate-type")) {
        (Some(RUNTIME), Some("lib")) => RUNTIME,
        (Some(name), Some("bin")) if name == executable => name,
        _ => return,
    };
    let Ok(here) = env::current_dir() else {
        return;
    };
    let record = Record {
        program: program.into(),
        arguments: arguments.iter().map(ToString::to_string).collect(),
        folder: here,
        environment: env::vars().filter(|(name, _)| is_cargos(name)).collect(),
    };
    let _ = record.write(folder, of_crate);
}

/// Whether cargo sets the variable for the crate that it compiles.
/// <https://doc.rust-lang.org/cargo/reference/environment-variables.html>
fn is_cargos(name: &str) -> bool {
    const PREFIXES: [&str; 3] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_EXE_"];
    const NAMES: [&str; 8] = [
        "CARGO",
        "CARGO_BIN_NAME",
        "CARGO_CRATE_NAME",
        "CARGO_PRIMARY_PACKAGE",
        "OUT_DIR",
        "LD_LIBRARY_PATH",
        "DYLD_FALLBACK_LIBRARY_PATH",
        "RUSTUP_TOOLCHAIN",
    ];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || NAMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_what_cargo_sets_and_nothing_secret() {
        for noted in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "OUT_DIR"] {
            assert!(is_cargos(noted), "{noted}");
        }
        for kept_out in [
            "CARGO_REGISTRY_TOKEN",
            "CARGO_REGISTRIES_MINE_TOKEN",
            "CARGO_MAKEFLAGS",
            "ADMIN_PASSWORD",
        ] {
            assert!(!is_cargos(kept_out), "{kept_out}");
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let record = Record {
            program: "rustc".into(),
            arguments: [
                "--crate-type",
                "bin",
                "-C",
                "metadata=1",
                "-C",
                "debuginfo=0",
            ]
            .map(str::to_owned)
            .into(),
            folder: "/p".into(),
            environment: BTreeMap::from([("CARGO_PKG_NAME".to_owned(), "p".to_owned())]),
        };
        record.write(folder.path(), "p").unwrap();
        assert_eq!(Record::read(folder.path(), "p"), Some(record.clone()));
        assert_eq!(Record::read(folder.path(), "q"), None);
        assert_eq!(record.codegen("metadata"), Some("1"));
        assert_eq!(record.values("--crate-type").next(), Some("bin"));
    }
}
