//! Links an executable to the stub of the library.
//!
//! rustc runs mcpo as its linker. mcpo runs the linker that rustc would use, with the stub in place
//! of the library. If that fails, for example because a change uses another symbol of the library,
//! mcpo removes the stub and runs the same command with the library. So only the library decides
//! whether an executable can be linked.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use mcpo_common::{error::Failure, ui::Ui};

use super::record::{self, Record};

/// The path of the library. If it is set, this process acts as the linker.
const LIBRARY: &str = "MCPO_DEV_LIBRARY";
const STUB: &str = "MCPO_DEV_LIBRARY_STUB";
/// The linker that rustc uses by default on systems with ELF.
const LINKER: &str = "cc";
/// Whether executables of this system have the format ELF.
pub const HAS_ELF: bool = cfg!(all(unix, not(target_vendor = "apple")));

/// Returns true if rustc uses the default linker for `record`.
pub fn suits(record: &Record) -> bool {
    const OPTIONS: [&str; 3] = ["linker=", "linker-flavor=", "link-self-contained="];
    let mut arguments = record.arguments.iter();
    let is_default = |argument: &String| OPTIONS.iter().all(|option| !argument.contains(option));
    HAS_ELF && arguments.all(is_default)
}

/// Returns true if the linker takes the options of a C compiler.
pub fn is_c_compiler(record: &Record) -> bool {
    let linkers = record.arguments.iter().filter_map(|argument| {
        let linker = argument.split_once("linker=")?.1;
        Path::new(linker).file_stem()?.to_str()
    });
    let mut linkers = linkers;
    let is_other = |name: &str| name == "rust-lld" || name == "lld" || name.starts_with("ld");
    let has_flavor = |argument: &String| argument.contains("linker-flavor=");
    !linkers.any(is_other) && !record.arguments.iter().any(has_flavor)
}

/// Sets the paths that mcpo needs if this rustc runs it as its linker.
pub fn set_paths(rustc: &mut tokio::process::Command, library: &Path, stub: &Path) {
    rustc.env(LIBRARY, library).env(STUB, stub);
}

/// Returns the arguments that make rustc run mcpo as its linker. If mcpo's own path is unknown, there
/// are none, and the library itself is linked.
pub fn arguments() -> Vec<String> {
    let ourselves = env::current_exe().ok();
    let ourselves = ourselves.and_then(|path| path.to_str().map(|path| format!("linker={path}")));
    ourselves.map_or_else(Vec::new, |linker| vec!["-C".to_owned(), linker])
}

/// Links if rustc started this process as its linker. Returns `None` if it did not.
pub fn run_as_linker() -> Option<ExitCode> {
    let library = PathBuf::from(env::var_os(LIBRARY)?);
    let stub = PathBuf::from(env::var_os(STUB)?);
    // rustc resolves symbolic links.
    let resolved = fs::canonicalize(&library).unwrap_or_default();
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let with_stub = arguments.iter().map(|argument| {
        if *argument == library || *argument == resolved {
            stub.as_os_str()
        } else {
            argument
        }
    });
    let linked = Command::new(LINKER)
        .args(with_stub)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if linked.is_ok_and(|status| status.success()) {
        return Some(ExitCode::SUCCESS);
    }
    let _ = fs::remove_file(stub);
    let exit =
        record::replace_process(Command::new(LINKER).args(arguments)).unwrap_or_else(|error| {
            let failure = Failure::new(format!("failed to run the linker {LINKER}"));
            Ui::from_environment().failure(&failure.because(&error));
            ExitCode::FAILURE
        });
    Some(exit)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn only_the_default_linker_is_replaced() {
        let record = |option: &str| Record {
            program: "rustc".into(),
            arguments: ["--crate-name", "tiny", "-C", option]
                .map(str::to_owned)
                .into(),
            folder: "/p".into(),
            environment: BTreeMap::new(),
            source: None,
        };
        assert_eq!(suits(&record("debuginfo=0")), HAS_ELF);
        assert_eq!(suits(&record("link-arg=-fuse-ld=mold")), HAS_ELF);
        assert!(!suits(&record("linker=clang")));
        assert!(!suits(&record("linker-flavor=ld")));
    }
}
