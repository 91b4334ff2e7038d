//! Validates project names, before anything is written. A valid name works for cargo, rustc, and
//! every file system.

use std::fmt;

use check_keyword::CheckKeyword as _;
use mcpo_common::error::{Failure, Outcome};

/// Crates of the standard library, and names that cargo reserves.
const RESERVED: &[&str] = &["alloc", "core", "proc_macro", "std", "test"];
/// Names of folders in `target/debug`, where the executable would be written.
const BUILD_FOLDERS: &[&str] = &["build", "deps", "examples", "incremental"];
/// Dependencies of the project itself.
const DEPENDENCIES: &[&str] = &[
    "mcpo_runtime",
    "mcpo_runtime_oauth",
    "rmcp",
    "schemars",
    "serde",
];
/// Device names, which are invalid as file names on Windows.
const DEVICES: &[&str] = &["aux", "con", "nul", "prn"];
/// The registry's limit for the length of a name.
const LONGEST: usize = 64;

/// A valid package name that builds without warnings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectName(String);

impl ProjectName {
    /// Validates a name. The error states the broken rule and suggests a similar valid name.
    pub fn parse(unverified: &str) -> Outcome<Self> {
        let Err(fault) = check(unverified) else {
            return Ok(Self(unverified.to_owned()));
        };
        let what = format!("invalid project name `{unverified}`: {fault}");
        Err(Failure::new(what).hint(way_out(unverified)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of the crate in Rust code.
    pub fn crate_name(&self) -> String {
        crate_name(&self.0)
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

fn crate_name(name: &str) -> String {
    name.replace('-', "_")
}

/// Returns an error for the first rule that `name` breaks.
fn check(name: &str) -> Result<(), String> {
    let Some(first) = name.chars().next() else {
        return Err("it is empty".to_owned());
    };
    if name == "." || name == ".." || name.contains(['/', '\\']) {
        return Err("it is a path".to_owned());
    }
    if let Some(wrong) = name
        .chars()
        .find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'))
    {
        return Err(format!(
            "{wrong:?} is not a letter from a to z, a digit, `-` or `_`"
        ));
    }
    if !first.is_ascii_alphabetic() {
        return Err("it does not start with a letter".to_owned());
    }
    if name.chars().any(|c| c.is_ascii_uppercase()) {
        return Err("rustc warns about upper-case letters in a crate's name".to_owned());
    }
    let plain = crate_name(name);
    if plain.ends_with('_') || plain.contains("__") {
        return Err(
            "`-` and `_` may appear only one at a time, between letters or digits".to_owned(),
        );
    }
    if name.len() > LONGEST {
        return Err(format!("it is longer than {LONGEST} characters"));
    }
    reserved(&plain)
}

fn reserved(name: &str) -> Result<(), String> {
    let numbered_device = name
        .strip_prefix("com")
        .or_else(|| name.strip_prefix("lpt"))
        .is_some_and(|number| matches!(number.as_bytes(), [b'1'..=b'9']));
    let reason = if name.is_keyword() {
        "it is a Rust keyword"
    } else if RESERVED.contains(&name) {
        "it is the name of a crate of the standard library"
    } else if BUILD_FOLDERS.contains(&name) {
        "it is the name of a build folder of cargo"
    } else if DEPENDENCIES.contains(&name) {
        "the project depends on a crate with this name"
    } else if numbered_device || DEVICES.contains(&name) {
        "it is the name of a device on Windows"
    } else {
        return Ok(());
    };
    Err(reason.to_owned())
}

/// Returns the command to type instead.
fn way_out(name: &str) -> String {
    let last = name
        .trim_end_matches(['/', '\\'])
        .rsplit(['/', '\\'])
        .next();
    let suggestion = suggest(last.unwrap_or_default());
    if name.contains(['/', '\\']) {
        format!("mcpo new {suggestion} --path {name}")
    } else {
        format!("mcpo new {suggestion}")
    }
}

/// Returns the nearest valid name.
fn suggest(name: &str) -> String {
    let mut fixed = String::new();
    let mut previous = ' ';
    for c in name.chars() {
        // Two words written as one: `MyService`.
        let hump = c.is_ascii_uppercase() && previous.is_ascii_lowercase();
        previous = c;
        if (hump || !c.is_ascii_alphanumeric()) && !fixed.is_empty() && !fixed.ends_with(['-', '_'])
        {
            fixed.push(if c == '_' { '_' } else { '-' });
        }
        if c.is_ascii_alphanumeric() && (c.is_ascii_alphabetic() || !fixed.is_empty()) {
            fixed.push(c.to_ascii_lowercase());
        }
    }
    fixed.truncate(LONGEST);
    let fixed = fixed.trim_end_matches(['-', '_']);
    match check(fixed) {
        Ok(()) => fixed.to_owned(),
        Err(_) if fixed.is_empty() => "my-service".to_owned(),
        Err(_) => format!("{fixed}-server"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suggestion_is_itself_valid() {
        let odd = [
            "", "-", "9", "9lives", "Ünï", "a__b", "self", "_", "a-", "x y z", "CON", "日本",
        ];
        for name in odd.into_iter().chain([&*"x".repeat(80), &*"a-".repeat(40)]) {
            let suggestion = suggest(name);
            assert_eq!(check(&suggestion), Ok(()), "{name:?} became {suggestion:?}");
        }
    }

    #[test]
    fn suggestions_stay_close() {
        assert_eq!(suggest("MyService"), "my-service");
        assert_eq!(suggest("my service"), "my-service");
        assert_eq!(suggest("2fast"), "fast");
        assert_eq!(suggest("test"), "test-server");
        assert_eq!(suggest("über-menu"), "ber-menu");
    }
}
