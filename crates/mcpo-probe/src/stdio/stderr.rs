//! The last lines that a server wrote to stderr, and the cause that they name.

use std::{
    collections::VecDeque,
    sync::{LazyLock, Mutex, PoisonError},
};

use mcpo_common::text::clean_to;
use regex::Regex;

/// How many lines are kept.
const KEPT: usize = 20;
/// How many lines, and how many characters of them, a report shows.
const SHOWN: usize = 3;
const SHOWN_CHARACTERS: usize = 180;

/// The last lines; the oldest one is dropped first.
#[derive(Debug, Default)]
pub struct LastLines(Mutex<VecDeque<String>>);

impl LastLines {
    pub fn push(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// Returns the last lines that say something: no stack frames, no empty lines. `hide` removes the
    /// secrets of a line before the line is cut.
    pub fn relevant(&self, hide: impl Fn(&str) -> String) -> Vec<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left = SHOWN_CHARACTERS;
        let mut relevant = Vec::new();
        let last = lines.iter().rev().filter(|line| is_relevant(line));
        for line in last.take(SHOWN) {
            let line = clean_to(&hide(line), left);
            left = left.saturating_sub(line.chars().count());
            relevant.push(line);
            if left == 0 {
                break;
            }
        }
        relevant.reverse();
        relevant
    }

    /// Returns the name of an environment variable that the lines ask for.
    pub fn missing_variable(&self) -> Option<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().rev().find_map(|line| variable(line))
    }
}

/// Stack traces of Node.js and Python end with lines that do not name the error.
fn is_relevant(line: &str) -> bool {
    let text = line.trim();
    let is_frame = text.starts_with("at ") || text.starts_with("File \"");
    let is_rest = text.starts_with("Node.js v") || text.chars().all(|part| "{}^~ ".contains(part));
    !text.is_empty() && !is_frame && !is_rest
}

/// The words around the name of a missing variable.
static ASKS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)environment|\benv\b|required|must be|not set|\bset\b|missing|undefined|provide|keyerror|not found",
    )
    .ok()
});
static NAME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b").ok());

fn variable(line: &str) -> Option<String> {
    let (asks, name) = (ASKS.as_ref()?, NAME.as_ref()?);
    if !asks.is_match(line) {
        return None;
    }
    // Codes of errors have the same form as names of variables.
    let is_code = |name: &str| name.starts_with("ERR_") || name.ends_with("_NOT_FOUND");
    let mut names = name.find_iter(line).map(|found| found.as_str());
    names.find(|name| !is_code(name)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{LastLines, variable};

    #[test]
    fn missing_variables_are_named() {
        for line in [
            "Error: GITHUB_TOKEN environment variable is required",
            "KeyError: 'GITHUB_TOKEN'",
            "Please set GITHUB_TOKEN.",
            "missing env GITHUB_TOKEN",
        ] {
            assert_eq!(variable(line).as_deref(), Some("GITHUB_TOKEN"), "{line}");
        }
        for line in [
            "GITHUB_TOKEN accepted",
            "code: 'MODULE_NOT_FOUND', not found",
            "a token is required",
            "Error [ERR_MODULE_NOT_FOUND]: Cannot find package, required by x",
        ] {
            assert_eq!(variable(line), None, "{line}");
        }
    }

    #[test]
    fn stack_traces_are_reduced_to_the_error() {
        let lines = LastLines::default();
        for line in [
            "start",
            "Error: no file",
            "    at x (a.js:1)",
            "",
            "}",
            "Node.js v22.1.0",
        ] {
            lines.push(line.to_owned());
        }
        let relevant = || lines.relevant(str::to_owned);
        assert_eq!(relevant(), ["start", "Error: no file"]);
        for number in 0..100 {
            lines.push(number.to_string());
        }
        assert_eq!(relevant(), ["97", "98", "99"]);
        lines.push(format!("{}secret", " .".repeat(88)));
        let relevant = lines.relevant(|line| line.replace("secret", "…"));
        assert!(!relevant.concat().contains("sec"), "{relevant:?}");
    }
}
