//! A line that the user edits with the keyboard. It gets single bytes, as terminals send them.

use mcpo_common::ui::Ui;

use crate::dev::messages::command::Line;

/// The longest line, in characters.
const MAX_CHARS: usize = 16_000;

/// A line, and where the cursor is.
#[derive(Debug)]
pub struct LineEditor {
    prompt: String,
    text: Vec<char>,
    /// The index of the character under the cursor.
    cursor: usize,
    /// The first bytes of a character or of an escape sequence.
    pending: Vec<u8>,
}

/// The effect of a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Edited {
    Continues,
    Entered(String),
    Cancelled,
}

impl LineEditor {
    pub fn new(line: Line) -> Self {
        let text: Vec<char> = line.text.chars().filter(|c| !c.is_control()).collect();
        Self {
            prompt: line.prompt,
            cursor: text.len(),
            text,
            pending: Vec::new(),
        }
    }

    /// Returns the whole line.
    pub fn shown(&self) -> String {
        let text: String = self.text.iter().collect();
        format!("{}{text}", self.prompt)
    }

    /// Shows the part of the line around the cursor that fits the terminal.
    pub fn draw(&self, ui: &Ui) {
        let (text, from_end) = self.window(ui.width());
        ui.set_status(&text, from_end);
    }

    /// Returns the visible part of the line, and how many columns the cursor is before its end.
    fn window(&self, width: usize) -> (String, usize) {
        let prompt = self.prompt.chars().count();
        // One column is left for the cursor behind the end.
        let room = width.saturating_sub(prompt + 1).max(1);
        let begin = self.cursor.saturating_sub(room);
        let end = self.text.len().min(begin + room);
        let visible: String = self.text[begin..end].iter().collect();
        (format!("{}{visible}", self.prompt), end - self.cursor)
    }

    /// Handles a byte. Ctrl-C arrives as a signal and not as a key.
    pub fn press(&mut self, byte: u8) -> Edited {
        if !self.pending.is_empty() {
            self.continue_sequence(byte);
            return Edited::Continues;
        }
        match byte {
            b'\r' | b'\n' => return Edited::Entered(self.text.iter().collect()),
            // Ctrl-D, Ctrl-G.
            0x04 | 0x07 => return Edited::Cancelled,
            // Backspace.
            0x08 | 0x7f if self.cursor > 0 => {
                self.cursor -= 1;
                self.text.remove(self.cursor);
            }
            // Ctrl-A, Ctrl-E.
            0x01 => self.cursor = 0,
            0x05 => self.cursor = self.text.len(),
            // Ctrl-U, Ctrl-K.
            0x15 => {
                self.text.drain(..self.cursor);
                self.cursor = 0;
            }
            0x0b => self.text.truncate(self.cursor),
            0x1b | 0x80.. => self.pending.push(byte),
            b' '..=b'~' => self.insert(char::from(byte)),
            _ => {}
        }
        Edited::Continues
    }

    fn insert(&mut self, character: char) {
        if self.text.len() < MAX_CHARS && !mcpo_common::text::is_hidden(character) {
            self.text.insert(self.cursor, character);
            self.cursor += 1;
        }
    }

    /// Adds a byte to a character of several bytes, or to an escape sequence (`ESC [ … final`).
    fn continue_sequence(&mut self, byte: u8) {
        self.pending.push(byte);
        if self.pending[0] != 0x1b {
            match std::str::from_utf8(&self.pending) {
                Ok(text) => {
                    let character = text.chars().next();
                    self.pending.clear();
                    if let Some(character) = character {
                        self.insert(character);
                    }
                }
                Err(error) if error.error_len().is_some() => self.pending.clear(),
                Err(_) => {}
            }
            return;
        }
        let is_introducer = self.pending.len() == 2 && matches!(byte, b'[' | b'O');
        let is_parameter = matches!(byte, b'0'..=b'9' | b';');
        if is_introducer || (self.pending.len() > 2 && is_parameter && self.pending.len() < 16) {
            return;
        }
        match &self.pending[1..] {
            b"[D" | b"OD" => self.cursor = self.cursor.saturating_sub(1),
            b"[C" | b"OC" => self.cursor = (self.cursor + 1).min(self.text.len()),
            b"[H" | b"OH" | b"[1~" => self.cursor = 0,
            b"[F" | b"OF" | b"[4~" => self.cursor = self.text.len(),
            b"[3~" if self.cursor < self.text.len() => {
                self.text.remove(self.cursor);
            }
            _ => {}
        }
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn editor(text: &str) -> LineEditor {
        LineEditor::new(Line {
            prompt: "greet ".to_owned(),
            text: text.to_owned(),
        })
    }

    fn type_in(editor: &mut LineEditor, keys: &[u8]) -> Edited {
        let mut edited = Edited::Continues;
        for key in keys {
            edited = editor.press(*key);
        }
        edited
    }

    #[test]
    fn keys_edit_the_line() {
        for (keys, expected) in [
            (&b"\r"[..], r#"{"a":1}"#),
            (b"\x7f\x7f2}\r", r#"{"a":2}"#),
            (b"\x1b[D\x1b[D\x1b[3~7\r", r#"{"a":7}"#),
            (b"\x15{}\r", "{}"),
            (b"\x01\x0bnew\n", "new"),
            (b"\x1b[H-\x1b[F+\r", r#"-{"a":1}+"#),
            ("\x15ü€\r".as_bytes(), "ü€"),
            (b"\x15a\xffb\r", "a"),
            (b"\x15\x1b[1;5C\x1b[Zb\r", "b"),
        ] {
            let mut editor = editor(r#"{"a":1}"#);
            let edited = type_in(&mut editor, keys);
            assert_eq!(edited, Edited::Entered(expected.to_owned()), "{keys:?}");
        }
        assert_eq!(editor("x").press(0x07), Edited::Cancelled);
    }

    #[test]
    fn a_long_line_shows_the_part_around_the_cursor() {
        let mut editor = editor("0123456789");
        assert_eq!(editor.window(12), ("greet 56789".to_owned(), 0));
        type_in(&mut editor, b"\x01");
        assert_eq!(editor.window(12), ("greet 01234".to_owned(), 5));
        assert_eq!(editor.window(0), ("greet 0".to_owned(), 1));
    }
}
