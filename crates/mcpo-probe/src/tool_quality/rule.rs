//! The rules about tools, as `rules.json` lists them.

use std::{collections::BTreeSet, sync::LazyLock};

use serde::Deserialize;

use crate::store_rules::{Pattern, Phrase};

/// A rule about tools.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolRule {
    /// Stable id, for scripts.
    pub id: String,
    /// What is wrong.
    pub title: String,
    /// How to fix it.
    pub fix: String,
    /// The page that the rule is based on, if there is one.
    pub source: Option<String>,
    /// The date of the page, or the date on which it was read.
    pub source_date: Option<String>,
    /// Each of these tests can find a problem.
    pub(super) tests: Vec<Test>,
}

/// A test with its parameters. `in` lists places of texts, as in the rules of stores.
#[derive(Debug, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "snake_case",
    deny_unknown_fields
)]
pub(super) enum Test {
    /// A text contains one of the phrases.
    Text {
        #[serde(rename = "in")]
        places: Vec<String>,
        phrases: Vec<Phrase>,
    },
    /// A text contains characters that people cannot see.
    HiddenCharacters {
        #[serde(rename = "in")]
        places: Vec<String>,
    },
    /// An argument that can be a string has a name that matches the pattern.
    Property {
        pattern: Pattern,
        except: Option<Pattern>,
    },
    /// An argument has no description.
    PropertiesDescribed,
    /// The description of an argument without `enum` lists its values.
    ValuesInText { pattern: Pattern },
    /// Two names differ only in words that mean the same. Each group is a list of such words.
    SimilarNames { synonyms: Vec<BTreeSet<String>> },
    /// Two descriptions share at least this many percent of their words.
    SimilarDescriptions {
        min_words: usize,
        min_percent: usize,
    },
}

static RULES: LazyLock<Vec<ToolRule>> =
    // The file is compiled in, and a test parses it.
    LazyLock::new(|| parse().unwrap_or_default());

/// Returns all rules, in the order of the reports.
pub fn all() -> &'static [ToolRule] {
    &RULES
}

pub(super) fn parse() -> Result<Vec<ToolRule>, serde_json::Error> {
    serde_json::from_str(include_str!("rules.json"))
}
