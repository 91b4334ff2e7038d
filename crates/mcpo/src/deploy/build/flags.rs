//! Which flags cargo gives to rustc for a project, as far as that decides where ours join them.
//!
//! Cargo takes flags from one of four sources and ignores the others: `CARGO_ENCODED_RUSTFLAGS`,
//! `RUSTFLAGS`, all `target.*.rustflags` that match, `build.rustflags`. Within a source, the values
//! of files, of variables and of `--config` are joined. So ours go to the source that the project
//! uses already. <https://doc.rust-lang.org/cargo/reference/config.html#buildrustflags>

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    str::FromStr as _,
};

use cargo_platform::{Cfg, Platform};
use serde_json::Value as Json;
use toml::{Table, Value};

/// What makes an executable that needs no shared library.
pub const STATIC: &str = "-Ctarget-feature=+crt-static";
const ENCODED: &str = "CARGO_ENCODED_RUSTFLAGS";
const PLAIN: &str = "RUSTFLAGS";
/// What makes an executable for the processor of this machine, which the cloud's need not have.
const NATIVE: &str = "target-cpu=native";
/// How deep configuration files may include each other.
const INCLUDES: u32 = 8;

/// The source of flags that the project uses, and with it the place for ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A variable, and its value with our flag.
    Variable(&'static str, OsString),
    /// `--config` with this text.
    Setting(String),
}

/// The source, and what is dangerous about the flags in it.
#[derive(Debug)]
pub struct Flags {
    pub source: Source,
    /// Where the flags ask for this machine's processor.
    pub native: Option<String>,
}

/// Where flags are looked for.
pub struct Places<'a> {
    /// The folder that cargo runs in.
    pub folder: &'a Path,
    /// The folder above which no configuration counts.
    pub root: Option<&'a Path>,
    pub cargo_home: Option<PathBuf>,
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    pub triple: &'a str,
    /// What `rustc --print cfg` says for the target; asked only where it matters.
    pub cfg: &'a dyn Fn() -> Vec<Cfg>,
}

impl Places<'_> {
    /// Finds the source that the project uses.
    pub fn find(&self) -> Flags {
        for (name, separator) in [(ENCODED, "\u{1f}"), (PLAIN, " ")] {
            if let Some(value) = (self.variable)(name) {
                let is_native = value.to_string_lossy().contains(NATIVE);
                return Flags {
                    source: Source::Variable(name, joined(value, separator)),
                    native: is_native.then(|| name.to_owned()),
                };
            }
        }
        let files = self.files();
        let variable = format!(
            "CARGO_TARGET_{}_RUSTFLAGS",
            self.triple.to_uppercase().replace(['-', '.'], "_")
        );
        let mut of_target = self.of_target(&files);
        if let Some(value) = (self.variable)(&variable) {
            of_target.push((variable, value.to_string_lossy().into_owned()));
        }
        let (table, flags) = if of_target.is_empty() {
            let mut of_build: Vec<_> = files
                .iter()
                .filter_map(|(path, file)| {
                    let flags = flags_of(file.get("build")?)?;
                    Some((path.display().to_string(), flags))
                })
                .collect();
            let variable = "CARGO_BUILD_RUSTFLAGS";
            if let Some(value) = (self.variable)(variable) {
                of_build.push((variable.to_owned(), value.to_string_lossy().into_owned()));
            }
            ("build".to_owned(), of_build)
        } else {
            (format!("target.{}", self.triple), of_target)
        };
        let native = flags.iter().find(|(_, flags)| flags.contains(NATIVE));
        Flags {
            source: Source::Setting(format!("{table}.rustflags={}", value(&files, &table))),
            native: native.map(|(place, _)| place.clone()),
        }
    }

    /// Flags of tables that match the target, each with its place.
    fn of_target(&self, files: &[(PathBuf, Table)]) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut cfg = None;
        for (path, file) in files {
            let Some(targets) = file.get("target").and_then(Value::as_table) else {
                continue;
            };
            for (key, table) in targets {
                let Some(flags) = flags_of(table) else {
                    continue;
                };
                let is_ours = key == self.triple
                    || (key.starts_with("cfg(")
                        && Platform::from_str(key).is_ok_and(|platform| {
                            let cfg = cfg.get_or_insert_with(|| (self.cfg)());
                            platform.matches(self.triple, cfg)
                        }));
                if is_ours {
                    found.push((path.display().to_string(), flags));
                }
            }
        }
        found
    }

    /// Every configuration file of cargo's hierarchy that can be read.
    fn files(&self) -> Vec<(PathBuf, Table)> {
        let folders = self
            .folder
            .ancestors()
            .take_while(|folder| self.root.is_none_or(|root| folder.starts_with(root)))
            .map(|folder| folder.join(".cargo"))
            .chain(self.cargo_home.clone());
        let mut seen = BTreeSet::new();
        let mut files = Vec::new();
        for folder in folders {
            // The older name goes first where both exist, as in cargo.
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
}

fn read(path: &Path, depth: u32, seen: &mut BTreeSet<PathBuf>, files: &mut Vec<(PathBuf, Table)>) {
    if depth == 0 || !seen.insert(path.to_owned()) {
        return;
    }
    // What cargo cannot read, cargo reports.
    let text = fs::read_to_string(path).unwrap_or_default();
    let Ok(table) = text.parse::<Table>() else {
        return;
    };
    let includes = match table.get("include") {
        Some(Value::Array(items)) => items.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    // What is included is overridden by what includes it.
    files.push((path.to_owned(), table));
    for include in &includes {
        let name = include.as_str().or_else(|| include.get("path")?.as_str());
        if let (Some(name), Some(folder)) = (name, path.parent()) {
            read(&folder.join(name), depth - 1, seen, files);
        }
    }
}

/// Our flag in the form that the files have: cargo joins lists, refuses to join a list with a
/// text, and lets one text replace another, so that the text that counts is repeated.
fn value(files: &[(PathBuf, Table)], table: &str) -> String {
    let text = files.iter().find_map(|(_, file)| {
        let found = match table.strip_prefix("target.") {
            Some(triple) => file.get("target")?.get(triple)?,
            None => file.get(table)?,
        };
        found.get("rustflags")?.as_str()
    });
    match text {
        // What JSON escapes, TOML reads.
        Some(text) => Json::from(format!("{text} {STATIC}")).to_string(),
        None => format!("[{STATIC:?}]"),
    }
}

/// The flags of a table in one text.
fn flags_of(table: &Value) -> Option<String> {
    match table.get("rustflags")? {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let flags: Vec<_> = items.iter().filter_map(Value::as_str).collect();
            Some(flags.join(" "))
        }
        _ => None,
    }
}

fn joined(mut flags: OsString, separator: &str) -> OsString {
    if !flags.is_empty() {
        flags.push(separator);
    }
    flags.push(STATIC);
    flags
}
