//! Runs a recorded command of cargo again, with the results in mcpo's own folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use mcpo_common::process::Group;
use tokio_util::sync::CancellationToken;

use super::{
    compiler::{Setup, WaitingCompiler},
    crate_files, linker,
    record::{RUNTIME, Record},
    stub,
};

/// The number of parts that rustc compiles separately. With rustc's default for incremental builds,
/// 256, it spends more time on the parts than it saves.
const CODEGEN_UNITS: &str = "16";

/// What to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form<'a> {
    /// The executable, with all dependencies linked in.
    Whole,
    /// The executable, linked to this library with the runtime and its dependencies.
    Beside(&'a Path),
    /// The library itself.
    Library,
}

/// The result of a replay.
#[derive(Debug)]
pub enum Replayed {
    /// The file that was built, and the warnings of the compiler.
    Done {
        file: PathBuf,
        said: String,
    },
    Failed,
    Cancelled,
}

/// Returns what the compiler needs in order to start.
pub fn setup(record: &Record, form: Form<'_>, folder: &Path) -> Setup {
    let library_and_stub = match form {
        Form::Beside(library) if linker::suits(record) => {
            Some((library.to_owned(), stub::path(folder)))
        }
        _ => None,
    };
    Setup::new(record, library_and_stub)
}

/// Runs `record` again, with the results below `folder`. Uses the process that is `waiting`, if it
/// suits.
pub async fn run(
    record: &Record,
    form: Form<'_>,
    folder: &Path,
    colours: bool,
    waiting: Option<WaitingCompiler>,
    cancel: &CancellationToken,
) -> io::Result<Replayed> {
    let Some(file) = result(record, form, folder) else {
        return Ok(Replayed::Failed);
    };
    let setup = setup(record, form, folder);
    let mut arguments = arguments(record, form, folder);
    if form != Form::Library {
        crate_files::select(&mut arguments, record, folder);
    }
    let color = if colours { "always" } else { "never" };
    arguments.push(format!("--color={color}"));
    let library_and_stub = setup.library_and_stub.as_ref();
    if library_and_stub.is_some_and(|(_, stub)| stub.is_file()) {
        arguments.extend(linker::arguments());
    }
    let waiting = match waiting {
        Some(waiting) => waiting.run(&setup, &arguments).await,
        None => None,
    };
    let mut child = match waiting {
        Some(child) => child,
        None => setup.start(&arguments)?,
    };
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
        // Kill the whole group, because the linker is a child of the compiler.
        group.kill();
        child.wait().await?;
        sweep(folder);
        return Ok(Replayed::Cancelled);
    };
    if !status.success() {
        return Ok(Replayed::Failed);
    }
    if let Some((library, stub)) = library_and_stub
        && !stub.is_file()
    {
        // Without a stub, a link only takes longer.
        let _ = stub::write(library, &file, stub);
    }
    let said = String::from_utf8_lossy(&said).into_owned();
    Ok(Replayed::Done { file, said })
}

/// Removes the unfinished objects of a compiler that was killed.
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

/// Returns the file that rustc builds.
fn result(record: &Record, form: Form<'_>, folder: &Path) -> Option<PathBuf> {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    let name = record.values("--crate-name").next()?;
    let mark = record.codegen("extra-filename").unwrap_or_default();
    Some(folder.join(match form {
        Form::Library => format!("{DLL_PREFIX}{name}{mark}{DLL_SUFFIX}"),
        Form::Whole | Form::Beside(_) => format!("{name}{mark}"),
    }))
}

/// Returns the dependency file of the last build of `record`.
pub fn dependencies(record: &Record, folder: &Path) -> Option<PathBuf> {
    let name = record.values("--crate-name").next()?;
    let mark = record.codegen("extra-filename").unwrap_or_default();
    Some(folder.join(format!("{name}{mark}.d")))
}

