//! Records the commands that cargo uses to run rustc.
//!
//! While `mcpo dev` builds, cargo runs mcpo as `RUSTC_WRAPPER`. mcpo records the commands of two
//! crates and then executes rustc. A record contains only the variables that cargo itself sets for
//! a crate, because the rest of the environment may contain secrets.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use serde::{Deserialize, Serialize};

use crate::dev::build::vendored_runtime;

/// The folder for records. If it is set, this process acts as the wrapper of rustc.
const FOLDER: &str = "MCPO_DEV_RECORDS";
/// The crate of the executable that is being developed.
const EXECUTABLE: &str = "MCPO_DEV_EXECUTABLE";
/// The wrapper that cargo would run without mcpo.
const INNER: &str = "MCPO_DEV_INNER_WRAPPER";
/// Whether the fast build is used on this system. It was never tested on Windows, so cargo builds
/// everything there.
pub const IS_TRIED: bool = cfg!(unix);
/// The crate that is compiled into a dynamic library.
pub const RUNTIME: &str = "mcpo_runtime";
/// The other crate of the runtime. Its folder is inside that of the runtime.
const OAUTH: &str = "mcpo_runtime_oauth";
/// The file with the digest of the runtime's source files when [`OAUTH`] was compiled.
const OAUTH_SOURCE: &str = "mcpo_runtime_oauth.source";

/// One command of cargo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub folder: PathBuf,
    pub environment: BTreeMap<String, String>,
    /// The digest of the runtime's source files when rustc started on them. `None` if it is unknown,
    /// or if they changed between the two crates of the runtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl Record {
    /// Returns the file for the command of a crate in `folder`.
    pub fn path(folder: &Path, of_crate: &str) -> PathBuf {
        folder.join(of_crate).with_extension("json")
    }

    /// Returns the command for a crate, if it was recorded.
    pub fn read(folder: &Path, of_crate: &str) -> Option<Self> {
        let text = fs::read(Self::path(folder, of_crate)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    pub fn write(&self, folder: &Path, of_crate: &str) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, self)?;
        // The rename is atomic, so a reader never sees a partial file.
        file.persist(Self::path(folder, of_crate))?;
        Ok(())
    }

    /// Returns the values of an option, such as `bin` in `--crate-type bin`.
    pub fn values<'a>(&'a self, option: &'a str) -> impl Iterator<Item = &'a str> {
        let pairs = self.arguments.windows(2);
        pairs.filter_map(move |pair| (pair[0] == option).then_some(&*pair[1]))
    }

    /// Returns the value of one of rustc's `-C` options.
    pub fn codegen(&self, name: &str) -> Option<&str> {
        let mut options = self.values("-C");
        options.find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
    }
}

/// Configures `cargo` to run mcpo as its wrapper. mcpo then runs `inner`, which cargo would use
/// otherwise.
pub fn watch(
    cargo: &mut tokio::process::Command,
    folder: &Path,
    executable: &str,
    inner: Option<OsString>,
) {
    if !IS_TRIED {
        return;
    }
    // If mcpo's own path is unknown, nothing can be recorded, and cargo builds everything.
    let Ok(ourselves) = env::current_exe() else {
        return;
    };
    if let Some(inner) = inner {
        cargo.env(INNER, inner);
    }
    cargo
        // A cargo that runs mcpo may have set it. It would look like a variable of the crate.
        .env_remove("OUT_DIR")
        .env("RUSTC_WRAPPER", ourselves)
        .env(FOLDER, folder)
        .env(EXECUTABLE, executable);
}

/// Runs rustc if cargo started this process as its wrapper. Returns `None` if it did not.
pub fn run_as_rustc_wrapper() -> Option<ExitCode> {
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
        Some(inner) => mcpo_common::error::Failure::new(format!(
            "failed to run the rustc wrapper {}",
            inner.display()
        ))
        .hint("install it, or remove it from RUSTC_WRAPPER or from build.rustc-wrapper in .cargo/config.toml"),
        None => mcpo_common::error::Failure::new(format!("failed to run {}", program.display())),
    }
    };
    let exit = replace_process(command.args(arguments)).unwrap_or_else(|error| {
        mcpo_common::ui::Ui::from_environment().failure(&failed().because(&error));
        ExitCode::FAILURE
    });
    Some(exit)
}

/// Replaces this process with the program. Returns only if that fails.
#[cfg(unix)]
pub fn replace_process(command: &mut Command) -> io::Result<ExitCode> {
    Err(std::os::unix::process::CommandExt::exec(command))
}

/// Runs the program and waits for it, because this system cannot replace a process.
#[cfg(not(unix))]
pub fn replace_process(command: &mut Command) -> io::Result<ExitCode> {
    let code = command.status()?.code();
    Ok(code
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Records the command. Errors are ignored, because a missing record must not fail the build.
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
        (Some(OAUTH), Some("lib")) => {
            let _ = note_oauth(folder);
            return;
        }
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
        source: None,
    };
    let source = source(of_crate, folder, &record);
    let _ = Record { source, ..record }.write(folder, of_crate);
}

/// Stores the digest of the runtime's source files. If that fails, the runtime is not cached for
/// other projects.
fn note_oauth(folder: &Path) -> io::Result<()> {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    // A package from a registry is not in the folder of the runtime.
    let (Some(runtime), true) = (package.parent(), package.ends_with("oauth")) else {
        return Ok(());
    };
    fs::create_dir_all(folder)?;
    fs::write(
        folder.join(OAUTH_SOURCE),
        vendored_runtime::digest(runtime)?,
    )
}

/// Returns the digest of the source files, if the crate is the runtime, and if its other crate was
/// compiled from the same files.
fn source(of_crate: &str, folder: &Path, record: &Record) -> Option<String> {
    let package = env::var_os("CARGO_MANIFEST_DIR").filter(|_| of_crate == RUNTIME)?;
    let digest = vendored_runtime::digest(Path::new(&package)).ok()?;
    let mut dependencies = record.values("--extern");
    let has_oauth = dependencies.any(|given| given.split('=').next() == Some(OAUTH));
    let of_oauth = || fs::read_to_string(folder.join(OAUTH_SOURCE)).ok();
    (!has_oauth || of_oauth().as_ref() == Some(&digest)).then_some(digest)
}

/// Returns true if cargo sets the variable for the crate that it compiles.
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
    fn only_variables_that_cargo_sets_are_recorded() {
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
            source: None,
        };
        record.write(folder.path(), "p").unwrap();
        assert_eq!(Record::read(folder.path(), "p"), Some(record.clone()));
        assert_eq!(Record::read(folder.path(), "q"), None);
        assert_eq!(record.codegen("metadata"), Some("1"));
        assert_eq!(record.values("--crate-type").next(), Some("bin"));
    }
}
