//! Terminal output: results go to stdout, progress and warnings to stderr. Colors are used only on
//! a terminal.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use console::{Style, Term, style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{error::Failure, text::visible};

/// The maximum length of each part of an error, in characters.
const SHOWN: usize = 8_000;

/// The two output streams and whether they take colors. All output of commands goes through this
/// type.
#[derive(Clone, Debug)]
pub struct Ui {
    stdout: Term,
    stderr: Term,
    colours: bool,
}

impl Ui {
    /// Reads whether stderr is a terminal, `NO_COLOR` (<https://no-color.org>) and `TERM`.
    #[must_use]
    pub fn from_environment() -> Self {
        let (stdout, stderr) = (Term::stdout(), Term::stderr());
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let colours = stderr.is_term() && wanted;
        console::set_colors_enabled_stderr(colours);
        console::set_colors_enabled(stdout.is_term() && wanted);
        Self {
            stdout,
            stderr,
            colours,
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
        // A closed stderr is no reason to stop working.
        let _ = self.stderr.write_line(&line.to_string());
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
        self.say(format_args!("{label} {what}"));
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