/// Returns the arguments for rustc.
pub fn arguments(record: &Record, form: Form<'_>, folder: &Path) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut given = record.arguments.iter().peekable();
    while let Some(argument) = given.next() {
        // These make rustc print messages for cargo instead of for people.
        if argument.starts_with("--error-format") || argument.starts_with("--json") {
            continue;
        }
        if argument.starts_with("--emit") {
            arguments.push("--emit=dep-info,link".to_owned());
            continue;
        }
        if form == Form::Library
            && argument == "-C"
            && given
                .next_if(|option| option.starts_with("incremental="))
                .is_some()
        {
            // The library is compiled once. The data for a second time would take longer.
            continue;
        }
        arguments.push(argument.clone());
        let value = match (argument.as_str(), given.peek()) {
            ("--out-dir", Some(_)) => folder.display().to_string(),
            ("--crate-type", Some(_)) if form == Form::Library => "dylib".to_owned(),
            ("-C", Some(option)) if option.starts_with("incremental=") => {
                // Cargo's own folder must stay as cargo left it.
                format!("incremental={}", folder.join("incremental").display())
            }
            ("--extern", Some(named)) => external(named, form),
            _ => continue,
        };
        given.next();
        arguments.push(value);
    }
    if form != Form::Whole {
        // The library and the executable share the standard library. Both find it through their
        // rpath.
        arguments.extend(["-C", "prefer-dynamic", "-C", "rpath"].map(str::to_owned));
    }
    if form != Form::Library && record.codegen("codegen-units").is_none() {
        arguments.extend(["-C".to_owned(), format!("codegen-units={CODEGEN_UNITS}")]);
    }
    if form == Form::Library && linker::HAS_ELF && linker::is_c_compiler(record) {
        // The library uses its own symbols without looking them up, of which it has tens of
        // thousands. A server then starts in a third of the time.
        arguments.extend(["-C", "link-arg=-Wl,-Bsymbolic"].map(str::to_owned));
    }
    arguments
}

/// Returns `name=path` of a crate, with the path to link.
fn external(named: &str, form: Form<'_>) -> String {
    if let (Form::Beside(library), Some((name, _))) = (form, named.split_once('='))
        && name == RUNTIME
    {
        return format!("{name}={}", library.display());
    }
    // Cargo passes the `.rmeta` file if the `.rlib` is not finished yet. Now it is.
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
            source: None,
        }
    }

    // Only on Unix: on Windows, where nothing is replayed, paths are written differently.
    #[cfg(unix)]
    #[test]
    fn an_executable_is_linked_to_the_library() {
        let form = Form::Beside(Path::new("/o/libmcpo_runtime-2.so"));
        assert_eq!(
            arguments(&record(), form, Path::new("/o")).join(" "),
            "--crate-name tiny src/main.rs --crate-type bin --emit=dep-info,link \
             -C extra-filename=-1 --out-dir /o -C incremental=/o/incremental \
             --extern mcpo_runtime=/o/libmcpo_runtime-2.so --extern serde=/t/libserde-3.rlib \
             -C prefer-dynamic -C rpath -C codegen-units=16"
        );
        let file = result(&record(), form, Path::new("/o"));
        assert_eq!(file.as_deref(), Some(Path::new("/o/tiny-1")));
    }

    #[test]
    fn a_whole_executable_and_a_library_have_their_own_arguments() {
        let whole = arguments(&record(), Form::Whole, Path::new("/o")).join(" ");
        assert!(
            whole.contains("mcpo_runtime=/t/libmcpo_runtime-2.rlib"),
            "{whole}"
        );
        assert!(!whole.contains("prefer-dynamic"), "{whole}");
        let library = arguments(&record(), Form::Library, Path::new("/o")).join(" ");
        assert!(library.contains("--crate-type dylib"), "{library}");
        assert!(!library.contains("incremental"), "{library}");
        assert!(!library.contains("codegen-units"), "{library}");
        let has_option = library.contains("-Bsymbolic");
        assert_eq!(has_option, linker::HAS_ELF, "{library}");
    }
}
