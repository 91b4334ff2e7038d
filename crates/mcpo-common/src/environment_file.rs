//! Reads the environment file of a project, and names the place of a mistake.

use std::{
    cell::Cell,
    fs,
    io::{self, Read},
    path::Path,
    str::SplitInclusive,
};

use crate::error::{Failure, Outcome};

/// The environment file of a project; never committed.
pub const ENVIRONMENT_FILE: &str = ".env";
/// Some editors write this before the first line.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reads all variables of the environment file in `folder`. A file that does not exist has none.
pub fn read(folder: &Path) -> Outcome<Vec<(String, String)>> {
    let failed = || Failure::new(format!("failed to read {ENVIRONMENT_FILE}"));
    let text = match fs::read_to_string(folder.join(ENVIRONMENT_FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed().because(&error)),
    };
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
    let lines_read = Cell::new(0);
    let mut variables = dotenvy::from_read_iter(LineReader {
        lines: text.split_inclusive('\n'),
        rest: &[],
        lines_read: &lines_read,
    });
    let mut found = Vec::new();
    loop {
        let line = lines_read.get();
        match variables.next() {
            None => return Ok(found),
            Some(Ok(variable)) => found.push(variable),
            // The error's text contains the line, which may be a secret.
            Some(Err(dotenvy::Error::LineParse(..))) => {
                let mistake = Mistake::find(text, line);
                let what = format!(
                    "failed to read {ENVIRONMENT_FILE}, line {}, column {}",
                    mistake.line, mistake.column
                );
                return Err(Failure::new(what).hint(mistake.hint));
            }
            Some(Err(error)) => return Err(failed().because(&error)),
        }
    }
}

/// Never returns parts of two lines in one read, so that the number of lines that dotenvy has used is
/// known.
struct LineReader<'a> {
    lines: SplitInclusive<'a, char>,
    /// The part of the current line that was not read yet.
    rest: &'a [u8],
    lines_read: &'a Cell<usize>,
}

impl Read for LineReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty()
            && let Some(line) = self.lines.next()
        {
            self.rest = line.as_bytes();
            self.lines_read.set(self.lines_read.get() + 1);
        }
        self.rest.read(buffer)
    }
}

/// A mistake in the file. Lines and columns are counted from 1.
#[derive(Debug, PartialEq, Eq)]
struct Mistake {
    line: usize,
    column: usize,
    hint: String,
}

impl Mistake {
    /// Finds the mistake in the first variable after this number of lines.
    fn find(text: &str, lines: usize) -> Self {
        let is_variable = |line: &str| !line.trim().is_empty() && !line.trim().starts_with('#');
        let mut rest = text.lines().enumerate().skip(lines);
        let (index, line) = rest
            .find(|(_, line)| is_variable(line))
            .unwrap_or((lines, ""));
        let (column, hint) = mistake_in(line);
        Self {
            line: index + 1,
            column: column + 1,
            hint,
        }
    }
}

/// Returns the position of the mistake in characters, and what to do about it.
fn mistake_in(line: &str) -> (usize, String) {
    let Some((name, value)) = line.split_once('=') else {
        return (0, "write NAME=value, or # before a comment".to_owned());
    };
    let before = name.chars().count() + 1;
    let name = name.trim();
    let blank = value.chars().take_while(|c| c.is_whitespace()).count();
    let value = value.trim();
    match value.chars().next() {
        Some(quote @ ('"' | '\'')) => match value[1..].find(quote) {
            None => (
                before + blank,
                format!("close the value of {name} with {quote}"),
            ),
            Some(end) => (
                before + blank + value[..end + 2].chars().count(),
                format!("remove what follows the closing quote of {name}"),
            ),
        },
        _ => match value.chars().position(char::is_whitespace) {
            Some(space) => (
                before + blank + space,
                format!(
                    "put the value of {name} in quotes, because it contains a space: {name}='…'"
                ),
            ),
            None => (
                0,
                "write NAME=value; a name contains only letters, digits and _".to_owned(),
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Outcome<Vec<(String, String)>> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(ENVIRONMENT_FILE), text).unwrap();
        read(folder.path())
    }

    #[test]
    fn a_mistake_is_reported_with_its_place_and_without_the_value() {
        for (text, place, hint) in [
            (
                "A=1\n\nB=two words\n",
                "line 3, column 6",
                "put the value of B in quotes",
            ),
            (
                "# B=two words\nB=two words\n",
                "line 2, column 6",
                "in quotes",
            ),
            (
                "A='1\nB=2\n",
                "line 1, column 3",
                "close the value of A with '",
            ),
            (
                "A='1\n2'\nsecret\n",
                "line 3, column 1",
                "write NAME=value, or #",
            ),
            (
                "A=1\r\nB=two words\r\n",
                "line 2, column 6",
                "put the value of B in quotes",
            ),
            (
                "A='1' two\n",
                "line 1, column 6",
                "what follows the closing quote of A",
            ),
            (
                "A-B=1\n",
                "line 1, column 1",
                "a name contains only letters",
            ),
        ] {
            let failure = read_text(text).expect_err(text);
            let shown = format!("{failure}. {}", failure.hint_text().unwrap());
            let is_right = shown.contains(&format!("{place}. ")) && shown.contains(hint);
            assert!(is_right, "{text}: {shown}");
            assert!(
                !shown.contains("words") && !shown.contains("secret"),
                "{shown}"
            );
        }
    }

    #[test]
    fn a_byte_order_mark_and_quoted_values_are_read() {
        let long = "x".repeat(100_000);
        let text = format!("\u{feff}A=1\nB='two words'\nC=\"x # y\"\nD={long}\n");
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "x # y"),
            ("D", &*long),
        ];
        assert_eq!(
            read_text(&text).unwrap(),
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert!(read(Path::new("/nonexistent")).unwrap().is_empty());
    }
}
