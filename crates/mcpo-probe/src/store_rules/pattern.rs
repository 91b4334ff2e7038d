//! Regular expressions in the data file, compiled once.

use std::borrow::Cow;

use regex::Regex;
use serde::{Deserialize, Deserializer, de::Error as _};

/// A compiled pattern.
#[derive(Debug)]
pub struct Pattern(Regex);

impl Pattern {
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Regex::new(&text).map(Self).map_err(D::Error::custom)
    }
}

/// A phrase that a text must not contain.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phrase {
    pattern: Pattern,
    /// Patterns that the matching part must also match.
    #[serde(default)]
    needs: Vec<Pattern>,
    /// The match does not count if the text after it matches this pattern.
    unless_followed_by: Option<Pattern>,
    /// The match does not count inside a URL.
    #[serde(default)]
    outside_urls: bool,
}

impl Phrase {
    /// Returns the first part of `text` that is forbidden.
    pub fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        let mut matches = self.pattern.0.find_iter(text);
        let found = matches.find(|found| {
            let part = found.as_str();
            let rest = &text[found.end()..];
            let followed = self.unless_followed_by.as_ref();
            self.needs.iter().all(|needed| needed.is_match(part))
                && !followed.is_some_and(|pattern| pattern.is_match(rest))
                && !(self.outside_urls && is_in_url(text, found.start()))
        });
        found.map(|found| found.as_str())
    }
}

/// Returns true if the word at `start` is a URL.
fn is_in_url(text: &str, start: usize) -> bool {
    let before = text[..start].rsplit(char::is_whitespace).next();
    before.is_some_and(|before| before.contains("://"))
}

/// Splits `camelCase` into `camel_case`, in lower case.
pub fn snake_case(name: &str) -> String {
    let mut words = String::new();
    let mut before = None::<char>;
    for character in name.chars() {
        let starts_word = character.is_uppercase()
            && before.is_some_and(|before| before.is_lowercase() || before.is_ascii_digit());
        if starts_word {
            words.push('_');
        }
        words.extend(character.to_lowercase());
        before = Some(character);
    }
    words
}
