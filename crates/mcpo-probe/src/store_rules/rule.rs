//! The rules of the stores: data, in `rules.json`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use serde::Deserialize;
use serde_json::Value;

use super::pattern::{Pattern, Phrase};
use crate::store::Store;

/// A published rule of one or more stores.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreRule {
    /// Stable id, for scripts.
    pub id: String,
    /// What a server that follows the rule does.
    pub title: String,
    /// The stores that publish it, and how binding it is there.
    pub stores: BTreeMap<Store, Level>,
    /// How certain a violation is.
    pub certainty: Certainty,
    /// How to fix a violation.
    pub fix: String,
    /// The page that publishes the rule.
    pub source: String,
    /// The date on which the page was read, or the date of the page itself.
    pub source_date: String,
    /// The words of the page; `unknown` if they were not copied.
    pub quote: String,
    /// All of these tests must pass.
    pub(super) tests: Vec<Test>,
}

/// How binding a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// The store publishes it as a criterion, or checks it by machine.
    Required,
    /// Published advice, the MCP specification, or reported behavior of a client.
    Recommended,
}

impl Level {
    /// Returns the name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Recommended => "recommended",
        }
    }
}

/// How certain a violation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// Decided by machine.
    Proven,
    /// A guess from names and texts.
    Likely,
}

/// Values at JSON pointers; all of them must be equal.
pub type Condition = BTreeMap<String, Value>;

/// A test with its parameters. `in` lists places of texts, see [`super::texts`]; `at` is a JSON
/// pointer into a tool.
#[derive(Debug, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "snake_case",
    deny_unknown_fields
)]
pub(super) enum Test {
    /// Each tool has a text that is not blank at one of these pointers.
    ToolText { any_of: Vec<String> },
    /// Each tool that meets the condition has `true` or `false` at this pointer.
    ToolBoolean {
        at: String,
        #[serde(default)]
        when: Condition,
    },
    /// No tool meets the condition.
    ToolNever { all: Condition },
    /// Each tool has one of these values at this pointer.
    ToolValue {
        at: String,
        one_of: Vec<Value>,
        #[serde(default)]
        if_present: bool,
    },
    /// No tool has a value at one of these pointers.
    ToolAbsent { at: Vec<String> },
    /// No two tools have the same text at this pointer.
    ToolUnique { at: String },
    /// There are at most this many tools.
    ToolCount { max: usize },
    /// No text contains one of the phrases.
    TextNever {
        #[serde(rename = "in")]
        places: Vec<String>,
        phrases: Vec<Phrase>,
        /// Texts that match this pattern are not tested.
        except: Option<Pattern>,
        /// Only tools that meet the condition are tested.
        #[serde(default)]
        when: Condition,
        /// `camelCase` is split into words first.
        #[serde(default)]
        split_words: bool,
    },
    /// Each text matches the pattern.
    TextAlways {
        #[serde(rename = "in")]
        places: Vec<String>,
        pattern: Pattern,
    },
    /// Each text has at most this many characters.
    TextLength {
        #[serde(rename = "in")]
        places: Vec<String>,
        max: usize,
    },
    /// No text contains characters that people cannot see.
    HiddenCharacters {
        #[serde(rename = "in")]
        places: Vec<String>,
    },
    /// Each description has at least this many words, and says more than the name and the title.
    DescriptionWords { min: usize },
    /// No argument that can be a string has a name that matches the pattern.
    PropertyNever {
        pattern: Pattern,
        except: Option<Pattern>,
    },
    /// No tool has an argument of each group.
    PropertiesTogether { groups: Vec<BTreeSet<String>> },
    /// No list of allowed values has a value of each group.
    EnumNeverMixes { groups: Vec<BTreeSet<String>> },
    /// Each argument has a description.
    PropertiesDescribed,
    /// The schema at this pointer is valid, if there is one.
    JsonSchema { at: String },
    /// A tool whose result has structured content declares its schema.
    ResultHasSchema,
    /// Structured content matches the declared schema.
    ResultMatchesSchema,
    /// A result with structured content also has a text.
    ResultTextFallback,
    /// A result has at most this many characters.
    ResultSize { max: usize },
    /// No member of a result has a name that matches the pattern.
    ResultKeysNever { pattern: Pattern },
    /// No text of a result matches the pattern; the text is never shown.
    ResultTextNever { pattern: Pattern },
    /// The server's info has an https URL at this pointer.
    ServerUrl { at: String, max: usize },
    /// The server uses https on port 443.
    HttpsPort,
    /// The document for the domain verification is a plain token.
    DomainVerification { min: usize, max: usize },
    /// A check of the probe decides.
    ProbeCheck {
        checks: Vec<String>,
        /// The clients that the probe must imitate; any if empty.
        #[serde(default, rename = "as")]
        clients: Vec<String>,
        /// Whether a warning counts as a violation.
        #[serde(default = "yes")]
        warnings_count: bool,
        /// Why the rule is not fully checked even if the check passes.
        unless_failed: Option<String>,
        /// What to add to the command if the check did not run.
        hint: Option<String>,
    },
    /// The probe cannot check the rule.
    ByHand { because: String },
}

const fn yes() -> bool {
    true
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    rules_date: String,
    rules: Vec<StoreRule>,
}

static CATALOGUE: LazyLock<Catalogue> =
    // The file is compiled in, and a test parses it.
    LazyLock::new(|| serde_json::from_str(include_str!("rules.json")).unwrap_or_default());

/// Returns all rules, in the order of the reports.
pub fn all() -> &'static [StoreRule] {
    &CATALOGUE.rules
}

/// Returns the date on which the rules were last compared with the pages of the stores.
pub fn date() -> &'static str {
    &CATALOGUE.rules_date
}

#[cfg(test)]
pub(super) fn parse() -> Result<Vec<StoreRule>, serde_json::Error> {
    let catalogue: Catalogue = serde_json::from_str(include_str!("rules.json"))?;
    Ok(catalogue.rules)
}
