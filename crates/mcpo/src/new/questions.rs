//! Asks the questions of a template (`[placeholders]` in its `cargo-generate.toml`).
//!
//! cargo-generate would print the template's texts to the terminal unchanged. Here all hidden
//! characters are escaped first, so that escape codes cannot change what the user reads.

use std::{
    fs,
    io::{self, BufRead as _, Write as _},
    path::Path,
};

use mcpo_common::{
    error::{Failure, Outcome},
    text::clean,
};
use toml::{Table, Value};

const SETTINGS: &str = "cargo-generate.toml";
/// Variables that cargo-generate or mcpo define.
const GIVEN: &[&str] = &[
    "runtime_dependency",
    "project-name",
    "crate_name",
    "crate_type",
    "authors",
];

/// One question.
struct Question<'t> {
    name: &'t str,
    prompt: &'t str,
    default: Option<String>,
    choices: Vec<&'t str>,
}

/// Asks the questions that `defined` does not answer. Returns the answers as `NAME=VALUE`.
pub fn ask(template: &Path, defined: &[String]) -> Outcome<Vec<String>> {
    let text = fs::read_to_string(template.join(SETTINGS)).unwrap_or_default();
    // cargo-generate reports a file that cannot be parsed, with the position of the error.
    let settings: Table = text.parse().unwrap_or_default();
    let Some(placeholders) = settings.get("placeholders").and_then(Value::as_table) else {
        return Ok(Vec::new());
    };
    let mut answers = Vec::new();
    for (name, placeholder) in placeholders {
        let is_defined = |known: &String| known.split('=').next() == Some(name);
        if GIVEN.contains(&name.as_str()) || defined.iter().any(is_defined) {
            continue;
        }
        let question = Question::read(name, placeholder);
        let answer = question.ask().map_err(|error| {
            Failure::new(format!("failed to read the answer for {}", clean(name)))
                .because(&error)
                .hint("answer it with --define NAME=VALUE")
        })?;
        answers.extend(answer.map(|answer| format!("{name}={answer}")));
    }
    Ok(answers)
}

impl<'t> Question<'t> {
    fn read(name: &'t str, placeholder: &'t Value) -> Self {
        let text = |key: &str| placeholder.get(key).and_then(Value::as_str);
        let choices = placeholder.get("choices").and_then(Value::as_array);
        let default = placeholder.get("default").and_then(|value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Boolean(switch) => Some(switch.to_string()),
            _ => None,
        });
        let mut choices: Vec<&str> = choices
            .map(|all| all.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        if text("type") == Some("bool") {
            choices = vec!["true", "false"];
        }
        Self {
            name,
            prompt: text("prompt").unwrap_or(name),
            default,
            choices,
        }
    }

    /// Returns the answer, or `None` if the user accepts the default.
    fn ask(&self) -> io::Result<Option<String>> {
        let mut lines = io::stdin().lock().lines();
        loop {
            write!(io::stderr(), "{}", self.text())?;
            io::stderr().flush()?;
            let Some(line) = lines.next() else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            let line = line?;
            let answer = line.trim();
            if answer.is_empty() && self.default.is_some() {
                return Ok(None);
            }
            let fits = self.choices.is_empty() || self.choices.contains(&answer);
            if fits && !answer.is_empty() {
                return Ok(Some(answer.to_owned()));
            }
        }
    }

    fn text(&self) -> String {
        let mut parts = vec![format!("{} ({})", clean(self.prompt), clean(self.name))];
        if !self.choices.is_empty() {
            let choices: Vec<_> = self.choices.iter().map(|choice| clean(choice)).collect();
            parts.push(format!("[{}]", choices.join(", ")));
        }
        if let Some(default) = &self.default {
            parts.push(format!("[default: {}]", clean(default)));
        }
        parts.join(" ") + ": "
    }
}

#[cfg(test)]
mod tests {
    use toml::Value;

    use super::Question;

    #[test]
    fn hidden_characters_of_a_question_are_spelled_out() {
        let placeholder: Value = toml::from_str(
            "prompt = \"Name?\\u001b[2J\"\ndefault = \"a\\u202eb\"\nchoices = [\"x\\u0007\"]",
        )
        .unwrap();
        assert_eq!(
            Question::read("na\u{200b}me", &placeholder).text(),
            r"Name?\u{1b}[2J (na\u{200b}me) [x\u{7}] [default: a\u{202e}b]: "
        );
    }
}
