//! How well a model can use the tools: their cost in tokens, names that are easily confused, missing
//! descriptions, and texts that try to control the model.
//!
//! All findings are warnings: none of them changes the result of a probe. The rules are data
//! (`rules.json`, with sources where one exists). The code knows kinds of tests, and no rule by its
//! id.

mod cost;
mod names;
mod report;
mod rule;
#[cfg(test)]
mod tests;
mod tokens;
mod values;

pub use self::{
    cost::{ContextShare, TokenCost},
    report::{ToolFinding, ToolReport},
    rule::ToolRule,
    tokens::estimate_tokens,
};

use self::rule::Test;
use crate::store_rules::{
    Evidence, Findings, hidden_characters, phrases_never, properties_described, property_never,
};

/// Judges the tools that the server listed; `None` if the probe did not get the list.
pub fn evaluate(evidence: &Evidence<'_>) -> Option<ToolReport> {
    let tools = evidence.seen.tools.as_deref()?;
    let mut findings = Vec::new();
    for rule in rule::all() {
        // Without the server's info, the other places of the rule are still tested.
        for test in &rule.tests {
            let found = run(test, evidence).unwrap_or_default();
            findings.extend(found.iter().map(|found| ToolFinding::new(rule, found)));
        }
    }
    Some(ToolReport::new(tools, findings))
}

fn run(test: &'static Test, evidence: &Evidence<'_>) -> Findings {
    match test {
        Test::Text { places, phrases } => phrases_never(evidence, places, phrases),
        Test::HiddenCharacters { places } => hidden_characters(evidence, places),
        Test::Property { pattern, except } => property_never(evidence, pattern, except.as_ref()),
        Test::PropertiesDescribed => properties_described(evidence),
        Test::ValuesInText { pattern } => values::in_text(evidence, pattern),
        Test::SimilarNames { synonyms } => names::similar(evidence, synonyms),
        Test::SimilarDescriptions {
            min_words,
            min_percent,
        } => names::similar_descriptions(evidence, *min_words, *min_percent),
    }
}
