//! Chooses the target of the release build.

use std::{env, path::Path};

use mcpo_common::{error::Failure, process::has_program};
use tokio::process::Command;

use super::rustc;

const MUSL: &str = "x86_64-unknown-linux-musl";
const GNU: &str = "x86_64-unknown-linux-gnu";
/// Since this version, glibc contains the modules `files` and `dns`, so a static executable resolves
/// host names without shared libraries.
const FIRST_WITH_STATIC_DNS: (u32, u32) = (2, 34);

/// The target for a static executable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Musl,
    Gnu,
}

impl Target {
    /// Returns the target that this machine can build for, or `None` if there is none. A server
    /// with glibc handles twice as many calls as one with musl, whose allocator is slow.
    pub async fn choose() -> Option<Self> {
        let has_musl = target_is_installed(MUSL).await
            && (has_program("musl-gcc") || is_set("CC_x86_64_unknown_linux_musl"));
        let is_native = cfg!(all(target_os = "linux", target_arch = "x86_64"));
        let has_gnu = is_native && target_is_installed(GNU).await;
        let is_static = has_gnu && has_static_glibc().await;
        Self::preferred(has_gnu, is_static, has_musl)
    }

    /// `is_static`: whether the static glibc is known to work. It may work even if that is not known.
    const fn preferred(has_gnu: bool, is_static: bool, has_musl: bool) -> Option<Self> {
        match (has_gnu, has_musl) {
            (true, _) if is_static => Some(Self::Gnu),
            (_, true) => Some(Self::Musl),
            (true, false) => Some(Self::Gnu),
            (false, false) => None,
        }
    }

    pub const fn triple(self) -> &'static str {
        match self {
            Self::Musl => MUSL,
            Self::Gnu => GNU,
        }
    }
}

/// Returns the failure to report if no target can be built for.
pub fn unbuildable() -> Failure {
    Failure::new("this machine cannot build a static executable for Linux on x86-64")
        .hint("build with Cloud Build: mcpo deploy --remote-build; or install a musl C compiler and run: rustup target add x86_64-unknown-linux-musl")
}

/// Returns true if the static glibc is installed, and is not too old.
async fn has_static_glibc() -> bool {
    let library = output_of("cc", "-print-file-name=libc.a").await;
    // A name without a folder means that there is no such file.
    let is_installed = library.is_some_and(|path| Path::new(&path).is_absolute());
    let version = output_of("getconf", "GNU_LIBC_VERSION").await;
    let version = version.as_deref().and_then(glibc_version);
    is_installed && version.is_some_and(|version| version >= FIRST_WITH_STATIC_DNS)
}

/// Parses `glibc 2.36`.
fn glibc_version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.strip_prefix("glibc ")?.split_once('.')?;
    let minor = minor.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

async fn output_of(program: &str, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).output().await.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

async fn target_is_installed(triple: &str) -> bool {
    let asked = rustc(Path::new("."))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glibc_is_preferred_if_its_static_form_works() {
        use Target::{Gnu, Musl};
        for (has_gnu, is_static, has_musl, expected) in [
            (true, true, true, Some(Gnu)),
            (true, true, false, Some(Gnu)),
            (true, false, true, Some(Musl)),
            (true, false, false, Some(Gnu)),
            (false, false, true, Some(Musl)),
            (false, false, false, None),
        ] {
            assert_eq!(Target::preferred(has_gnu, is_static, has_musl), expected);
        }
    }

    #[test]
    fn versions_of_glibc_are_compared_as_numbers() {
        for (text, is_new) in [
            ("glibc 2.36", true),
            ("glibc 2.34", true),
            ("glibc 2.34.9000", true),
            ("glibc 2.4", false),
            ("glibc 2.31", false),
        ] {
            let version = glibc_version(text).unwrap();
            assert_eq!(version >= FIRST_WITH_STATIC_DNS, is_new, "{text}");
        }
        assert_eq!(glibc_version("musl 1.2.3"), None);
    }
}
