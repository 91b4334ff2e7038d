//! Terminal output: results go to stdout, progress and warnings to stderr. Colors are used only on
//! a terminal.

use std::sync::{Arc, Mutex, PoisonError};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use console::{Style, Term, style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{error::Failure, text::visible};

/// The maximum length of each part of an error, in characters.
const SHOWN: usize = 8_000;
/// The width of the label at the beginning of a line, with the space after it.
const LABEL: usize = 11;
/// Lines are not wrapped on terminals that are narrower than this.
const MIN_WRAPPED_WIDTH: usize = 40;

/// The two output streams and whether they take colors. All output of commands goes through this
/// type.
#[derive(Clone, Debug)]
pub struct Ui {
    stdout: Term,
    stderr: Term,
    colours: bool,
    /// Whether lines can be cleared.
    has_status: bool,
    status: Arc<Mutex<Status>>,
}

/// The last line of the terminal, which stays below all other output.
#[derive(Debug, Default)]
struct Status {
    text: String,
    /// How many columns the cursor is before the end of the text.
    cursor_from_end: usize,
}

impl Ui {
    /// Reads whether stderr is a terminal, `NO_COLOR` (<https://no-color.org>) and `TERM`.
    #[must_use]
    pub fn from_environment() -> Self {
        let (stdout, stderr) = (Term::stdout(), Term::stderr());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && !is_dumb;
        let colours = stderr.is_term() && wanted;
        console::set_colors_enabled_stderr(colours);
        console::set_colors_enabled(stdout.is_term() && wanted);
        Self {
            stdout,
            has_status: stderr.is_term() && !is_dumb,
            stderr,
            colours,
            status: Arc::default(),
        }
    }

    /// Returns true if [`set_status`](Self::set_status) shows anything.
    #[must_use]
    pub const fn has_status(&self) -> bool {
        self.has_status
    }

    /// Returns the width of the terminal in columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.size().map_or(80, |(_, width)| width)
    }

    /// Shows `text` as the last line of the terminal, below all later output, with the cursor
    /// `cursor_from_end` columns before its end. An empty text removes the line. The text must fit
    /// on one line. Does nothing if stderr is not a terminal that can clear lines.
    pub fn set_status(&self, text: &str, cursor_from_end: usize) {
        if !self.has_status {
            return;
        }
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        if !status.text.is_empty() {
            let _ = self.stderr.clear_line();
        }
        *status = Status {
            text: text.to_owned(),
            cursor_from_end,
        };
        self.draw(&status);
    }

    fn draw(&self, status: &Status) {
        if status.text.is_empty() {
            return;
        }
        let _ = self.stderr.write_str(&status.text);
        if status.cursor_from_end > 0 {
            let _ = self.stderr.move_cursor_left(status.cursor_from_end);
        }
    }

    /// Returns true if stderr is a terminal, so that lines can be redrawn.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.stderr.is_term()
    }

    /// Returns true if stdout is a terminal.
    #[must_use]
    pub fn result_is_terminal(&self) -> bool {
        self.stdout.is_term()
    }

    /// Returns the height and width of stdout in characters if it is a terminal. A terminal that does
    /// not know its size counts as one of 24 lines with 80 characters.
    #[must_use]
    pub fn result_size(&self) -> Option<(usize, usize)> {
        size(&self.stdout)
    }

    /// Does the same as [`result_size`](Self::result_size) for stderr.
    #[must_use]
    pub fn size(&self) -> Option<(usize, usize)> {
        size(&self.stderr)
    }

    /// Returns true if color codes may be written to stderr.
    #[must_use]
    pub const fn has_colours(&self) -> bool {
        self.colours
    }

    /// Prints one line on stderr.
    pub fn say(&self, line: impl std::fmt::Display) {
        let line = line.to_string();
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        // A closed stderr is no reason to stop working.
        if status.text.is_empty() {
            let _ = self.stderr.write_line(&line);
        } else {
            let _ = self.stderr.clear_line();
            let _ = self.stderr.write_line(&line);
            self.draw(&status);
        }
    }

    /// Prints a completed step: a green verb, right-aligned as in cargo, and its object.
    pub fn step(&self, verb: &str, what: impl std::fmt::Display) {
        self.labelled(&Style::new().green().bold(), verb, what);
    }

    /// Prints a warning.
    pub fn warn(&self, what: impl std::fmt::Display) {
        self.labelled(&Style::new().yellow().bold(), "warning", what);
    }

    /// Prints an event that needs the user's attention, and rings the terminal bell.
    pub fn alert(&self, what: impl std::fmt::Display) {
        let bell = if self.stderr.is_term() { "\u{7}" } else { "" };
        let what = format!("{bell}{what}");
        self.labelled(&Style::new().magenta().bold(), "alert", what);
    }

    fn labelled(&self, colour: &Style, label: &str, what: impl std::fmt::Display) {
        let label = colour.clone().for_stderr().apply_to(format!("{label:>10}"));
        let what = self.wrapped(&what.to_string());
        self.say(format_args!("{label} {what}"));
    }

    /// Prints a line that belongs to the labelled line above it, with the same indentation. It is
    /// not wrapped, so that a command in it can be copied.
    pub fn detail(&self, what: impl std::fmt::Display) {
        self.say(format_args!("{:LABEL$}{what}", ""));
    }

    /// Wraps a text that follows a label, if stderr is a terminal.
    fn wrapped(&self, text: &str) -> String {
        let width = self.width();
        if !self.is_terminal() || width < MIN_WRAPPED_WIDTH {
            return text.to_owned();
        }
        wrap(text, width - LABEL)
    }

    /// Returns a spinner to show while waiting. It is hidden if stderr is not a terminal.
    #[must_use]
    pub fn spinner(&self, message: String) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(None, self.draw_target()).with_message(message);
        if let Ok(style) = ProgressStyle::with_template("{spinner:>10} {wide_msg} {elapsed}") {
            bar.set_style(style);
        }
        if self.is_terminal() {
            bar.enable_steady_tick(std::time::Duration::from_millis(100));
        }
        bar
    }

    /// Returns a progress bar for `length` bytes.
    #[must_use]
    pub fn bar(&self, verb: &'static str, length: u64) -> ProgressBar {
        let bar =
            ProgressBar::with_draw_target(Some(length), self.draw_target()).with_message(verb);
        let template = "{msg:>10} [{bar:30}] {bytes}/{total_bytes} {eta}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar
    }

    fn draw_target(&self) -> ProgressDrawTarget {
        if self.is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        }
    }

    /// Copies `text` to the clipboard of the user's terminal, which may be remote (OSC 52).
    pub fn copy(&self, text: &str) {
        let encoded = BASE64_STANDARD.encode(text);
        let _ = self.stderr.write_str(&format!("\x1b]52;c;{encoded}\x07"));
    }

    /// Prints the result of the command on stdout.
    pub fn result(&self, text: impl std::fmt::Display) {
        let _ = self.try_result(text);
    }

    /// Prints like [`result`](Self::result), but returns an error if stdout is closed.
    pub fn try_result(&self, text: impl std::fmt::Display) -> std::io::Result<()> {
        self.stdout.write_line(&text.to_string())
    }

    /// Prints an error with its causes and its hint. Errors quote untrusted text, so hidden
    /// characters are escaped.
    pub fn failure(&self, failure: &Failure) {
        let label = style("error:").for_stderr().red().bold();
        self.say(format_args!("{label} {}", visible(failure.what(), SHOWN)));
        for cause in failure.causes() {
            let cause = visible(cause, SHOWN).replace('\n', "\n           ");
            self.say(format_args!("  because: {cause}"));
        }
        if let Some(hint) = failure.hint_text() {
            let label = style("help:").for_stderr().cyan().bold();
            self.say(format_args!("{label} {}", visible(hint, SHOWN)));
        }
    }
}

