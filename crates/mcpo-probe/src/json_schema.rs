//! Compiles JSON Schemas of servers. Nothing is fetched, and no pattern takes seconds.

use serde_json::Value;

#[cfg(feature = "json-schema")]
pub use self::library::{Validator, compile};
#[cfg(not(feature = "json-schema"))]
pub use self::unavailable::Validator;

/// Whether `format` is checked. In the dialects since 2019-09 it is an annotation, unless a
/// validator is configured otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Formats {
    Ignored,
    Checked,
}

/// Returns a validator, or `None` if `schema` cannot be compiled.
pub fn validator(schema: &Value, formats: Formats) -> Option<Validator> {
    #[cfg(feature = "json-schema")]
    return compile(schema, formats).ok();
    #[cfg(not(feature = "json-schema"))]
    return unavailable::validator(schema, formats);
}

#[cfg(feature = "json-schema")]
mod library {
    use jsonschema::{PatternOptions, ValidationError};
    use serde_json::Value;

    pub use jsonschema::Validator;

    use super::Formats;

    /// The most steps of one pattern of a schema.
    const BACKTRACK_LIMIT: usize = 10_000;
    /// The largest compiled pattern of a schema, in bytes.
    const PATTERN_SIZE: usize = 1024 * 1024;

    /// Compiles `schema` under the dialect that it declares; the default is 2020-12. References to
    /// other documents are errors.
    pub fn compile(
        schema: &Value,
        formats: Formats,
    ) -> Result<Validator, ValidationError<'static>> {
        let patterns = PatternOptions::fancy_regex()
            .backtrack_limit(BACKTRACK_LIMIT)
            .size_limit(PATTERN_SIZE);
        jsonschema::options()
            .offline()
            .should_validate_formats(formats == Formats::Checked)
            .with_pattern_options(patterns)
            .build(schema)
    }
}

/// Without the library, no value can be checked.
#[cfg(not(feature = "json-schema"))]
mod unavailable {
    use serde_json::Value;

    use super::Formats;

    #[derive(Debug)]
    pub enum Validator {}

    impl Validator {
        pub const fn is_valid(&self, _: &Value) -> bool {
            match *self {}
        }
    }

    pub const fn validator(_: &Value, _: Formats) -> Option<Validator> {
        None
    }
}
