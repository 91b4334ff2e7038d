//! The lines of the report, wrapped to the width of the terminal.

use console::{Style, measure_text_width};
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

/// The narrowest column that text is wrapped to.
const NARROWEST: usize = 24;

/// The lines that will be printed. On a terminal, the checks form a tree, and no line is wider than
/// the terminal. Elsewhere, such as in a log, one text is one line.
pub struct Screen {
    /// The width of the terminal, if there is one.
    width: Option<usize>,
    is_stderr: bool,
    lines: Vec<String>,
}

impl Screen {
    pub const fn new(width: Option<usize>, is_stderr: bool) -> Self {
        Self {
            width,
            is_stderr,
            lines: Vec::new(),
        }
    }

    /// Returns true if the checks form a tree.
    pub const fn is_tree(&self) -> bool {
        self.width.is_some()
    }

    /// Returns the number of lines.
    pub const fn height(&self) -> usize {
        self.lines.len()
    }

    pub fn into_lines(self) -> Vec<String> {
        self.lines
    }

    pub fn blank(&mut self) {
        self.lines.push(String::new());
    }

    /// Adds one line and never wraps it, so that a command can be copied.
    pub fn verbatim(&mut self, line: String) {
        self.lines.push(line);
    }

    /// Adds `text` after `head`. More lines are indented to the start of the text. Words are not
    /// divided, so that addresses can be copied.
    pub fn hang(&mut self, head: &str, text: &str) {
        let indent = " ".repeat(measure_text_width(head));
        self.add(head, &indent, text, false);
    }

    /// Adds a node of the tree. `head` starts with the sign of the node.
    pub fn node(&mut self, head: &str, text: &str) {
        let trunk = self.trunk();
        let indent = measure_text_width(head);
        let indent = " ".repeat(indent.saturating_sub(measure_text_width(&trunk)));
        self.add(head, &format!("{trunk}{indent}"), text, true);
    }

    /// Adds a line below a node. A word that is longer than a line is divided: the terminal would
    /// continue it in the column of the tree.
    pub fn branch(&mut self, head: &str, text: &str) {
        let trunk = self.trunk();
        let indent = " ".repeat(measure_text_width(head));
        let (first, rest) = (format!("{trunk}{head}"), format!("{trunk}{indent}"));
        self.add(&first, &rest, text, true);
    }

    fn trunk(&self) -> String {
        if self.is_tree() {
            format!(" {}", self.paint(&Style::new().dim(), "│"))
        } else {
            String::new()
        }
    }

    /// Adds `text` after `first`; more lines start with `rest`, which has the same width.
    fn add(&mut self, first: &str, rest: &str, text: &str, divides: bool) {
        let parts = match self.width {
            None => vec![text.into()],
            Some(width) => {
                let left = width.saturating_sub(measure_text_width(first));
                let options = Options::new(left.max(NARROWEST))
                    .break_words(divides)
                    .word_separator(WordSeparator::AsciiSpace)
                    .word_splitter(WordSplitter::NoHyphenation)
                    .wrap_algorithm(WrapAlgorithm::FirstFit);
                textwrap::wrap(text, options)
            }
        };
        for (index, part) in parts.iter().enumerate() {
            let start = if index == 0 { first } else { rest };
            let line = format!("{start}{part}");
            self.lines.push(line.trim_end().to_owned());
        }
    }

    /// Colors `text` if the stream takes colors.
    pub fn paint(&self, style: &Style, text: &str) -> String {
        let style = style.clone();
        let style = if self.is_stderr {
            style.for_stderr()
        } else {
            style.for_stdout()
        };
        style.apply_to(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use console::measure_text_width;

    use super::Screen;

    #[test]
    fn wrapped_lines_keep_the_tree_and_the_indent() {
        let mut screen = Screen::new(Some(40), false);
        let address = "https://example.com/.well-known/oauth-protected-resource/mcp";
        screen.branch("   seen ", &format!("nothing at {address} after all"));
        let lines = screen.into_lines();
        assert!(lines.len() > 3, "{lines:#?}");
        for line in &lines {
            assert!(line.starts_with(" │   "), "{line:?}");
            assert!(measure_text_width(line) <= 40, "{line:?}");
        }
        let words: Vec<&str> = lines
            .iter()
            .map(|line| line.trim_start_matches([' ', '│']))
            .collect();
        assert!(words.concat().contains(address), "{words:?}");
    }

    #[test]
    fn addresses_outside_of_the_tree_are_not_divided() {
        let mut screen = Screen::new(Some(40), false);
        let address = "https://example.com/.well-known/oauth-protected-resource/mcp";
        screen.hang("probed ", address);
        assert!(
            screen
                .into_lines()
                .iter()
                .any(|line| line.ends_with(address))
        );
    }

    #[test]
    fn a_log_gets_one_line_for_each_text() {
        let mut screen = Screen::new(None, false);
        let text = "word ".repeat(100);
        screen.branch("  seen ", &text);
        assert_eq!(screen.into_lines(), [format!("  seen {}", text.trim_end())]);
    }
}
