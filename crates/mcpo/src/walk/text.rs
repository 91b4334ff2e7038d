//! Text that came from a server, made safe for a terminal.

use std::fmt::Write as _;

/// How much of any one server-supplied text is shown.
const SHOWN: usize = 240;

/// `text` on one line, at most [`SHOWN`] characters long, with everything that could move the
/// cursor, change colours or reverse the reading direction spelled out.
pub fn clean(text: &str) -> String {
    clean_to(text, SHOWN)
}

/// The same, up to `limit` characters.
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

/// Control characters (C0, DEL, C1), marks that change direction, and characters of no width.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn escape_codes_and_reversed_text_are_spelled_out() {
        assert_eq!(
            clean("a\u{1b}[31mb\u{202e}c\nd\u{9b}"),
            r"a\u{1b}[31mb\u{202e}c d\u{9b}"
        );
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let shown = clean(&"ü".repeat(1_000));
        assert_eq!(shown.chars().count(), 241);
        assert!(shown.ends_with('…'));
    }
}
