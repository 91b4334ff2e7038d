//! Tests of tools and of texts.

use std::collections::{BTreeMap, BTreeSet};

use mcpo_common::text::is_hidden;
use serde_json::Value;

use super::{
    outcome::{Evidence, Findings, finding, is_met},
    pattern::{Pattern, Phrase, snake_case},
    rule::Condition,
    texts::{self, Text},
};

pub fn text(evidence: &Evidence<'_>, any_of: &[String]) -> Findings {
    let places = || {
        let names = any_of.iter().map(|pointer| pointer.trim_start_matches('/'));
        names.collect::<Vec<_>>().join(" or ").replace('/', ".")
    };
    evidence.each_tool(&Condition::new(), |tool| {
        let filled = |pointer: &String| {
            let text = tool.pointer(pointer).and_then(Value::as_str);
            text.is_some_and(|text| !text.trim().is_empty())
        };
        (!any_of.iter().any(filled)).then(|| format!("no {}", places()))
    })
}

pub fn boolean(evidence: &Evidence<'_>, at: &str, when: &Condition) -> Findings {
    evidence.each_tool(when, |tool| match tool.pointer(at) {
        Some(Value::Bool(_)) => None,
        Some(other) => Some(format!("{} is {other}", last(at))),
        None => Some(format!("no {}", last(at))),
    })
}

pub fn never(evidence: &Evidence<'_>, all: &Condition) -> Findings {
    evidence.each_tool(all, |_| {
        let values = all.iter();
        let values = values.map(|(pointer, value)| format!("{} is {value}", last(pointer)));
        Some(values.collect::<Vec<_>>().join(" and "))
    })
}

pub fn value(evidence: &Evidence<'_>, at: &str, one_of: &[Value], if_present: bool) -> Findings {
    evidence.each_tool(&Condition::new(), |tool| match tool.pointer(at) {
        None if if_present => None,
        None => Some(format!("no {}", dotted(at))),
        Some(value) if one_of.contains(value) => None,
        Some(value) => Some(format!("{} is {value}", dotted(at))),
    })
}

pub fn absent(evidence: &Evidence<'_>, at: &[String]) -> Findings {
    evidence.each_tool(&Condition::new(), |tool| {
        let found = at.iter().filter(|pointer| tool.pointer(pointer).is_some());
        let found: Vec<_> = found.map(|pointer| dotted(pointer)).collect();
        (!found.is_empty()).then(|| found.join(", "))
    })
}

pub fn unique(evidence: &Evidence<'_>, at: &str) -> Findings {
    let mut seen = BTreeSet::new();
    evidence.each_tool(&Condition::new(), |tool| {
        let text = tool.pointer(at)?.as_str()?;
        (!seen.insert(text)).then(|| format!("the {} is used more than once", last(at)))
    })
}

pub fn count(evidence: &Evidence<'_>, max: usize) -> Findings {
    let count = evidence.tools()?.len();
    let many = count > max;
    let found = many.then(|| finding(None, format!("{count} tools, more than {max}")));
    Ok(found.into_iter().collect())
}

/// Tests the texts of all `places`. Fails if the probe did not get to one of them.
fn each_text<'e>(
    evidence: &Evidence<'e>,
    places: &'e [String],
    mut test: impl FnMut(&Text<'e>) -> Option<String>,
) -> Findings {
    let mut found = Vec::new();
    for place in places {
        if place.starts_with("tool-") || place.starts_with("schema-") || place.starts_with('/') {
            evidence.tools()?;
        } else {
            evidence.server()?;
        }
        for text in texts::at(evidence, place) {
            if let Some(seen) = test(&text) {
                found.push(finding(text.tool, seen));
            }
        }
    }
    Ok(found)
}

