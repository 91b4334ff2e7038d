//! Runs the release build: one static executable for Linux on x86-64.

mod elf;
mod flags;
mod packages;
mod target;

use std::{
    env, io,
    path::{Path, PathBuf},
    process::Stdio,
    str::FromStr as _,
};

use cargo_metadata::Message;
use cargo_platform::Cfg;
use mcpo_common::{
    cargo_config,
    error::{Exit, Failure, Outcome},
    package::{self, Package, cargo_missing},
    process::{Group, apart},
    ui::Ui,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

use self::{
    flags::{Flags, Places, Source},
    packages::CompiledPackages,
};
pub use self::{
    packages::CompiledPackage,
    target::{Target, unbuildable},
};
use crate::settings::Features;

/// The result of a build.
#[derive(Debug)]
pub struct Built {
    pub executable: Vec<u8>,
    /// In the order of their ids.
    pub packages: Vec<CompiledPackage>,
    pub target: Target,
}

/// Builds the executable. Cargo's progress and diagnostics go to the terminal.
pub async fn build(
    package: &Package,
    features: &Features,
    target: Target,
    ui: &Ui,
) -> Outcome<Built> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => cargo_missing(),
        _ => Failure::new("failed to run cargo").because(&error),
    };
    let mut child = command(package, features, target, ui)
        .await
        .spawn()
        .map_err(failed)?;
    let _end_with_us = GroupGuard(Group::of(&child));
    let mut found = None;
    let mut packages = CompiledPackages::default();
    if let Some(messages) = child.stdout.take() {
        let mut lines = BufReader::new(messages).lines();
        while let Some(line) = lines.next_line().await.map_err(failed)? {
            let Ok(Message::CompilerArtifact(artifact)) = serde_json::from_str(&line) else {
                continue;
            };
            packages.add(&artifact, target.triple());
            if artifact.target.is_bin() && artifact.target.name == package.executable {
                found = artifact.executable.map(PathBuf::from);
            }
        }
    }
    let status = child.wait().await.map_err(failed)?;
    let path = found.filter(|_| status.success());
    let path = path.ok_or_else(|| Failure::new("the build failed; see cargo's output above"))?;
    Ok(Built {
        executable: read(&path)?,
        packages: packages.into_list(),
        target,
    })
}

/// Reads the executable and checks that it can run in an empty image.
fn read(path: &Path) -> Outcome<Vec<u8>> {
    let executable = std::fs::read(path).map_err(|error| {
        Failure::new(format!("failed to read {}", path.display())).because(&error)
    })?;
    elf::check(&executable).map_err(|problem| {
        Failure::new(format!(
            "{} cannot run on Cloud Run: {problem}",
            path.display()
        ))
        .hint("look for a crate that links a shared library, or a linker setting of the project")
        .exit_with(Exit::CouldNotRun)
    })?;
    Ok(executable)
}

/// Returns the project's own build command with the flag for a static executable added.
async fn command(package: &Package, features: &Features, target: Target, ui: &Ui) -> Command {
    let mut cargo = package::cargo();
    cargo
        .args([
            "build",
            "--release",
            "--message-format=json-render-diagnostics",
        ])
        .args(["--package", &package.name])
        .args(["--bin", &package.executable])
        .args(["--target", target.triple()])
        .args(features.arguments())
        .current_dir(&package.folder)
        .env(
            "CARGO_TERM_COLOR",
            if ui.has_colours() { "always" } else { "never" },
        )
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    apart(&mut cargo);
    let cfg = cfg_of(&package.folder, target.triple()).await;
    let places = Places {
        folder: &package.folder,
        root: None,
        cargo_home: cargo_config::cargo_home(),
        variable: &|name| env::var_os(name),
        triple: target.triple(),
        cfg: &|| cfg.clone(),
    };
    let flags = places.find();
    warn_of_native(&flags, ui);
    match flags.source {
        Source::Variable(name, value) => cargo.env(name, value),
        Source::Setting(setting) => cargo.args(["--config", &setting]),
    };
    cargo
}

/// Warns about flags for this machine's processor: on another processor, the executable may end
/// with SIGILL.
fn warn_of_native(flags: &Flags, ui: &Ui) {
    if let Some(place) = &flags.native {
        ui.warn(format_args!(
            "target-cpu=native in {place}: the executable is built for this machine's processor and may end with \
             SIGILL on Cloud Run; use target-cpu=x86-64-v3 or remove the flag"
        ));
    }
}

/// Returns the text for `--config` in a remote build, which sees only the files of the workspace.
pub fn setting_of_workspace(package: &Package) -> String {
    let places = Places {
        folder: &package.folder,
        root: Some(&package.workspace),
        cargo_home: None,
        variable: &|_| None,
        triple: Target::Gnu.triple(),
        cfg: &|| known_cfg(),
    };
    match places.find().source {
        Source::Setting(setting) => setting,
        Source::Variable(..) => format!("build.rustflags=[{:?}]", flags::STATIC),
    }
}

/// Returns common `cfg(…)` values for the target of a remote build.
fn known_cfg() -> Vec<Cfg> {
    let lines = [
        "unix",
        "panic=\"unwind\"",
        "target_abi=\"\"",
        "target_arch=\"x86_64\"",
        "target_endian=\"little\"",
        "target_env=\"gnu\"",
        "target_family=\"unix\"",
        "target_os=\"linux\"",
        "target_pointer_width=\"64\"",
        "target_vendor=\"unknown\"",
    ];
    lines
        .into_iter()
        .filter_map(|line| Cfg::from_str(line).ok())
        .collect()
}

/// Returns the `cfg` values of the project's rustc for the target.
async fn cfg_of(folder: &Path, triple: &str) -> Vec<Cfg> {
    let asked = rustc(folder)
        .args(["--print", "cfg", "--target", triple])
        .output();
    let text = asked.await.map(|output| output.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines()
        .filter_map(|line| Cfg::from_str(line).ok())
        .collect()
}

/// The version of a compiler.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Toolchain {
    /// Such as `1.95.0`.
    pub release: String,
    /// The commit of the compiler's source; `None` if the distributor does not say.
    pub commit: Option<String>,
}

/// Returns the version of the project's compiler, or `None` if it does not say.
pub async fn toolchain(folder: &Path) -> Option<Toolchain> {
    let asked = rustc(folder).arg("-vV").output().await.ok()?;
    let text = String::from_utf8_lossy(&asked.stdout);
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim().to_owned())
    };
    let is_commit = |hash: &String| hash.len() == 40;
    Some(Toolchain {
        release: value("release:")?,
        commit: value("commit-hash:").filter(is_commit),
    })
}

/// Returns the compiler that cargo uses in this folder.
fn rustc(folder: &Path) -> Command {
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.current_dir(folder);
    rustc
}

/// Terminates cargo's compilers together with cargo, also on Ctrl-C.
struct GroupGuard(Group);

impl Drop for GroupGuard {
    fn drop(&mut self) {
        self.0.terminate();
    }
}
