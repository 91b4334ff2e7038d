//! The rules that make up a limit.
//!
//! A path selects values in the resource: `template.containers[].env[].name` selects the names of
//! all variables. Absent and empty values are not selected; the rule `required` requires them.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Subject,
    forms::{self, IdForm},
    regions,
    resources::ResourceRule,
};

/// A field and the value that it has if it is absent or zero.
type Defaulted = (String, i64);

/// One rule.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Rule {
    /// The resource's id has this form and a length in bytes in this range.
    Id {
        form: IdForm,
        length: (usize, usize),
    },
    /// The region in the request's path is known, or one of `also`.
    Location {
        also: Vec<String>,
    },
    /// The values are known regions, in any case, or one of `also`.
    Region {
        path: String,
        also: Vec<String>,
    },
    /// The field is neither absent nor empty.
    Required {
        each: String,
        field: String,
    },
    Range {
        path: String,
        within: (i64, i64),
    },
    /// The values are durations such as `3.5s`, in this range.
    Seconds {
        path: String,
        within: (f64, f64),
    },
    /// Each list has at most this many items.
    Items {
        path: String,
        most: usize,
    },
    /// At most this many values are selected.
    Count {
        path: String,
        most: usize,
    },
    Characters {
        path: String,
        most: usize,
    },
    Bytes {
        path: String,
        most: usize,
    },
    Labels(String),
    KeysWithoutPrefix {
        paths: Vec<String>,
        prefixes: Vec<String>,
    },
    TextWithout {
        path: String,
        /// None of these characters.
        characters: String,
        prefixes: Vec<String>,
        words: Vec<String>,
    },
    /// Within each, no value occurs twice.
    Unique {
        each: String,
        path: String,
    },
    /// At least `least` and at most one of the fields is present.
    OneOf {
        each: Vec<String>,
        fields: Vec<String>,
        least: usize,
    },
    NotGreater {
        each: Vec<String>,
        field: Defaulted,
        than: Defaulted,
    },
    Product {
        each: String,
        factors: Vec<Defaulted>,
        most: i64,
    },
    /// The tag is a name, and `TAG---SERVICE-NUMBER` has at most this many characters.
    TagInHostName {
        path: String,
        longest: usize,
    },
    Members {
        path: String,
        words: Vec<String>,
        before_email: Vec<String>,
        before_text: Vec<String>,
    },
    Roles {
        path: String,
        words: Vec<String>,
        services: Vec<String>,
    },
    /// A rule about the CPU and the memory.
    #[serde(untagged)]
    Resources(ResourceRule),
}

impl Rule {
    /// Returns true if the resource complies with the rule.
    pub fn holds(&self, it: &Subject<'_>) -> bool {
        let all = |path: &str, holds: &dyn Fn(&Value) -> bool| {
            select(it.body, path).into_iter().all(holds)
        };
        let texts =
            |path: &str, holds: &dyn Fn(&str) -> bool| all(path, &|value| holds(text(value)));
        match self {
            Self::Id {
                form,
                length: (least, most),
            } => (*least..=*most).contains(&it.id.len()) && form.matches(it.id),
            Self::Location { also } => is_region(it.location, also),
            Self::Region { path, also } => texts(path, &|region| is_region(region, also)),
            Self::Required { each, field } => all(each, &|one| !select(one, field).is_empty()),
            Self::Range {
                path,
                within: (least, most),
            } => all(path, &|value| {
                value
                    .as_i64()
                    .is_some_and(|number| (*least..=*most).contains(&number))
            }),
            Self::Seconds {
                path,
                within: (least, most),
            } => texts(path, &|duration| {
                let seconds = duration.trim_end_matches('s').parse::<f64>();
                seconds.is_ok_and(|seconds| (*least..=*most).contains(&seconds))
            }),
            Self::Items { path, most } => all(path, &|list| {
                list.as_array().is_none_or(|items| items.len() <= *most)
            }),
            Self::Count { path, most } => select(it.body, path).len() <= *most,
            Self::Characters { path, most } => texts(path, &|text| text.chars().count() <= *most),
            Self::Bytes { path, most } => texts(path, &|text| text.len() <= *most),
            Self::Labels(path) => all(path, &forms::are_labels),
            Self::KeysWithoutPrefix { paths, prefixes } => paths
                .iter()
                .all(|path| all(path, &|map| has_no_key_with(map, prefixes))),
            Self::TextWithout {
                path,
                characters,
                prefixes,
                words,
            } => texts(path, &|text| {
                !text.contains(|c| characters.contains(c))
                    && !starts_with_any(text, prefixes)
                    && !words.iter().any(|word| word == text)
            }),
            Self::Unique { each, path } => all(each, &|one| are_unique(&select(one, path))),
            Self::OneOf {
                each,
                fields,
                least,
            } => each
                .iter()
                .all(|each| all(each, &|one| (*least..=1).contains(&count(one, fields)))),
            Self::NotGreater { each, field, than } => each
                .iter()
                .all(|each| all(each, &|one| number(one, field) <= number(one, than))),
            Self::Product {
                each,
                factors,
                most,
            } => all(each, &|one| {
                factors
                    .iter()
                    .map(|factor| number(one, factor))
                    .product::<i64>()
                    <= *most
            }),
            Self::TagInHostName { path, longest } => texts(path, &|tag| {
                let label = format!("{tag}---{}-123456789012", it.id);
                IdForm::Name.matches(tag) && label.len() <= *longest
            }),
            Self::Members {
                path,
                words,
                before_email,
                before_text,
            } => texts(path, &|member| {
                words.iter().any(|word| word == member)
                    || forms::is_member(member, before_email, before_text)
            }),
            Self::Roles {
                path,
                words,
                services,
            } => texts(path, &|role| {
                words.iter().any(|word| word == role) || forms::is_role(role, services)
            }),
            Self::Resources(rule) => rule.holds(it.body),
        }
    }
}

/// Returns the values at a path. An empty path selects the value itself.
fn select<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut found = vec![value];
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let name = part.trim_end_matches("[]");
        let fields = found.into_iter().map(|value| &value[name]);
        found = if part.ends_with("[]") {
            fields.filter_map(Value::as_array).flatten().collect()
        } else {
            fields.collect()
        };
    }
    found.retain(|value| !is_empty(value));
    found
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn number(value: &Value, (field, default): &Defaulted) -> i64 {
    let number = value[field].as_i64().filter(|number| *number != 0);
    number.unwrap_or(*default)
}

/// Returns how many of the fields are present.
fn count(value: &Value, fields: &[String]) -> usize {
    let is_present = |field: &&String| !value[field.as_str()].is_null();
    fields.iter().filter(is_present).count()
}

fn are_unique(values: &[&Value]) -> bool {
    let mut seen = BTreeSet::new();
    values.iter().all(|value| seen.insert(text(value)))
}

fn has_no_key_with(map: &Value, prefixes: &[String]) -> bool {
    let mut keys = map.as_object().into_iter().flat_map(|map| map.keys());
    keys.all(|key| !starts_with_any(key, prefixes))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn starts_with_any(text: &str, prefixes: &[String]) -> bool {
    prefixes.iter().any(|prefix| text.starts_with(prefix))
}

fn is_region(name: &str, also: &[String]) -> bool {
    let name = name.to_lowercase();
    regions().contains(&name) || also.contains(&name)
}
