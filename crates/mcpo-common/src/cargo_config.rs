//! Cargo's configuration files and the settings in them that decide where cargo puts results.
//! <https://doc.rust-lang.org/cargo/reference/config.html>
//!
//! Cargo itself prints its settings only in nightly versions.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use toml::{Table, Value};

/// How deep configuration files may include each other.
const INCLUDES: u32 = 8;
/// The value of `build.target` that means this machine.
const HOST: &str = "host-tuple";

/// A configuration file and its content.
pub type File = (PathBuf, Table);

/// Returns all configuration files for builds in `folder` that can be read, the most important one
/// first. Files above `root` are ignored.
#[must_use]
pub fn files(folder: &Path, root: Option<&Path>, cargo_home: Option<PathBuf>) -> Vec<File> {
    let folders = folder
        .ancestors()
        .take_while(|folder| root.is_none_or(|root| folder.starts_with(root)))
        .map(|folder| folder.join(".cargo"))
        .chain(cargo_home);
    let mut seen = BTreeSet::new();
    let mut files = Vec::new();
    for folder in folders {
        // If both exist, cargo uses the older name.
        for name in ["config", "config.toml"] {
            let path = folder.join(name);
            if path.is_file() {
                read(&path, INCLUDES, &mut seen, &mut files);
                break;
            }
        }
    }
    files
}

fn read(path: &Path, depth: u32, seen: &mut BTreeSet<PathBuf>, files: &mut Vec<File>) {
    if depth == 0 || !seen.insert(path.to_owned()) {
        return;
    }
    // Cargo reports the files that it cannot read.
    let text = fs::read_to_string(path).unwrap_or_default();
    let Ok(table) = text.parse::<Table>() else {
        return;
    };
    let includes = match table.get("include") {
        Some(Value::Array(items)) => items.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    // The including file overrides the included one.
    files.push((path.to_owned(), table));
    for include in &includes {
        let name = include.as_str().or_else(|| include.get("path")?.as_str());
        if let (Some(name), Some(folder)) = (name, path.parent()) {
            read(&folder.join(name), depth - 1, seen, files);
        }
    }
}

/// Returns cargo's folder in the user's home, or the folder that `CARGO_HOME` names.
#[must_use]
pub fn cargo_home() -> Option<PathBuf> {
    let set = env::var_os("CARGO_HOME").filter(|path| !path.is_empty());
    set.map(PathBuf::from)
        .or_else(|| Some(env::home_dir()?.join(".cargo")))
}

/// Returns the platform that cargo builds for in `folder` if the settings name one
/// (`build.target` or `CARGO_BUILD_TARGET`): a target triple, or the path of a specification. If
/// they name several, this machine's triple is preferred, because its results can run here.
#[must_use]
pub fn platform(folder: &Path) -> Option<String> {
    let set = env::var("CARGO_BUILD_TARGET").ok();
    let named = match set.filter(|platform| !platform.is_empty()) {
        Some(platform) => vec![platform],
        None => platforms_in(&files(folder, None, cargo_home())),
    };
    choose(named, || host(folder))
}

/// Returns the platforms in the most important file that names any.
fn platforms_in(files: &[File]) -> Vec<String> {
    let named = files.iter().find_map(|(path, file)| {
        let named = match file.get("build")?.get("target")? {
            Value::Array(named) => named.clone(),
            one => vec![one.clone()],
        };
        // A path is relative to the parent of the folder with the file.
        let parent = path.parent().and_then(Path::parent)?;
        let named = named.iter().filter_map(Value::as_str);
        Some(named.map(|named| absolute(named, parent)).collect())
    });
    named.unwrap_or_default()
}

fn absolute(platform: &str, parent: &Path) -> String {
    if is_specification(platform) {
        parent.join(platform).display().to_string()
    } else {
        platform.to_owned()
    }
}

fn choose(mut named: Vec<String>, host: impl Fn() -> Option<String>) -> Option<String> {
    let is_clear = named.len() <= 1 && named.first().is_none_or(|only| only != HOST);
    if is_clear {
        return named.pop();
    }
    let host = host();
    let is_host = |named: &String| named == HOST || Some(named) == host.as_ref();
    if named.iter().any(is_host) && host.is_some() {
        return host;
    }
    named.into_iter().next()
}

/// Returns the triple of this machine.
fn host(folder: &Path) -> Option<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").current_dir(folder).output();
    let text = String::from_utf8(output.ok()?.stdout).ok()?;
    let mut lines = text.lines();
    Some(
        lines
            .find_map(|line| line.strip_prefix("host: "))?
            .to_owned(),
    )
}

fn is_specification(platform: &str) -> bool {
    Path::new(platform)
        .extension()
        .is_some_and(|kind| kind == "json")
}

/// Returns the name of the folder in which cargo puts results for the platform.
#[must_use]
pub fn folder_of_platform(platform: &str) -> &str {
    if !is_specification(platform) {
        return platform;
    }
    let stem = Path::new(platform).file_stem();
    stem.and_then(|stem| stem.to_str()).unwrap_or(platform)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINUX: &str = "x86_64-unknown-linux-gnu";
    const WASM: &str = "wasm32-wasip1";

    #[test]
    fn the_nearest_file_names_the_platform() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        let write = |of: &Path, text: &str| {
            fs::create_dir_all(of.join(".cargo")).unwrap();
            fs::write(of.join(".cargo/config.toml"), text).unwrap();
        };
        write(folder.path(), "[build]\ntarget = \"outer\"\n");
        write(&inner, "[net]\noffline = true\n");
        let named = || platforms_in(&files(&inner, Some(folder.path()), None));
        assert_eq!(named(), ["outer"]);
        write(&inner, "include = \"more.toml\"\n");
        fs::write(
            inner.join(".cargo/more.toml"),
            "build.target = [\"a\", \"b\"]",
        )
        .unwrap();
        assert_eq!(named(), ["a", "b"]);
        write(&inner, "build.target = \"specs/mine.json\"\n");
        let specification = inner.join("specs/mine.json").display().to_string();
        assert_eq!(named(), [specification.as_str()]);
        assert_eq!(folder_of_platform(&specification), "mine");
        assert_eq!(folder_of_platform(LINUX), LINUX);
    }

    #[test]
    fn this_machine_is_preferred_among_several_platforms() {
        let choose = |named: &[&str]| {
            let named = named.iter().map(ToString::to_string);
            choose(named.collect(), || Some(LINUX.to_owned()))
        };
        assert_eq!(choose(&[]), None);
        assert_eq!(choose(&[WASM]).unwrap(), WASM);
        assert_eq!(choose(&[HOST]).unwrap(), LINUX);
        assert_eq!(choose(&[WASM, LINUX]).unwrap(), LINUX);
        assert_eq!(choose(&[WASM, HOST]).unwrap(), LINUX);
        assert_eq!(choose(&[WASM, "other"]).unwrap(), WASM);
    }
}
