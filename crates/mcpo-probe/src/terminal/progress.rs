//! The progress on stderr: the request in progress, and with `--trace` all requests.

use std::{cell::Cell, rc::Rc};

use indicatif::{ProgressBar, ProgressFinish};
use mcpo_common::{text::count, ui::Ui};

use crate::{
    check::{Check, Verdict},
    http::{Activity, Sent},
    plan::Plan,
    report::Report,
    trace,
};

/// Prints what the probe does. On a terminal, one line shows the request in progress; it disappears
/// when the probe ends.
pub struct Progress<'u> {
    ui: &'u Ui,
    traced: bool,
    line: Option<ProgressBar>,
    /// The checks that have finished, and those of them that did not pass.
    finished: Rc<Cell<(usize, usize)>>,
}

impl<'u> Progress<'u> {
    pub fn new(ui: &'u Ui, plan: &Plan) -> Self {
        Self {
            ui,
            traced: false,
            line: (ui.is_terminal() && ui.has_colours()).then(|| {
                let what = format!("probing {} as {}", plan.target, plan.profile.title);
                ui.spinner(what).with_finish(ProgressFinish::AndClear)
            }),
            finished: Rc::default(),
        }
    }

    pub const fn set_traced(&mut self, traced: bool) {
        self.traced = traced;
    }

    /// Returns the callback that shows a request as it is sent.
    pub fn activity(&self) -> Option<Activity> {
        let line = self.line.clone()?;
        let finished = Rc::clone(&self.finished);
        Some(Rc::new(move |doing| {
            line.reset_elapsed();
            line.set_message(match finished.get() {
                (checks, 0) => format!("{}: {doing}", count(checks, "check")),
                (checks, wrong) => format!(
                    "{}, {}: {doing}",
                    count(checks, "check"),
                    count(wrong, "problem")
                ),
            });
        }))
    }

    pub fn checked(&self, check: &Check) {
        let (checks, wrong) = self.finished.get();
        let is_wrong = !matches!(check.verdict, Verdict::Pass | Verdict::Skipped { .. });
        self.finished
            .set((checks + 1, wrong + usize::from(is_wrong)));
        if self.traced && !check.sent.is_empty() {
            self.say(&format!("# {}: {}", check.rule.id, check.verdict));
            self.trace(&check.sent);
        }
    }

    /// Removes the line.
    pub fn finish(&self, report: &Report) {
        if self.traced {
            self.trace(&report.last_requests);
        }
        if let Some(line) = &self.line {
            line.finish_and_clear();
        }
    }

    fn trace(&self, sent: &[Sent]) {
        for line in sent.iter().flat_map(trace::lines) {
            self.say(&line);
        }
    }

    fn say(&self, line: &str) {
        match &self.line {
            Some(bar) => bar.suspend(|| self.ui.say(line)),
            None => self.ui.say(line),
        }
    }
}
