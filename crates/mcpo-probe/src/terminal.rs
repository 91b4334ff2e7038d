//! Prints the probe for people.

use std::rc::Rc;

use console::{Style, measure_text_width};
use indicatif::{ProgressBar, ProgressFinish};
use mcpo_common::ui::Ui;

use crate::{
    check::{Check, Observer, Verdict},
    http::{Activity, Sent},
    phase::Phase,
    plan::Plan,
    report::Report,
    rules::Rule,
    store_rules::{RuleVerdict, StoreReport},
    trace,
};

/// Width of the title column.
const TITLE: usize = 18;

/// Prints each check as it finishes: on stdout, or on stderr if stdout carries a document. On a
/// terminal, the lines form a tree, with the request in progress below it.
pub struct Terminal<'u> {
    ui: &'u Ui,
    /// Whether stdout carries a document.
    aside: bool,
    tree: bool,
    traced: bool,
    phase: Option<Phase>,
    /// The request in progress and its duration; cleared when the probe ends.
    waiting: Option<ProgressBar>,
}

impl<'u> Terminal<'u> {
    /// Creates the output; `aside` means that stdout carries a document.
    #[must_use]
    pub fn new(ui: &'u Ui, plan: &Plan, aside: bool) -> Self {
        let tree = if aside {
            ui.is_terminal()
        } else {
            ui.result_is_terminal()
        };
        let terminal = Self {
            ui,
            aside,
            tree,
            traced: false,
            phase: None,
            waiting: (ui.is_terminal() && ui.has_colours()).then(|| {
                let bar = ui.spinner(String::new());
                bar.with_finish(ProgressFinish::AndClear)
            }),
        };
        terminal.line(&format!(
            "probing {} as {}",
            plan.target, plan.profile.title
        ));
        terminal
    }

    /// Also prints requests and responses, if the plan records them.
    #[must_use]
    pub const fn traced(mut self, traced: bool) -> Self {
        self.traced = traced;
        self
    }

    fn line(&self, line: &str) {
        let print = || {
            if self.aside {
                self.ui.say(line);
            } else {
                self.ui.result(line);
            }
        };
        match &self.waiting {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Prints a line below the heading of its phase.
    fn branch(&self, line: &str) {
        if self.tree {
            let trunk = self.paint(Style::new().dim(), "│");
            self.line(&format!(" {trunk}{line}"));
        } else {
            self.line(line);
        }
    }

    fn enter(&mut self, rule: &Rule) {
        let phase = Phase::of(rule);
        if self.tree && self.phase != Some(phase) {
            self.phase = Some(phase);
            let node = self.paint(Style::new().cyan(), "◆");
            let title = self.paint(Style::new().bold(), phase.title());
            self.line(&format!(" {node} {title}"));
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
            self.branch(&format!("         {label} {text}"));
        }
    }

    /// Prints requests on stderr, so that stdout contains only the report.
    fn trace(&self, sent: &[Sent]) {
        if !self.traced {
            return;
        }
        for line in sent.iter().flat_map(trace::lines) {
            let print = || self.ui.say(&line);
            match &self.waiting {
                Some(bar) => bar.suspend(print),
                None => print(),
            }
        }
    }

    /// Prints the verdict about each store, then the broken rules and what was not checked.
    fn stores(&self, report: &StoreReport) {
        if report.stores.is_empty() {
            return;
        }
        self.line("");
        for store in &report.stores {
            let name = self.paint(Style::new().bold(), store.name());
            self.line(&format!("{name}: {}", report.summary(*store)));
        }
        for result in report.broken() {
            let (style, mark) = match report.strongest(result) {
                RuleVerdict::Fail => (Style::new().red().bold(), "FAIL"),
                _ => (Style::new().yellow().bold(), "warn"),
            };
            let mark = self.paint(style, mark);
            let rule = result.rule;
            let levels = report.levels(result);
            self.line(&format!("  {mark} {}: {} ({levels})", rule.id, rule.title));
            let (findings, more) = result.findings();
            for found in findings {
                match &found.tool {
                    Some(tool) => self.store_detail("seen", &format!("{tool}: {}", found.seen)),
                    None => self.store_detail("seen", &found.seen),
                }
            }
            if more > 0 {
                self.store_detail("", &format!("and {more} more"));
            }
            self.store_detail("fix", &rule.fix);
            self.store_detail("source", &format!("{} ({})", rule.source, rule.source_date));
        }
        for (because, ids) in report.unchecked() {
            let mark = self.paint(Style::new().dim(), "could not check");
            self.line(&format!("  {mark} {}: {because}", ids.join(", ")));
        }
    }

    fn store_detail(&self, label: &str, text: &str) {
        let label = self.paint(Style::new().dim(), &format!("{label:<9}"));
        self.line(&format!("       {label} {text}"));
    }

    /// Prints the verdict and the next command to run.
    pub fn finish(&self, report: &Report) {
        self.trace(&report.farewell);
        if let Some(bar) = &self.waiting {
            bar.finish_and_clear();
        }
        self.stores(&report.stores);
        self.line("");
        self.line(&report.headline());
        if let Some(kind) = report.looks_like() {
            self.line(&kind);
        }
        self.line(&report.outcome());
        self.line(&format!("next: {}", report.next()));
    }
}

impl Observer for Terminal<'_> {
    fn activity(&self) -> Option<Activity> {
        let bar = self.waiting.clone()?;
        Some(Rc::new(move |doing| {
            bar.reset_elapsed();
            bar.set_message(doing.to_owned());
        }))
    }

    fn checked(&mut self, check: &Check) {
        self.trace(&check.sent);
        self.enter(check.rule);
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
        self.branch(line.trim_end());
        if matches!(check.verdict, Verdict::Warn | Verdict::Fail) {
            self.detail("seen", &check.fault.seen);
            self.detail("expected", &check.fault.expected);
            self.detail("clause", check.rule.clause);
        }
        self.detail("fix", &check.fault.hint);
        for setting in &check.settings {
            self.detail("setting", setting);
        }
    }

    fn skipped(&mut self, rules: &[&'static Rule], because: &str) {
        let (Some(first), Some(last)) = (rules.first(), rules.last()) else {
            return;
        };
        self.enter(first);
        let titles = if rules.len() == 1 {
            first.title.to_owned()
        } else {
            format!("{} … {} ({})", first.title, last.title, rules.len())
        };
        let mark = self.mark(&Verdict::Skipped {
            because: String::new(),
        });
        self.branch(&format!("  {mark}             {titles}: {because}"));
    }
}
