//! What can be wrong with the value of a member.

use serde::Deserialize;
use serde_json::Value;
use url::Url;

/// The type that a specification gives a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Type {
    #[serde(rename = "text")]
    Text,
    #[serde(rename = "url")]
    Url,
    #[serde(rename = "list")]
    List,
    #[serde(rename = "list of urls")]
    Urls,
    #[serde(rename = "bool")]
    Bool,
    #[serde(rename = "number")]
    Number,
    #[serde(rename = "object")]
    Object,
}

/// A defect of a value. Some are special cases of others; tables name either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Defect {
    Null,
    /// Any other JSON type than the member's.
    WrongType,
    /// Text instead of another type.
    Text,
    /// A number instead of another type.
    Number,
    /// A list instead of another type.
    List,
    /// The text of a number.
    NumberText,
    /// A number, or the text of a number, that is not whole.
    Fraction,
    /// A negative number, or its text.
    Negative,
    /// Empty text.
    Empty,
    InvalidUrl,
    EmptyList,
    /// An item that is not text.
    WrongItem,
    NullItem,
}

/// Returns the defects of `value`. Each is a chain from the general to the special case.
pub fn defects(kind: Type, value: &Value) -> Vec<Vec<Defect>> {
    match (kind, value) {
        (_, Value::Null) => vec![vec![Defect::Null]],
        (Type::Text | Type::Url, Value::String(text)) if text.is_empty() => {
            vec![vec![Defect::Empty]]
        }
        (Type::Url, Value::String(text)) if Url::parse(text).is_err() => {
            vec![vec![Defect::InvalidUrl]]
        }
        (Type::Text | Type::Url, Value::String(_))
        | (Type::Bool, Value::Bool(_))
        | (Type::Object, Value::Object(_)) => Vec::new(),
        (Type::List | Type::Urls, Value::Array(items)) => of_items(kind, items),
        (Type::Number, Value::Number(number)) => of_number(number.as_f64().unwrap_or_default())
            .into_iter()
            .map(|defect| vec![defect])
            .collect(),
        (_, other) => vec![of_wrong_type(kind, other)],
    }
}

fn of_items(kind: Type, items: &[Value]) -> Vec<Vec<Defect>> {
    if items.is_empty() {
        return vec![vec![Defect::EmptyList]];
    }
    let defect = |item: &Value| match item {
        Value::Null => Some(Defect::NullItem),
        Value::String(text) if kind == Type::Urls && Url::parse(text).is_err() => {
            Some(Defect::InvalidUrl)
        }
        Value::String(_) => None,
        _ => Some(Defect::WrongItem),
    };
    items
        .iter()
        .filter_map(defect)
        .map(|found| vec![found])
        .collect()
}

fn of_number(number: f64) -> Vec<Defect> {
    let mut found = Vec::new();
    if number.fract() != 0.0 {
        found.push(Defect::Fraction);
    }
    if number < 0.0 {
        found.push(Defect::Negative);
    }
    found
}

fn of_wrong_type(kind: Type, value: &Value) -> Vec<Defect> {
    let mut chain = vec![Defect::WrongType];
    match value {
        Value::String(text) => {
            chain.push(Defect::Text);
            if kind == Type::Number
                && let Ok(number) = text.parse::<f64>()
            {
                chain.push(Defect::NumberText);
                chain.extend(of_number(number));
            }
        }
        Value::Number(_) => chain.push(Defect::Number),
        Value::Array(_) => chain.push(Defect::List),
        _ => {}
    }
    chain
}
