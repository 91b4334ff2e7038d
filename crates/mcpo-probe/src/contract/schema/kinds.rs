//! Sets of the types of JSON values.

use serde_json::Value;

/// A set of types. `number` is two of them, because `integer` is a part of `number`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    pub const NONE: Self = Self(0);
    pub const NULL: Self = Self(1);
    pub const BOOLEAN: Self = Self(2);
    pub const INTEGER: Self = Self(4);
    /// The numbers that are not integers.
    pub const FRACTION: Self = Self(8);
    pub const STRING: Self = Self(16);
    pub const ARRAY: Self = Self(32);
    pub const OBJECT: Self = Self(64);
    pub const NUMBER: Self = Self(4 | 8);
    pub const ALL: Self = Self(127);

    /// Returns the types that the keyword `type` allows, or `None` if its value is invalid.
    pub fn of_keyword(value: &Value) -> Option<Self> {
        match value {
            Value::String(name) => Self::named(name),
            Value::Array(names) => {
                let mut kinds = Self::NONE;
                for name in names {
                    kinds = kinds.or(Self::named(name.as_str()?)?);
                }
                (!kinds.is_empty()).then_some(kinds)
            }
            _ => None,
        }
    }

    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" => Self::INTEGER,
            "number" => Self::NUMBER,
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => return None,
        })
    }

    /// Returns the type of `value`.
    pub fn of_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(number) => match number.as_f64() {
                // Since draft 6, 1.0 is an integer.
                Some(float) if number.is_f64() && float.fract() != 0.0 => Self::FRACTION,
                _ => Self::INTEGER,
            },
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }

    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns true if the sets have a type in common.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns one set for each type; the two kinds of numbers stay together.
    pub fn each(self) -> impl Iterator<Item = Self> {
        let all = [
            Self::NULL,
            Self::BOOLEAN,
            Self::NUMBER,
            Self::STRING,
            Self::ARRAY,
            Self::OBJECT,
        ];
        all.into_iter()
            .map(move |kind| kind.and(self))
            .filter(|kind| !kind.is_empty())
    }

    /// Names the types for a report, in the plural.
    pub fn names(self) -> String {
        let names = [
            (Self::NULL, "null"),
            (Self::BOOLEAN, "booleans"),
            (Self::INTEGER, "integers"),
            (Self::FRACTION, "fractions"),
            (Self::STRING, "strings"),
            (Self::ARRAY, "arrays"),
            (Self::OBJECT, "objects"),
        ];
        let names = names.into_iter().filter(|(kind, _)| self.meets(*kind));
        names.map(|(_, name)| name).collect::<Vec<_>>().join(", ")
    }
}
