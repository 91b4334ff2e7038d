//! The published rules of stores for remote MCP servers, applied to the results of a probe.
//!
//! The rules are data (`rules.json`, each with its source and the date of the source). The code
//! knows kinds of tests, and no rule by its id.

#[cfg(feature = "json-schema")]
mod json_schema;
mod outcome;
mod pattern;
mod report;
mod results;
mod rule;
mod schemas;
mod server;
#[cfg(test)]
mod tests;
mod texts;
mod tools;

pub use self::{
    outcome::{Evidence, StoreFinding},
    report::{Readiness, RuleOutcome, RuleResult, RuleVerdict, StoreReport},
    rule::{Certainty, Level, StoreRule, date},
};
pub(crate) use self::{
    outcome::{Findings, finding, name},
    pattern::{Pattern, Phrase, snake_case},
    schemas::{each_property, properties_described, property_never},
    tools::{hidden_characters, phrases_never},
};
use self::{rule::Test, server::CheckTest};
use crate::store::Store;

/// Checks all rules of `stores`.
pub fn evaluate(stores: &[Store], evidence: &Evidence<'_>) -> StoreReport {
    // Reading the rules compiles all patterns, which other probes do not need.
    if stores.is_empty() {
        return StoreReport::default();
    }
    let rules = rule::all().iter();
    let rules = rules.filter(|rule| stores.iter().any(|store| rule.stores.contains_key(store)));
    let results = rules.map(|rule| RuleResult {
        rule,
        outcome: judge(rule, evidence),
    });
    let results = results.collect();
    StoreReport::new(stores, results, evidence)
}

fn judge(rule: &'static StoreRule, evidence: &Evidence<'_>) -> RuleOutcome {
    let mut found = Vec::new();
    let mut because = None;
    for test in &rule.tests {
        match run(test, evidence) {
            Ok(findings) => found.extend(findings),
            Err(reason) => because = because.or(Some(reason)),
        }
    }
    // A violation counts even if another test of the rule could not run.
    match (found.is_empty(), because) {
        (false, _) => RuleOutcome::broken(found),
        (true, Some(because)) => RuleOutcome::NotChecked { because },
        (true, None) => RuleOutcome::Passed,
    }
}

fn run(test: &'static Test, evidence: &Evidence<'_>) -> Findings {
    match test {
        Test::ToolText { any_of } => tools::text(evidence, any_of),
        Test::ToolBoolean { at, when } => tools::boolean(evidence, at, when),
        Test::ToolNever { all } => tools::never(evidence, all),
        Test::ToolValue {
            at,
            one_of,
            if_present,
        } => tools::value(evidence, at, one_of, *if_present),
        Test::ToolAbsent { at } => tools::absent(evidence, at),
        Test::ToolUnique { at } => tools::unique(evidence, at),
        Test::ToolCount { max } => tools::count(evidence, *max),
        Test::TextNever {
            places,
            phrases,
            except,
            when,
            split_words,
        } => {
            let limits = (except.as_ref(), when, *split_words);
            tools::text_never(evidence, places, phrases, limits)
        }
        Test::TextAlways { places, pattern } => tools::text_always(evidence, places, pattern),
        Test::TextLength { places, max } => tools::text_length(evidence, places, *max),
        Test::HiddenCharacters { places } => tools::hidden_characters(evidence, places),
        Test::DescriptionWords { min } => tools::description_words(evidence, *min),
        Test::PropertyNever { pattern, except } => {
            schemas::property_never(evidence, pattern, except.as_ref())
        }
        Test::PropertiesTogether { groups } => schemas::properties_together(evidence, groups),
        Test::EnumNeverMixes { groups } => schemas::enum_never_mixes(evidence, groups),
        Test::PropertiesDescribed => schemas::properties_described(evidence),
        #[cfg(feature = "json-schema")]
        Test::JsonSchema { at } => json_schema::valid(evidence, at),
        #[cfg(not(feature = "json-schema"))]
        Test::JsonSchema { at } => Err(without_validator(at)),
        Test::ResultHasSchema => results::has_schema(evidence),
        #[cfg(feature = "json-schema")]
        Test::ResultMatchesSchema => results::matches_schema(evidence),
        #[cfg(not(feature = "json-schema"))]
        Test::ResultMatchesSchema => Err(without_validator("structuredContent")),
        Test::ResultTextFallback => results::text_fallback(evidence),
        Test::ResultSize { max } => results::size(evidence, *max),
        Test::ResultKeysNever { pattern } => results::keys_never(evidence, pattern),
        Test::ResultTextNever { pattern } => results::text_never(evidence, pattern),
        Test::ServerUrl { at, max } => server::url(evidence, at, *max),
        Test::HttpsPort => server::https_port(evidence),
        Test::DomainVerification { min, max } => server::domain_verification(evidence, *min, *max),
        Test::ProbeCheck {
            checks,
            clients,
            warnings_count,
            unless_failed,
            hint,
        } => {
            let test = CheckTest {
                checks,
                clients,
                warnings_count: *warnings_count,
                unless_failed: unless_failed.as_deref(),
                hint: hint.as_deref(),
            };
            server::check(evidence, &test)
        }
        Test::ByHand { because } => Err(because.clone()),
    }
}

/// Returns why a rule is not checked in a build without a validator of JSON Schema.
#[cfg(not(feature = "json-schema"))]
fn without_validator(what: &str) -> String {
    format!("{what} is not validated: mcpo was built without the feature json-schema")
}