fn size(stream: &Term) -> Option<(usize, usize)> {
    let known = stream.size_checked();
    // Serial lines and some build servers report a size of zero.
    let known = known.filter(|(height, width)| *height > 0 && *width > 0);
    let (height, width) = known.unwrap_or((24, 80));
    stream.is_term().then_some((height.into(), width.into()))
}

/// Breaks lines at spaces, so that they have at most `width` columns, and indents all lines but the
/// first one. A word that is longer than a line is not broken.
fn wrap(text: &str, width: usize) -> String {
    let mut wrapped = String::new();
    let mut column = 0;
    for (index, word) in text.split(' ').enumerate() {
        let length = console::measure_text_width(word);
        if index > 0 {
            if column + 1 + length > width {
                wrapped.push('\n');
                wrapped.push_str(&" ".repeat(LABEL));
                column = 0;
            } else {
                wrapped.push(' ');
                column += 1;
            }
        }
        wrapped.push_str(word);
        column += length;
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn long_lines_are_wrapped_with_a_hanging_indent() {
        assert_eq!(wrap("one two three", 8), "one two\n           three");
        assert_eq!(wrap("one two", 7), "one two");
        assert_eq!(wrap("a-long-word b", 4), "a-long-word\n           b");
        assert_eq!(wrap("", 4), "");
    }
}
