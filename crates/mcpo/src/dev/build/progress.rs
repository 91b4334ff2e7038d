//! Shows the progress of cargo in one line of the terminal, and keeps what else cargo printed.

use std::{io, time::Instant};

use mcpo_common::ui::Ui;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The longest output of a build that is kept, in bytes: what comes after that is only printed.
const MAX_KEPT: usize = 64 * 1024;
/// The longest line that is read at once. A longer one is printed in parts.
const MAX_LINE: usize = 256 * 1024;
/// The words at the beginning of cargo's lines that the progress line replaces.
const STEPS: [&str; 14] = [
    "Adding",
    "Blocking",
    "Building",
    "Checking",
    "Compiling",
    "Credential",
    "Dirty",
    "Downloaded",
    "Downloading",
    "Finished",
    "Fresh",
    "Locking",
    "Running",
    "Updating",
];

/// Variables that make cargo print its progress although its output is not a terminal.
pub const VARIABLES: [(&str, &str); 2] = [
    ("CARGO_TERM_PROGRESS_WHEN", "always"),
    ("CARGO_TERM_PROGRESS_WIDTH", "100"),
];

/// The progress line, which disappears when this value is dropped.
pub struct Progress<'a> {
    ui: &'a Ui,
    /// Whether cargo's steps are combined in one line.
    is_combined: bool,
    began: Instant,
    /// Whether the last line ended with a carriage return.
    has_returned: bool,
    kept: String,
}

impl<'a> Progress<'a> {
    pub fn new(ui: &'a Ui) -> Self {
        Self {
            ui,
            is_combined: ui.has_status(),
            began: Instant::now(),
            has_returned: false,
            kept: String::new(),
        }
    }

    /// Reads cargo's output until it ends. Returns the beginning of what cargo and the compiler
    /// printed, without colors and without cargo's steps.
    pub async fn follow(mut self, mut output: impl AsyncRead + Unpin) -> io::Result<String> {
        let mut buffer = Vec::new();
        loop {
            let length = output.read_buf(&mut buffer).await?;
            while let Some(end) = buffer.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
                // A line end of Windows may arrive in two parts.
                let is_windows = buffer[end..].starts_with(b"\r\n");
                let line: Vec<u8> = buffer.drain(..=end + usize::from(is_windows)).collect();
                let is_progress = line.ends_with(b"\r");
                let is_rest = end == 0 && line == b"\n" && self.has_returned;
                self.has_returned = is_progress;
                if !is_rest {
                    self.line(&String::from_utf8_lossy(&line[..end]), is_progress);
                }
            }
            if length == 0 || buffer.len() > MAX_LINE {
                let rest = std::mem::take(&mut buffer);
                if !rest.is_empty() {
                    self.line(&String::from_utf8_lossy(&rest), false);
                }
            }
            if length == 0 {
                return Ok(std::mem::take(&mut self.kept));
            }
        }
    }

    /// Handles a line. Cargo's own progress line ends with a carriage return, and cargo clears it
    /// with spaces.
    fn line(&mut self, line: &str, is_progress: bool) {
        let plain = console::strip_ansi_codes(line);
        let plain = plain.trim_end();
        if is_progress && plain.is_empty() {
            return;
        }
        if self.is_combined && (is_progress || is_step(plain)) {
            self.ui.set_status(&self.status(plain), 0);
            return;
        }
        if !is_step(plain) && self.kept.len() < MAX_KEPT {
            self.kept.push_str(plain);
            self.kept.push('\n');
            self.kept.truncate(self.kept.floor_char_boundary(MAX_KEPT));
        }
        self.ui.say(line);
    }

    /// Returns the progress line for a step of cargo.
    fn status(&self, plain: &str) -> String {
        let (verb, what) = shown(plain);
        let seconds = self.began.elapsed().as_secs();
        let status = format!("{verb:>10} {what}, {seconds} s");
        // The terminal must not wrap the line.
        let width = self.ui.width().saturating_sub(1);
        console::truncate_str(&status, width, "…").into_owned()
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if self.is_combined {
            self.ui.set_status("", 0);
        }
    }
}

/// Returns true if this is a step of cargo, such as `   Compiling serde v1.0.0`.
fn is_step(plain: &str) -> bool {
    let is_indented = plain.starts_with(' ');
    let word = plain.split_whitespace().next().unwrap_or_default();
    is_indented && STEPS.contains(&word)
}

/// Returns the verb of a step of cargo, and the rest in a few words: `Building` and
/// `12 of 93 crates: serde, syn(build)`.
fn shown(plain: &str) -> (&str, String) {
    let (verb, rest) = plain.trim().split_once(' ').unwrap_or((plain, ""));
    // `[====>   ] 12/93: serde, syn(build)`
    let progress = || {
        let (_, rest) = rest.split_once("] ")?;
        let (count, names) = rest.split_once(':').unwrap_or((rest, ""));
        let (done, all) = count.split_once('/')?;
        Some(format!("{done} of {all} crates: {}", names.trim()))
    };
    let what = (verb == "Building").then(progress).flatten();
    (verb, what.unwrap_or_else(|| rest.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_cargo_are_recognized_and_shortened() {
        for (line, expected) in [
            (
                "    Building [====>        ] 12/93: serde, syn(build)...",
                Some(("Building", "12 of 93 crates: serde, syn(build)...")),
            ),
            (
                "   Compiling serde v1.0.0",
                Some(("Compiling", "serde v1.0.0")),
            ),
            ("    Building bench", Some(("Building", "bench"))),
            ("error[E0308]: mismatched types", None),
            (" --> src/main.rs:1:1", None),
            ("warning: unused variable: `Compiling`", None),
            ("", None),
        ] {
            let shown = is_step(line).then(|| shown(line));
            let expected = expected.map(|(verb, what)| (verb, what.to_owned()));
            assert_eq!(shown, expected, "{line}");
        }
    }

    #[tokio::test]
    async fn diagnostics_are_kept_without_colors_and_steps() {
        let ui = Ui::from_environment();
        let output: &[u8] = b"   Compiling tiny v0.1.0\n\x1b[1m\x1b[31merror\x1b[0m: mismatched types\n    Building [==> ] 1/2: tiny\r\n  | here";
        let kept = Progress::new(&ui).follow(output).await.unwrap();
        assert_eq!(kept, "error: mismatched types\n  | here\n");
        let output: &[u8] = b"one\r\n\r\n   \rtwo\n\n";
        let kept = Progress::new(&ui).follow(output).await.unwrap();
        assert_eq!(kept, "one\n\ntwo\n\n");
        let output = "ü".repeat(MAX_LINE / 2);
        let kept = Progress::new(&ui).follow(output.as_bytes()).await.unwrap();
        assert_eq!(kept.len(), MAX_KEPT);
    }
}
