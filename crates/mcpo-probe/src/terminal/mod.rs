//! Prints the probe for people: its progress on stderr, and the report when the probe has ended.

mod checks;
mod phases;
mod progress;
mod screen;
mod stores;
mod summary;
mod tools;

use mcpo_common::ui::Ui;

use self::{progress::Progress, screen::Screen};
use crate::{
    check::{Check, Observer, Verdict},
    http::Activity,
    plan::Plan,
    report::Report,
    rules::{self, Rule},
};

/// Shows the request in progress on a terminal, and prints the report when the probe has ended: on
/// stdout, or on stderr if stdout carries a document.
///
/// The verdict comes first. A phase whose checks all passed is one line. The checks that a flag
/// asked for are always shown. The last line is what to do next.
pub struct Terminal<'u> {
    ui: &'u Ui,
    /// Whether stdout carries a document.
    is_stdout_document: bool,
    selection: Selection,
    progress: Progress<'u>,
}

/// Which checks are shown in addition to those that need attention.
#[derive(Default)]
pub struct Selection {
    /// All of them.
    is_verbose: bool,
    /// Those with ids that start like one of these, because a flag asked for them.
    requested: Vec<&'static str>,
}

impl Selection {
    fn of(plan: &Plan) -> Self {
        let flags = [
            (plan.tool.is_some(), rules::TOOLS_CALL.id),
            (plan.cold.is_some(), rules::COLD.id),
            (plan.concurrent_refresh, "concurrent-refresh"),
            (plan.locked.is_some(), rules::CONTRACT.id),
            (!plan.kept.is_empty(), "kept-"),
            (plan.restart.is_some(), "restart"),
        ];
        let given = flags.into_iter().filter(|(is_given, _)| *is_given);
        Self {
            is_verbose: false,
            requested: given.map(|(_, id)| id).collect(),
        }
    }

    /// Returns true if `check` is shown.
    pub fn shows(&self, check: &Check) -> bool {
        let needs_attention = !matches!(check.verdict, Verdict::Pass | Verdict::Skipped { .. });
        let mut requested = self.requested.iter();
        needs_attention || self.is_verbose || requested.any(|id| check.id().starts_with(id))
    }
}

impl<'u> Terminal<'u> {
    /// Creates the output; `is_stdout_document` means that stdout carries a document.
    #[must_use]
    pub fn new(ui: &'u Ui, plan: &Plan, is_stdout_document: bool) -> Self {
        Self {
            ui,
            is_stdout_document,
            selection: Selection::of(plan),
            progress: Progress::new(ui, plan),
        }
    }

    /// Also prints requests and responses, if the plan records them.
    #[must_use]
    pub const fn traced(mut self, traced: bool) -> Self {
        self.progress.set_traced(traced);
        self
    }

    /// Prints all checks, also those that passed.
    #[must_use]
    pub const fn verbose(mut self, verbose: bool) -> Self {
        self.selection.is_verbose = verbose;
        self
    }

    /// Prints the report: the verdict, the checks, and what to do next.
    pub fn finish(&self, report: &Report) {
        self.progress.finish(report);
        let mut screen = self.screen();
        summary::verdict(&mut screen, report);
        screen.blank();
        phases::write(&mut screen, report, &self.selection);
        stores::write(&mut screen, &report.stores);
        if let Some(report) = &report.tools {
            tools::write(&mut screen, report);
        }
        screen.blank();
        if self.is_taller_than_terminal(&screen) {
            summary::headline(&mut screen, report);
        }
        summary::next(&mut screen, report);
        self.print(screen);
    }

    fn size(&self) -> Option<(usize, usize)> {
        if self.is_stdout_document {
            self.ui.size()
        } else {
            self.ui.result_size()
        }
    }

    fn screen(&self) -> Screen {
        Screen::new(self.size().map(|(_, width)| width), self.is_stdout_document)
    }

    /// Returns true if the verdict at the top will have left the terminal.
    fn is_taller_than_terminal(&self, screen: &Screen) -> bool {
        self.size()
            .is_some_and(|(height, _)| screen.height() + 2 > height)
    }

    fn print(&self, screen: Screen) {
        for line in screen.into_lines() {
            if self.is_stdout_document {
                self.ui.say(line);
            } else {
                self.ui.result(line);
            }
        }
    }
}

/// Prints the checks of a probe that has ended on stderr, as [`Terminal`] does: one line per phase,
/// and the checks that did not pass.
pub fn print_checks(ui: &Ui, report: &Report) {
    let mut screen = Screen::new(ui.size().map(|(_, width)| width), true);
    phases::write(&mut screen, report, &Selection::default());
    for line in screen.into_lines() {
        ui.say(line);
    }
}

impl Observer for Terminal<'_> {
    fn activity(&self) -> Option<Activity> {
        self.progress.activity()
    }

    fn checked(&mut self, check: &Check) {
        self.progress.checked(check);
    }

    fn skipped(&mut self, _: &[&'static Rule], _: &str) {}
}
