//! The release build: one static executable for Linux on x86-64.

mod elf;

use std::{
    env, io,
    path::{Path, PathBuf},
    process::Stdio,
};

use cargo_metadata::Message;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

use super::settings::Features;
use crate::{
    error::{Exit, Failure, Outcome},
    package::{Package, cargo_missing, cargo_program},
    process::{Group, apart, has_program},
    ui::Ui,
};

const MUSL: &str = "x86_64-unknown-linux-musl";
const GNU: &str = "x86_64-unknown-linux-gnu";
const STATIC: &str = "-Ctarget-feature=+crt-static";

/// How a static executable is made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Musl,
    Gnu,
}

impl Target {
    /// What this machine can build for; `None`: nothing that would run there.
    pub async fn choose() -> Option<Self> {
        let musl = target_is_installed(MUSL).await
            && (has_program("musl-gcc") || is_set("CC_x86_64_unknown_linux_musl"));
        let is_native = cfg!(all(target_os = "linux", target_arch = "x86_64"));
        if musl {
            Some(Self::Musl)
        } else if is_native && target_is_installed(GNU).await {
            Some(Self::Gnu)
        } else {
            None
        }
    }

    pub const fn triple(self) -> &'static str {
        match self {
            Self::Musl => MUSL,
            Self::Gnu => GNU,
        }
    }
}

/// The failure to find a way to build it here.
pub fn unbuildable() -> Failure {
    Failure::new("this machine cannot build a static executable for Linux on x86-64")
        .hint("build it in the cloud: mcpo deploy --remote-build; or: rustup target add x86_64-unknown-linux-musl, and a musl C compiler")
}

/// Builds it; progress and diagnostics go to the terminal as cargo writes them.
pub async fn build(
    package: &Package,
    features: &Features,
    target: Target,
    ui: &Ui,
) -> Outcome<Vec<u8>> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => cargo_missing(),
        _ => Failure::new("failed to run cargo").because(&error),
    };
    let mut child = command(package, features, target, ui)
        .spawn()
        .map_err(failed)?;
    let _end_with_us = GroupGuard(Group::of(&child));
    let mut found = None;
    if let Some(messages) = child.stdout.take() {
        let mut lines = BufReader::new(messages).lines();
        while let Some(line) = lines.next_line().await.map_err(failed)? {
            if let Ok(Message::CompilerArtifact(artifact)) = serde_json::from_str(&line)
                && artifact.target.is_bin()
                && artifact.target.name == package.executable
            {
                found = artifact.executable.map(PathBuf::from);
            }
        }
    }
    let status = child.wait().await.map_err(failed)?;
    let path = found.filter(|_| status.success());
    let path = path.ok_or_else(|| Failure::new("the build failed; cargo says why above"))?;
    read(&path)
}

/// The executable, if it can run in an empty image.
fn read(path: &Path) -> Outcome<Vec<u8>> {
    let executable = std::fs::read(path).map_err(|error| {
        Failure::new(format!("failed to read {}", path.display())).because(&error)
    })?;
    elf::check(&executable).map_err(|problem| {
        Failure::new(format!(
            "{} cannot run on Cloud Run: {problem}",
            path.display()
        ))
        .hint("a crate that links a shared library, or a linker setting of yours, makes it so")
        .exit_with(Exit::CouldNotRun)
    })?;
    Ok(executable)
}

fn command(package: &Package, features: &Features, target: Target, ui: &Ui) -> Command {
    let mut cargo = Command::new(cargo_program());
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
    // Whoever sets flags in the environment switches the configured ones off, so ours join them.
    if let Some(flags) = env::var_os("CARGO_ENCODED_RUSTFLAGS") {
        cargo.env("CARGO_ENCODED_RUSTFLAGS", joined(flags, "\u{1f}"));
    } else if let Some(flags) = env::var_os("RUSTFLAGS") {
        cargo.env("RUSTFLAGS", joined(flags, " "));
    } else {
        let setting = format!("target.{}.rustflags=[{STATIC:?}]", target.triple());
        cargo.args(["--config", &setting]);
    }
    cargo
}

fn joined(mut flags: std::ffi::OsString, by: &str) -> std::ffi::OsString {
    if !flags.is_empty() {
        flags.push(by);
    }
    flags.push(STATIC);
    flags
}

/// Cargo's compilers end with it, also when we are interrupted.
struct GroupGuard(Group);

impl Drop for GroupGuard {
    fn drop(&mut self) {
        self.0.terminate();
    }
}

async fn target_is_installed(triple: &str) -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let asked = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", triple])
        .output()
        .await;
    asked.is_ok_and(|output| {
        let folder = String::from_utf8_lossy(&output.stdout);
        output.status.success() && Path::new(folder.trim()).is_dir()
    })
}

fn is_set(name: &str) -> bool {
    env::var_os(name).is_some_and(|value| !value.is_empty())
}
