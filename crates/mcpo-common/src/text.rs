//! Makes untrusted text (from servers, templates and other programs) safe to print on a terminal.

use std::fmt::Write as _;

/// The maximum length of a text from a server, in characters.
const SHOWN: usize = 240;

/// Returns `text` on one line with at most 240 characters. Characters that could move the
/// cursor, change colors or reverse the reading direction are escaped.
#[must_use]
pub fn clean(text: &str) -> String {
    clean_to(text, SHOWN)
}

/// Does the same as [`clean`] with a limit of `limit` characters.
#[must_use]
pub fn clean_to(text: &str, limit: usize) -> String {
    let mut shown = String::new();
    for (index, character) in text.trim().chars().enumerate() {
        if index == limit {
            shown.push('…');
            break;
        }
        match character {
            '\n' | '\r' | '\t' => shown.push(' '),
            hidden if is_hidden(hidden) => {
                // Writing to a String cannot fail.
                let _ = write!(shown, "{}", hidden.escape_unicode());
            }
            visible => shown.push(visible),
        }
    }
    shown
}

/// Returns at most `limit` characters of `text`. Line breaks are kept and other hidden characters
/// are escaped.
#[must_use]
pub fn visible(text: &str, limit: usize) -> String {
    let mut lines = text.trim_end().lines().peekable();
    let mut shown = String::new();
    let mut left = limit;
    while let Some(line) = lines.next() {
        let length = line.chars().count();
        let indent = line.len() - line.trim_start_matches(' ').len();
        shown.push_str(&" ".repeat(indent.min(left)));
        shown.push_str(&clean_to(line, left));
        left = left.saturating_sub(length + 1);
        if left == 0 {
            break;
        }
        if lines.peek().is_some() {
            shown.push('\n');
        }
    }
    shown
}

/// Returns `3 changes` or `1 change`.
#[must_use]
pub fn count(number: usize, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}

/// Returns a number with a comma between thousands.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Returns true for control characters (C0, DEL, C1), direction marks, zero-width characters and the
/// two characters that XML 1.0 §2.2 does not allow, so that reports are well-formed.
/// The runtime has the same list for client names.
#[must_use]
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::{clean, grouped, is_hidden, visible};

    #[test]
    fn thousands_are_grouped() {
        let texts = [0, 999, 1_000, 360_000, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "360,000", "1,234,567"]);
    }

    /// One code point or range per line, in hexadecimal.
    const HIDDEN: &str = include_str!("../../../tests/support/fixtures/hidden-characters.txt");

    #[test]
    fn exactly_the_characters_of_the_shared_list_are_hidden() {
        let mut listed = std::collections::BTreeSet::new();
        for line in HIDDEN.lines().filter(|line| !line.starts_with('#')) {
            let (first, last) = line.split_once('-').unwrap_or((line, line));
            let read = |text: &str| u32::from_str_radix(text, 16).unwrap();
            listed.extend((read(first)..=read(last)).filter_map(char::from_u32));
        }
        for character in '\0'..=char::MAX {
            let is_listed = listed.contains(&character);
            assert_eq!(is_hidden(character), is_listed, "{character:?}");
        }
    }

    #[test]
    fn line_breaks_are_kept_and_hidden_characters_are_escaped() {
        assert_eq!(
            visible("error:\n  a\u{1b}[8mb\r\n\nc\n\n", 100),
            "error:\n  a\\u{1b}[8mb\n\nc"
        );
        assert_eq!(visible("abc\nabc", 5), "abc\na…");
        assert_eq!(visible("a\rb", 100), "a b");
    }

    #[test]
    fn escape_codes_and_bidi_overrides_are_escaped() {
        assert_eq!(
            clean("a\u{1b}[31mb\u{202e}c\nd\u{9b}"),
            r"a\u{1b}[31mb\u{202e}c d\u{9b}"
        );
    }

    #[test]
    fn long_text_is_truncated_between_characters() {
        let shown = clean(&"ü".repeat(1_000));
        assert_eq!(shown.chars().count(), 241);
        assert!(shown.ends_with('…'));
    }
}
