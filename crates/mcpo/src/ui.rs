//! The terminal: results go to stdout, the story to stderr, colours only where a person looks.

use std::io::{IsTerminal as _, Write as _};

use console::{Style, style};

use crate::error::Failure;

/// What the two output streams can do. Rooms print through this and nowhere else.
#[derive(Clone, Debug)]
pub struct Ui {
    colours: bool,
    terminal: bool,
}

#[expect(
    clippy::unused_self,
    reason = "only who was handed the Ui may print, even where nothing of it is looked at"
)]
impl Ui {
    /// Looks at stderr, `NO_COLOR` (<https://no-color.org>) and `TERM`.
    pub fn from_environment() -> Self {
        let terminal = std::io::stderr().is_terminal();
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let colours = terminal && wanted;
        console::set_colors_enabled_stderr(colours);
        console::set_colors_enabled(std::io::stdout().is_terminal() && wanted);
        Self { colours, terminal }
    }

    /// Whether stderr is a terminal, so that a line may be drawn over.
    pub const fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Whether stderr may carry colour codes.
    pub const fn has_colours(&self) -> bool {
        self.colours
    }

    /// One line of the story.
    pub fn say(&self, line: impl std::fmt::Display) {
        // A closed stderr is no reason to stop working.
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }

    /// A step that was done: a green verb, right-aligned as cargo does, and what it was done to.
    pub fn step(&self, verb: &str, what: impl std::fmt::Display) {
        self.labelled(&Style::new().green().bold(), verb, what);
    }

    /// Something the user should know before going on.
    pub fn warn(&self, what: impl std::fmt::Display) {
        self.labelled(&Style::new().yellow().bold(), "warning", what);
    }

    fn labelled(&self, colour: &Style, label: &str, what: impl std::fmt::Display) {
        let label = colour.clone().for_stderr().apply_to(format!("{label:>10}"));
        self.say(format_args!("{label} {what}"));
    }

    /// The result of the command, on stdout.
    pub fn result(&self, text: impl std::fmt::Display) {
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }

    /// An error with its causes and the way out.
    pub fn failure(&self, failure: &Failure) {
        let label = style("error:").for_stderr().red().bold();
        self.say(format_args!("{label} {}", failure.what()));
        for cause in failure.causes() {
            self.say(format_args!("  because: {cause}"));
        }
        if let Some(hint) = failure.hint_text() {
            let label = style("help:").for_stderr().cyan().bold();
            self.say(format_args!("{label} {hint}"));
        }
    }
}
