//! The report as people read it.

use console::{Style, measure_text_width};

use super::{
    args::Plan,
    check::{Check, Observer, Verdict},
    json::Summary,
    rules::Rule,
};
use crate::ui::Ui;

/// Room for the titles of the rules, and for what was seen before the time.
const TITLE: usize = 18;

/// Prints each check as it happens: on stdout, or on stderr if stdout carries a document.
pub struct Terminal<'u> {
    ui: &'u Ui,
    /// Whether stdout carries a document.
    aside: bool,
}

impl<'u> Terminal<'u> {
    pub fn new(ui: &'u Ui, plan: &Plan) -> Self {
        let terminal = Self {
            ui,
            aside: plan.document.is_some(),
        };
        terminal.line(&format!(
            "probing {} as {}",
            plan.target, plan.profile.title
        ));
        terminal
    }

    fn line(&self, line: &str) {
        if self.aside {
            self.ui.say(line);
        } else {
            self.ui.result(line);
        }
    }

    fn paint(&self, style: Style, text: &str) -> String {
        let style = if self.aside {
            style.for_stderr()
        } else {
            style.for_stdout()
        };
        style.apply_to(text).to_string()
    }

    fn mark(&self, verdict: &Verdict) -> String {
        let (style, mark) = match verdict {
            Verdict::Pass => (Style::new().green(), "ok  "),
            Verdict::Warn => (Style::new().yellow().bold(), "warn"),
            Verdict::Fail => (Style::new().red().bold(), "FAIL"),
            Verdict::Skipped { .. } => (Style::new().dim(), "skip"),
            Verdict::CouldNotRun { .. } => (Style::new().red().bold(), "????"),
        };
        self.paint(style, mark)
    }

    fn detail(&self, label: &str, text: &str) {
        if !text.is_empty() {
            let label = self.paint(Style::new().dim(), &format!("{label:<9}"));
            self.line(&format!("         {label} {text}"));
        }
    }

    /// The verdict, and the one thing to type next.
    pub fn finish(&self, summary: &Summary<'_>) {
        self.line("");
        self.line(&summary.headline());
        self.line(&summary.outcome());
        self.line(&format!("next: {}", summary.next()));
    }
}

impl Observer for Terminal<'_> {
    fn checked(&mut self, check: &Check) {
        let again = if check.round > 1 {
            format!(" ({})", check.round)
        } else {
            String::new()
        };
        let title = format!("{}{again}", check.rule.title);
        let padding = " ".repeat(TITLE.saturating_sub(measure_text_width(&title)));
        let time = self.paint(
            Style::new().dim(),
            &format!("{:>7.1} ms", check.elapsed.as_secs_f64() * 1_000.0),
        );
        let words = match &check.verdict {
            Verdict::Pass => &check.fault.seen,
            Verdict::Skipped { because } | Verdict::CouldNotRun { because } => because,
            Verdict::Warn | Verdict::Fail => "",
        };
        let line = format!(
            "  {} {time}  {title}{padding} {words}",
            self.mark(&check.verdict)
        );
        self.line(line.trim_end());
        if matches!(check.verdict, Verdict::Warn | Verdict::Fail) {
            self.detail("seen", &check.fault.seen);
            self.detail("expected", &check.fault.expected);
            self.detail("clause", check.rule.clause);
        }
        self.detail("mend", &check.fault.hint);
    }

    fn skipped(&mut self, rules: &[&'static Rule], because: &str) {
        let titles = match rules {
            [] => return,
            [only] => only.title.to_owned(),
            [first, .., last] => format!("{} … {} ({})", first.title, last.title, rules.len()),
        };
        let mark = self.mark(&Verdict::Skipped {
            because: String::new(),
        });
        self.line(&format!("  {mark}             {titles}: {because}"));
    }
}
