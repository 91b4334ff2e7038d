//! The log lines of the server that belong to requests of mcpo itself. They are printed only if the
//! test that caused them fails.

use crate::dev::messages::self_test::TestKind;

/// How many lines are kept.
const MAX_LINES: usize = 200;

/// The lines of the current tests. A line does not say which test caused it, so the lines of tests
/// that run at the same time are kept until all of them have ended.
#[derive(Debug, Default)]
pub struct HeldLog {
    running: Vec<TestKind>,
    lines: Vec<String>,
    /// Whether a test failed since the last start. Its last lines may arrive after its result.
    has_failed: bool,
}

impl HeldLog {
    /// Starts a test. If no other test runs, the lines of earlier tests are forgotten.
    pub fn begin(&mut self, test: TestKind) {
        if self.running.is_empty() {
            self.lines.clear();
        }
        self.has_failed = false;
        if !self.running.contains(&test) {
            self.running.push(test);
        }
    }

    /// Adds a line. Returns it if it must be printed now.
    pub fn add(&mut self, line: String) -> Option<String> {
        if self.has_failed && self.running.is_empty() {
            return Some(line);
        }
        if self.lines.len() < MAX_LINES {
            self.lines.push(line);
        }
        None
    }

    /// Ends a test. Returns the lines to print.
    pub fn end(&mut self, test: TestKind, has_failed: bool) -> Vec<String> {
        self.running.retain(|running| *running != test);
        self.has_failed |= has_failed;
        let is_last = self.running.is_empty();
        if has_failed || (self.has_failed && is_last) {
            std::mem::take(&mut self.lines)
        } else {
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HeldLog, TestKind};

    const PROBE: TestKind = TestKind::Probe;
    const CALL: TestKind = TestKind::ToolCall;

    #[test]
    fn lines_are_printed_only_if_the_test_fails() {
        let mut held = HeldLog::default();
        held.begin(PROBE);
        assert_eq!(held.add("one".to_owned()), None);
        assert!(held.end(PROBE, false).is_empty());
        held.begin(PROBE);
        assert_eq!(held.add("two".to_owned()), None);
        assert_eq!(held.end(PROBE, true), ["two"]);
        assert_eq!(held.add("late".to_owned()), Some("late".to_owned()));
        held.begin(PROBE);
        assert_eq!(held.add("three".to_owned()), None);
    }

    #[test]
    fn a_second_test_keeps_the_lines_of_the_first() {
        let mut held = HeldLog::default();
        held.begin(PROBE);
        held.add("of the probe".to_owned());
        held.begin(CALL);
        held.add("of the call".to_owned());
        assert!(held.end(CALL, false).is_empty());
        held.add("more".to_owned());
        assert_eq!(
            held.end(PROBE, true),
            ["of the probe", "of the call", "more"]
        );
    }

    #[test]
    fn late_lines_of_a_failed_test_are_printed_when_the_other_test_ends() {
        let mut held = HeldLog::default();
        held.begin(PROBE);
        held.begin(CALL);
        assert!(held.end(PROBE, true).is_empty());
        held.add("late".to_owned());
        assert_eq!(held.end(CALL, false), ["late"]);
    }
}
