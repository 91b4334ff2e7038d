//! A command of cargo's, run again by ourselves with its results in a folder of our own.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::record::{RUNTIME, Record};
use crate::process::{Group, apart};

/// What is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form<'a> {
    /// The executable, with everything in it.
    Whole,
    /// The executable, with the runtime and all it depends on in this library.
    Beside(&'a Path),
    /// That library.
    Library,
}

/// What came of it.
#[derive(Debug)]
pub enum Replayed {
    /// The file that was made, and what the compiler said beside.
    Done {
        file: PathBuf,
        said: String,
    },
    Failed,
    Cancelled,
}

/// Runs `record` again, with results below `folder`.
pub async fn run(
    record: &Record,
    form: Form<'_>,
    folder: &Path,
    colours: bool,
    cancel: &CancellationToken,
) -> io::Result<Replayed> {
    let Some(file) = result(record, form, folder) else {
        return Ok(Replayed::Failed);
    };
    let mut command = Command::new(&record.program);
    command
        .args(arguments(record, form, folder))
        .arg(if colours {
            "--color=always"
        } else {
            "--color=never"
        })
        .current_dir(&record.folder)
        .envs(&record.environment)
        .env_remove("RUSTC_WRAPPER")
        // The jobs of a cargo around us are counted on descriptors that are not here.
        .env_remove("CARGO_MAKEFLAGS")
        .env_remove("MAKEFLAGS")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = apart(&mut command).spawn()?;
    let group = Group::of(&child);
    let finished = async {
        let mut said = Vec::new();
        if let Some(mut stderr) = child.stderr.take() {
            tokio::io::AsyncReadExt::read_to_end(&mut stderr, &mut said).await?;
        }
        io::Result::Ok((child.wait().await?, said))
    };
    let finished = tokio::select! {
        finished = finished => Some(finished?),
        () = cancel.cancelled() => None,
    };
    let Some((status, said)) = finished else {
        // The linker is a child of the compiler.
        group.kill();
        child.wait().await?;
        sweep(folder);
        return Ok(Replayed::Cancelled);
    };
    if !status.success() {
        return Ok(Replayed::Failed);
    }
    let said = String::from_utf8_lossy(&said).into_owned();
    Ok(Replayed::Done { file, said })
}

/// A compiler that was ended has left its unfinished objects.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_str().unwrap_or_default();
        let _ = if name.ends_with(".rcgu.o") {
            fs::remove_file(entry.path())
        } else if name.starts_with("rustc") {
            fs::remove_dir_all(entry.path())
        } else {
            Ok(())
        };
    }
}

/// The name that rustc gives to what it makes.
fn result(record: &Record, form: Form<'_>, folder: &Path) -> Option<PathBuf> {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    let name = record.values("--crate-name").next()?;
    let mark = record.codegen("extra-filename").unwrap_or_default();
    Some(folder.join(match form {
        Form::Library => format!("{DLL_PREFIX}{name}{mark}{DLL_SUFFIX}"),
        Form::Whole | Form::Beside(_) => format!("{name}{mark}"),
    }))
}

/// The list of files that the last run for `record` read.
pub fn dependencies(record: &Record, folder: &Path) -> Option<PathBuf> {
    let name = record.values("--crate-name").next()?;
    let mark = record.codegen("extra-filename").unwrap_or_default();
    Some(folder.join(format!("{name}{mark}.d")))
}

fn arguments(record: &Record, form: Form<'_>, folder: &Path) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut given = record.arguments.iter().peekable();
    while let Some(argument) = given.next() {
        // For people, not for cargo.
        if argument.starts_with("--error-format") || argument.starts_with("--json") {
            continue;
        }
        if argument.starts_with("--emit") {
            arguments.push("--emit=dep-info,link".to_owned());
            continue;
        }
        arguments.push(argument.clone());
        let value = match (argument.as_str(), given.peek()) {
            ("--out-dir", Some(_)) => folder.display().to_string(),
            ("--crate-type", Some(_)) if form == Form::Library => "dylib".to_owned(),
            ("-C", Some(option)) if option.starts_with("incremental=") => {
                // Cargo's own must stay as cargo left it.
                format!("incremental={}", folder.join("incremental").display())
            }
            ("--extern", Some(named)) => external(named, form),
            _ => continue,
        };
        given.next();
        arguments.push(value);
    }
    if form != Form::Whole {
        // The library and the executable share the standard library, and find both by themselves.
        arguments.extend(["-C", "prefer-dynamic", "-C", "rpath"].map(str::to_owned));
    }
    arguments
}

/// `name=path` of a crate, as it is to be linked.
fn external(named: &str, form: Form<'_>) -> String {
    if let (Form::Beside(library), Some((name, _))) = (form, named.split_once('='))
        && name == RUNTIME
    {
        return format!("{name}={}", library.display());
    }
    // While cargo compiles, a library's interface is ready before the library is.
    match named.strip_suffix(".rmeta") {
        Some(path) => format!("{path}.rlib"),
        None => named.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let arguments = "--crate-name tiny src/main.rs --error-format=json --json=artifacts \
             --crate-type bin --emit=dep-info,link -C extra-filename=-1 --out-dir /t/deps \
             -C incremental=/t/incremental --extern mcpo_runtime=/t/libmcpo_runtime-2.rlib \
             --extern serde=/t/libserde-3.rmeta";
        Record {
            program: "rustc".into(),
            arguments: arguments.split_whitespace().map(str::to_owned).collect(),
            folder: "/p".into(),
            environment: std::collections::BTreeMap::new(),
        }
    }

    // Nobody replays on Windows, where paths are written in another way.
    #[cfg(unix)]
    #[test]
    fn an_executable_beside_its_library() {
        let form = Form::Beside(Path::new("/o/libmcpo_runtime-2.so"));
        assert_eq!(
            arguments(&record(), form, Path::new("/o")).join(" "),
            "--crate-name tiny src/main.rs --crate-type bin --emit=dep-info,link \
             -C extra-filename=-1 --out-dir /o -C incremental=/o/incremental \
             --extern mcpo_runtime=/o/libmcpo_runtime-2.so --extern serde=/t/libserde-3.rlib \
             -C prefer-dynamic -C rpath"
        );
        let file = result(&record(), form, Path::new("/o"));
        assert_eq!(file.as_deref(), Some(Path::new("/o/tiny-1")));
    }

    #[test]
    fn a_whole_executable_and_a_library() {
        let whole = arguments(&record(), Form::Whole, Path::new("/o")).join(" ");
        assert!(
            whole.contains("mcpo_runtime=/t/libmcpo_runtime-2.rlib"),
            "{whole}"
        );
        assert!(!whole.contains("prefer-dynamic"), "{whole}");
        let library = arguments(&record(), Form::Library, Path::new("/o")).join(" ");
        assert!(library.contains("--crate-type dylib"), "{library}");
    }
}