pub fn text_never<'e>(
    evidence: &Evidence<'e>,
    places: &'e [String],
    phrases: &[Phrase],
    (except, when, split_words): (Option<&Pattern>, &Condition, bool),
) -> Findings {
    each_text(evidence, places, |text| {
        if text.tool.is_some_and(|tool| !is_met(tool, when)) {
            return None;
        }
        let split = split_words.then(|| snake_case(text.content));
        let tested: &str = split.as_deref().unwrap_or(text.content);
        if except.is_some_and(|except| except.is_match(tested)) {
            return None;
        }
        let found = phrases.iter().find_map(|phrase| phrase.find(tested))?;
        Some(format!(
            "{} contains \"{}\"",
            text.place,
            found.trim_matches([' ', '_', '-', '.'])
        ))
    })
}

/// Finds texts that contain one of the phrases, in any tool.
pub fn phrases_never<'e>(
    evidence: &Evidence<'e>,
    places: &'e [String],
    phrases: &[Phrase],
) -> Findings {
    text_never(evidence, places, phrases, (None, &Condition::new(), false))
}

pub fn text_always<'e>(
    evidence: &Evidence<'e>,
    places: &'e [String],
    pattern: &Pattern,
) -> Findings {
    each_text(evidence, places, |text| {
        (!pattern.is_match(text.content)).then(|| format!("{} is \"{}\"", text.place, text.content))
    })
}

pub fn text_length<'e>(evidence: &Evidence<'e>, places: &'e [String], max: usize) -> Findings {
    each_text(evidence, places, |text| {
        let length = text.content.chars().count();
        let name = text.place.rsplit('/').next().unwrap_or(text.place);
        let name = name.replace("~1", "/");
        (length > max).then(|| format!("{name} has {length} characters, more than {max}"))
    })
}

pub fn hidden_characters<'e>(evidence: &Evidence<'e>, places: &'e [String]) -> Findings {
    each_text(evidence, places, |text| {
        let (index, character) = first_hidden(text.content)?;
        let code = u32::from(character);
        let (place, index) = (text.place, index + 1);
        Some(format!(
            "{place} contains U+{code:04X} as character {index}"
        ))
    })
}

/// Returns the first hidden character and its index. Joiners inside emoji and inside words of
/// scripts that need them are visible in effect, and so are the tag characters of flags.
fn first_hidden(text: &str) -> Option<(usize, char)> {
    const FLAG: char = '\u{1f3f4}';
    let mut before = None;
    let mut in_flag = false;
    let mut characters = text.chars().enumerate().peekable();
    while let Some((index, character)) = characters.next() {
        let is_tag = matches!(character, '\u{e0020}'..='\u{e007f}');
        in_flag = character == FLAG || (in_flag && is_tag);
        let joins = matches!(character, '\u{200c}' | '\u{200d}');
        let is_joined =
            |other: Option<char>| other.is_some_and(|other| !other.is_ascii() && !is_hidden(other));
        let next = characters.peek().map(|(_, next)| *next);
        let allowed = matches!(character, '\t' | '\n' | '\r')
            || (is_tag && in_flag)
            || (joins && is_joined(before) && is_joined(next));
        if is_hidden(character) && !allowed {
            return Some((index, character));
        }
        before = Some(character);
    }
    None
}

pub fn description_words(evidence: &Evidence<'_>, min: usize) -> Findings {
    let mut known = BTreeMap::new();
    evidence.each_tool(&Condition::new(), |tool| {
        let text = tool.get("description")?.as_str()?.trim();
        if text.is_empty() {
            return None;
        }
        let words = text.split_whitespace().count();
        if words < min {
            return Some(format!("\"{text}\" has {words} words, fewer than {min}"));
        }
        let name = super::outcome::name(tool);
        let named = [Some(name), texts::title(tool)];
        let mut named = named.into_iter().flatten();
        if named.any(|other| plain(other) == plain(text)) {
            return Some("the description only repeats the name".to_owned());
        }
        let other = *known.entry(text).or_insert(name);
        (other != name).then(|| format!("the description is also that of {other}"))
    })
}

/// Returns the letters and digits of `text` in lower case.
fn plain(text: &str) -> String {
    let letters = text.chars().filter(|character| character.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// Returns the last part of a JSON pointer.
fn last(pointer: &str) -> &str {
    pointer.rsplit('/').next().unwrap_or(pointer)
}

/// Returns a JSON pointer in the notation of most languages.
fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}
