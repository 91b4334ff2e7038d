//! Tools that a model may confuse, because their names or descriptions are almost the same.

use std::collections::{BTreeMap, BTreeSet};

use crate::store_rules::{Evidence, Findings, finding, name, snake_case};

/// Finds tools whose names differ only in case, in separators, or in words that mean the same.
pub fn similar(evidence: &Evidence<'_>, synonyms: &[BTreeSet<String>]) -> Findings {
    let mut known: BTreeMap<BTreeSet<String>, &str> = BTreeMap::new();
    let mut found = Vec::new();
    for tool in evidence.tools()? {
        let name = name(tool);
        let words = words(name, synonyms);
        if words.is_empty() {
            continue;
        }
        let first = *known.entry(words).or_insert(name);
        if first != name {
            found.push(finding(
                Some(tool),
                format!("the name means the same as {first}"),
            ));
        }
    }
    Ok(found)
}

/// Returns the words of a name, each replaced by the first word with the same meaning.
fn words(name: &str, synonyms: &[BTreeSet<String>]) -> BTreeSet<String> {
    let name = snake_case(name);
    let words = name.split(|character: char| !character.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    let words = words.map(|word| {
        let group = synonyms.iter().find(|group| group.contains(word));
        let first = group.and_then(BTreeSet::first);
        first.map_or_else(|| word.to_owned(), String::clone)
    });
    words.collect()
}

/// The most tools that are compared with each other.
const COMPARED: usize = 500;

/// Finds tools whose descriptions consist of almost the same words.
pub fn similar_descriptions(
    evidence: &Evidence<'_>,
    min_words: usize,
    min_percent: usize,
) -> Findings {
    let mut known: Vec<(&str, BTreeSet<String>)> = Vec::new();
    let mut found = Vec::new();
    // A word that is also in the name states what only this tool is about.
    let is_named = |name: &str, one: &BTreeSet<String>, other: &BTreeSet<String>| {
        let name = name.to_lowercase();
        let mut own = one.difference(other);
        own.any(|word| word.len() > 2 && name.contains(word.as_str()))
    };
    for tool in evidence.tools()?.iter().take(COMPARED) {
        let text = tool["description"]
            .as_str()
            .unwrap_or_default()
            .to_lowercase();
        let words = text.split(|character: char| !character.is_alphanumeric());
        let words = words.filter(|word| !word.is_empty()).map(str::to_owned);
        let words: BTreeSet<String> = words.collect();
        if words.len() < min_words {
            continue;
        }
        let name = name(tool);
        let is_close = |other_name: &str, other: &BTreeSet<String>| {
            let shared = words.intersection(other).count();
            let all = words.len() + other.len() - shared;
            let is_distinct = is_named(name, &words, other) && is_named(other_name, other, &words);
            shared * 100 >= all * min_percent && !is_distinct
        };
        let other = known.iter().find(|(name, other)| is_close(name, other));
        if let Some((other, _)) = other {
            let seen = format!("the description has almost the same words as that of {other}");
            found.push(finding(Some(tool), seen));
        }
        known.push((name, words));
    }
    Ok(found)
}
