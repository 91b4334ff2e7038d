//! 64-bit integers, which JSON numbers cannot hold exactly.

use std::{fmt::Display, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Number;

/// An integer that the APIs write as a string: `int64` and `uint64`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IntString<T>(pub T);

impl<T: Display> Serialize for IntString<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

/// Readers must accept a number as well.
#[derive(Deserialize)]
#[serde(untagged)]
enum TextOrNumber {
    Text(String),
    Number(Number),
}

impl<'de, T: FromStr> Deserialize<'de> for IntString<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = match TextOrNumber::deserialize(from)? {
            TextOrNumber::Text(text) => text,
            TextOrNumber::Number(number) => number.to_string(),
        };
        let number = text.parse();
        number
            .map(Self)
            .map_err(|_| D::Error::custom(format!("{text:?} is not a 64-bit integer")))
    }
}
