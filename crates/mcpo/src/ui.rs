//! The terminal: results go to stdout, the story to stderr, colours only where a person looks.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use console::{Style, Term, style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{error::Failure, text::visible};

/// How much of each part of an error is shown, in characters.
const SHOWN: usize = 8_000;

/// What the two output streams can do. Rooms print through this and nowhere else.
#[derive(Clone, Debug)]
pub struct Ui {
    stdout: Term,
    stderr: Term,
    colours: bool,
}

impl Ui {
    /// Looks at stderr, `NO_COLOR` (<https://no-color.org>) and `TERM`.
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

    /// Whether stderr is a terminal, so that a line may be drawn over.
    pub fn is_terminal(&self) -> bool {
        self.stderr.is_term()
    }

    /// Whether stdout is a terminal, so that a person reads the result as it comes.
    pub fn result_is_terminal(&self) -> bool {
        self.stdout.is_term()
    }

    /// Whether stderr may carry colour codes.
    pub const fn has_colours(&self) -> bool {
        self.colours
    }

    /// One line of the story.
    pub fn say(&self, line: impl std::fmt::Display) {
        // A closed stderr is no reason to stop working.
        let _ = self.stderr.write_line(&line.to_string());
    }

    /// A step that was done: a green verb, right-aligned as cargo does, and what it was done to.
    pub fn step(&self, verb: &str, what: impl std::fmt::Display) {
        self.labelled(&Style::new().green().bold(), verb, what);
    }

    /// Something the user should know before going on.
    pub fn warn(&self, what: impl std::fmt::Display) {
        self.labelled(&Style::new().yellow().bold(), "warning", what);
    }

    /// Something that has just happened and wants to be looked at: a terminal rings.
    pub fn alert(&self, what: impl std::fmt::Display) {
        let bell = if self.stderr.is_term() { "\u{7}" } else { "" };
        let what = format!("{bell}{what}");
        self.labelled(&Style::new().magenta().bold(), "alert", what);
    }

    fn labelled(&self, colour: &Style, label: &str, what: impl std::fmt::Display) {
        let label = colour.clone().for_stderr().apply_to(format!("{label:>10}"));
        self.say(format_args!("{label} {what}"));
    }

    /// A line that turns while something is waited for; nothing where nobody looks.
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

    /// A bar for so many bytes.
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

    /// Puts `text` on the clipboard of the terminal's person, near or far (OSC 52).
    pub fn copy(&self, text: &str) {
        let encoded = BASE64_STANDARD.encode(text);
        let _ = self.stderr.write_str(&format!("\x1b]52;c;{encoded}\x07"));
    }

    /// The result of the command, on stdout.
    pub fn result(&self, text: impl std::fmt::Display) {
        let _ = self.try_result(text);
    }

    /// The same; fails if nobody reads stdout any more.
    pub fn try_result(&self, text: impl std::fmt::Display) -> std::io::Result<()> {
        self.stdout.write_line(&text.to_string())
    }

    /// An error with its causes and the way out. Errors quote what strangers wrote, so everything
    /// hidden is spelled out.
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
