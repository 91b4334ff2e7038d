//! Finds the rustc flags of a project, to decide where deploy's own flag must be added.
//!
//! Cargo takes flags from one of four sources and ignores the others: `CARGO_ENCODED_RUSTFLAGS`,
//! `RUSTFLAGS`, all matching `target.*.rustflags`, and `build.rustflags`. Within a source, the
//! values of files, variables and `--config` are joined. The flag is therefore added to the source
//! that the project already uses.
//! <https://doc.rust-lang.org/cargo/reference/config.html#buildrustflags>

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    str::FromStr as _,
};

use cargo_platform::{Cfg, Platform};
use mcpo_common::cargo_config;
use serde_json::Value as Json;
use toml::Value;

/// The flag for an executable that needs no shared libraries.
pub const STATIC: &str = "-Ctarget-feature=+crt-static";
const ENCODED: &str = "CARGO_ENCODED_RUSTFLAGS";
const PLAIN: &str = "RUSTFLAGS";
/// The flag for the processor of this machine. Cloud Run's processors may lack some of its
/// instructions.
const NATIVE: &str = "target-cpu=native";

/// The source of flags that the project uses, with deploy's flag added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A variable, and its value with the flag.
    Variable(&'static str, OsString),
    /// The text for `--config`.
    Setting(String),
}

/// The source of flags, and a warning about them.
#[derive(Debug)]
pub struct Flags {
    pub source: Source,
    /// The place where the flags select this machine's processor.
    pub native: Option<String>,
}

/// The places to search for flags.
pub struct Places<'a> {
    /// The folder that cargo runs in.
    pub folder: &'a Path,
    /// The folder above which configuration files are ignored.
    pub root: Option<&'a Path>,
    pub cargo_home: Option<PathBuf>,
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    pub triple: &'a str,
    /// The output of `rustc --print cfg` for the target; called only if needed.
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
        let files = cargo_config::files(self.folder, self.root, self.cargo_home.clone());
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

    /// Returns the flags of all tables that match the target, each with its place.
    fn of_target(&self, files: &[cargo_config::File]) -> Vec<(String, String)> {
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
}

/// Returns the flag in the form that the files use. Cargo joins lists, refuses to join a list with
/// a string, and replaces one string with another; in that case, the effective string is repeated.
fn value(files: &[cargo_config::File], table: &str) -> String {
    let text = files.iter().find_map(|(_, file)| {
        let found = match table.strip_prefix("target.") {
            Some(triple) => file.get("target")?.get(triple)?,
            None => file.get(table)?,
        };
        found.get("rustflags")?.as_str()
    });
    match text {
        // A JSON string is also a valid TOML string.
        Some(text) => Json::from(format!("{text} {STATIC}")).to_string(),
        None => format!("[{STATIC:?}]"),
    }
}

/// Returns the flags of a table as one string.
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
