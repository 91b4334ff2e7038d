//! The log lines of the server that belong to requests of mcpo itself. They are printed only if the
//! test that caused them fails.

/// How many lines are kept.
const MAX_LINES: usize = 200;

/// The lines of the current test.
#[derive(Debug, Default)]
pub struct HeldLog {
    lines: Vec<String>,
    /// Whether the last test failed. Its last lines may arrive after its result.
    has_failed: bool,
}

impl HeldLog {
    /// Starts a test: the lines of the test before are forgotten.
    pub fn begin(&mut self) {
        *self = Self::default();
    }

    /// Adds a line. Returns it if it must be printed now.
    pub fn add(&mut self, line: String) -> Option<String> {
        if self.has_failed {
            return Some(line);
        }
        if self.lines.len() < MAX_LINES {
            self.lines.push(line);
        }
        None
    }

    /// Ends a test. Returns the lines to print.
    pub fn end(&mut self, has_failed: bool) -> Vec<String> {
        self.has_failed = has_failed;
        let lines = std::mem::take(&mut self.lines);
        if has_failed { lines } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::HeldLog;

    #[test]
    fn lines_are_printed_only_if_the_test_fails() {
        let mut held = HeldLog::default();
        held.begin();
        assert_eq!(held.add("one".to_owned()), None);
        assert!(held.end(false).is_empty());
        held.begin();
        assert_eq!(held.add("two".to_owned()), None);
        assert_eq!(held.end(true), ["two"]);
        assert_eq!(held.add("late".to_owned()), Some("late".to_owned()));
        held.begin();
        assert_eq!(held.add("three".to_owned()), None);
    }
}
