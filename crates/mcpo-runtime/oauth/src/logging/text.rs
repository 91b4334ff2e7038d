//! The format of event fields in text logs.
//!
//! A value can be text that an attacker chose, such as the name of a client. Ambiguous values are
//! quoted, so that a value cannot look like another field.

use std::fmt::{self, Debug, Write as _};

use tracing::field::{Field, Visit};
use tracing_subscriber::{
    field::RecordFields,
    fmt::format::{FormatFields, Writer},
};

/// Writes `message name=value name="a value"`.
///
/// Each tool call writes a line, so all values of a line share one buffer.
pub(super) struct TextFields;

impl<'writer> FormatFields<'writer> for TextFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut line = Line {
            writer,
            is_first: true,
            value: String::new(),
            result: Ok(()),
        };
        fields.record(&mut line);
        line.result
    }
}

struct Line<'writer> {
    writer: Writer<'writer>,
    is_first: bool,
    /// The text of the value that is being written.
    value: String,
    result: fmt::Result,
}

impl Line<'_> {
    fn write_field(&mut self, field: &Field, value: &dyn Debug) -> fmt::Result {
        if !self.is_first {
            self.writer.write_char(' ')?;
        }
        self.is_first = false;
        if field.name() == "message" {
            return write!(self.writer, "{value:?}");
        }
        self.value.clear();
        write!(self.value, "{value:?}")?;
        self.writer.write_str(field.name())?;
        self.writer.write_char('=')?;
        if is_unambiguous(&self.value) {
            self.writer.write_str(&self.value)
        } else {
            write!(self.writer, "{:?}", self.value)
        }
    }
}

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if self.result.is_ok() {
            self.result = self.write_field(field, value);
        }
    }
}

/// Returns true if `text` is one word, or a quoted string that `Debug` has escaped.
fn is_unambiguous(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'=' | b'"');
    text.bytes().all(is_plain) || is_quoted(text)
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
