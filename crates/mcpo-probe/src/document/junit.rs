//! The report as `JUnit` XML, for build servers: one suite per phase, and one per store.

use std::time::Duration;

use quick_xml::escape::escape;

use crate::{
    check::{Check, Verdict},
    phase::Phase,
    report::Report,
    store::Store,
    store_rules::{RuleOutcome, RuleResult, RuleVerdict, StoreReport},
};

/// A test suite with its cases as XML.
struct Suite {
    name: String,
    counts: Counts,
    elapsed: Duration,
    cases: String,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.tests += other.tests;
        self.failures += other.failures;
        self.errors += other.errors;
        self.skipped += other.skipped;
    }

    fn attributes(self) -> String {
        format!(
            "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"",
            self.tests, self.failures, self.errors, self.skipped
        )
    }
}

impl Suite {
    fn xml(&self) -> String {
        format!(
            "<testsuite name=\"{}\" {} time=\"{:.3}\">\n{}</testsuite>\n",
            escape(&self.name),
            self.counts.attributes(),
            self.elapsed.as_secs_f64(),
            self.cases
        )
    }
}

pub fn write(report: &Report) -> String {
    let phases = Phase::ALL.into_iter().filter_map(|phase| {
        let checks = report.checks.iter();
        let checks: Vec<&Check> = checks
            .filter(|check| Phase::of(check.rule) == phase)
            .collect();
        (!checks.is_empty()).then(|| suite_of_phase(phase, &checks))
    });
    let stores = report.stores.stores.iter();
    let stores = stores.map(|store| suite_of_store(&report.stores, *store));
    let suites: Vec<Suite> = phases.chain(stores).collect();
    let mut counts = Counts::default();
    for suite in &suites {
        counts.add(suite.counts);
    }
    let name = format!("mcpo probe {} as {}", report.target, report.profile.title);
    let suites: String = suites.iter().map(Suite::xml).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"{}\" {} time=\"{:.3}\">\n{suites}</testsuites>",
        escape(&name),
        counts.attributes(),
        report.elapsed.as_secs_f64(),
    )
}

fn suite_of_phase(phase: Phase, checks: &[&Check]) -> Suite {
    let count = |wanted: fn(&Verdict) -> bool| {
        let found = checks.iter().filter(|check| wanted(&check.verdict));
        found.count()
    };
    Suite {
        name: phase.title().to_owned(),
        counts: Counts {
            tests: checks.len(),
            failures: count(|verdict| matches!(verdict, Verdict::Fail)),
            errors: count(|verdict| matches!(verdict, Verdict::CouldNotRun { .. })),
            skipped: count(|verdict| matches!(verdict, Verdict::Skipped { .. })),
        },
        elapsed: checks.iter().map(|check| check.elapsed).sum(),
        cases: checks.iter().map(|check| case(phase, check)).collect(),
    }
}

/// Returns the rules of one store. A rule that was not checked counts as skipped, because that is
/// no problem of the server.
fn suite_of_store(report: &StoreReport, store: Store) -> Suite {
    let cases: Vec<String> = report
        .rules
        .iter()
        .filter_map(|result| rule(result, store))
        .collect();
    Suite {
        name: store.name().to_owned(),
        counts: Counts {
            tests: cases.len(),
            failures: report.count(store, RuleVerdict::Fail),
            errors: 0,
            skipped: report.count(store, RuleVerdict::CouldNotCheck),
        },
        elapsed: Duration::ZERO,
        cases: cases.concat(),
    }
}

fn rule(result: &RuleResult, store: Store) -> Option<String> {
    let verdict = result.verdict(store)?;
    let rule = result.rule;
    let (findings, more) = result.findings();
    let mut lines: Vec<String> = findings
        .iter()
        .map(|found| match &found.tool {
            Some(tool) => format!("seen: {tool}: {}", found.seen),
            None => format!("seen: {}", found.seen),
        })
        .collect();
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines.push(format!("fix: {}", rule.fix));
    lines.push(format!("source: {} ({})", rule.source, rule.source_date));
    let details = lines.join("\n");
    let body = match (verdict, &result.outcome) {
        (RuleVerdict::Warn, _) => warning(&details),
        (RuleVerdict::Fail, _) => message("failure", &rule.title, &details),
        (_, RuleOutcome::NotChecked { because }) => skipped(&format!("could not check: {because}")),
        _ => String::new(),
    };
    Some(test_case(
        store.name(),
        &rule.title,
        &rule.id,
        Duration::ZERO,
        &body,
    ))
}

fn case(phase: Phase, check: &Check) -> String {
    let fault = &check.fault;
    let labelled = [
        ("seen", fault.seen.as_str()),
        ("expected", &fault.expected),
        ("fix", &fault.hint),
    ];
    let settings = check.settings.iter();
    let settings = settings.map(|setting| ("setting", setting.as_str()));
    let details = check.details.iter();
    let details = details.map(|detail| (detail.label, detail.text.as_str()));
    let lines = labelled
        .into_iter()
        .chain(settings)
        .chain(details)
        .chain([("clause", check.rule.clause)]);
    let lines = lines.filter(|(_, text)| !text.is_empty());
    let lines: Vec<String> = lines
        .map(|(label, text)| format!("{label}: {text}"))
        .collect();
    let details = lines.join("\n");
    let body = match &check.verdict {
        Verdict::Pass => String::new(),
        Verdict::Warn => warning(&details),
        Verdict::Fail => message("failure", &fault.seen, &details),
        Verdict::Skipped { because } => skipped(because),
        Verdict::CouldNotRun { because } => message("error", because, &details),
    };
    test_case(
        phase.title(),
        &check.title(),
        check.rule.id,
        check.elapsed,
        &body,
    )
}

/// Returns a case with the title of the screen. The stable id is a property.
fn test_case(suite: &str, title: &str, id: &str, elapsed: Duration, body: &str) -> String {
    format!(
        "<testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\">\
         <properties><property name=\"id\" value=\"{}\"/></properties>{body}</testcase>\n",
        escape(suite),
        escape(title),
        elapsed.as_secs_f64(),
        escape(id),
    )
}

fn message(element: &str, message: &str, details: &str) -> String {
    format!(
        "<{element} message=\"{}\">{}</{element}>",
        escape(message),
        escape(details)
    )
}

fn skipped(because: &str) -> String {
    format!("<skipped message=\"{}\"/>", escape(because))
}

/// `JUnit` has no warnings; build servers show `system-out`.
fn warning(details: &str) -> String {
    format!("<system-out>warning: {}</system-out>", escape(details))
}
