//! The format of event fields in text logs.
//!
//! A value can be text that an attacker chose, such as the name of a client. Ambiguous values are
//! quoted, so that a value cannot look like another field.

use std::fmt::{self, Debug};

use tracing::field::Field;
use tracing_subscriber::{
    field::MakeExt as _,
    fmt::format::{FormatFields, Writer, debug_fn},
};

/// Writes `message name=value name="a value"`.
pub(super) fn fields() -> impl for<'writer> FormatFields<'writer> {
    debug_fn(write_field).delimited(" ")
}

fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> fmt::Result {
    if field.name() == "message" {
        return write!(writer, "{value:?}");
    }
    let text = format!("{value:?}");
    if is_unambiguous(&text) {
        write!(writer, "{}={text}", field.name())
    } else {
        write!(writer, "{}={text:?}", field.name())
    }
}

/// Returns true if `text` is one word, or a quoted string that `Debug` has escaped.
fn is_unambiguous(text: &str) -> bool {
    let is_plain =
        |character: char| character.is_ascii_graphic() && !matches!(character, '=' | '"');
    text.chars().all(is_plain) || is_quoted(text)
}

/// Returns true if the whole `text` is one string literal.
fn is_quoted(text: &str) -> bool {
    let inner = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let Some(inner) = inner else {
        return false;
    };
    let mut escaped = false;
    for character in inner.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return false,
            character if character.is_control() => return false,
            _ => {}
        }
    }
    !escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_that_resembles_another_field_is_ambiguous() {
        for (text, is_safe) in [
            ("word", true),
            ("192.0.2.1", true),
            ("\"two words\"", true),
            ("\"an escaped \\\" quote\"", true),
            ("Claude account=root", false),
            ("account=root", false),
            ("\"one\" account=\"root\"", false),
            ("\"\\\"", false),
            ("a\nline", false),
        ] {
            assert_eq!(is_unambiguous(text), is_safe, "{text}");
        }
    }
}
