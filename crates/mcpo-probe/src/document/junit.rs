//! The report as `JUnit` XML, for build servers.

use quick_xml::escape::escape;

use crate::{
    check::{Check, Verdict},
    report::Report,
    store::Store,
    store_rules::{RuleOutcome, RuleResult, RuleVerdict, StoreReport},
};

pub fn write(report: &Report) -> String {
    let checks = &report.checks;
    let count = |wanted: fn(&Verdict) -> bool| {
        let found = checks.iter().filter(|check| wanted(&check.verdict));
        found.count()
    };
    let cases: String = checks.iter().map(case).collect();
    let stores = &report.stores;
    let suites: String = stores
        .stores
        .iter()
        .map(|store| suite(stores, *store))
        .collect();
    let name = format!("mcpo probe {} as {}", report.target, report.profile.title);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites>\n<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3}\">\n\
         {cases}</testsuite>\n{suites}</testsuites>",
        escape(&name),
        checks.len(),
        count(|verdict| matches!(verdict, Verdict::Fail)),
        count(|verdict| matches!(verdict, Verdict::CouldNotRun { .. })),
        count(|verdict| matches!(verdict, Verdict::Skipped { .. })),
        report.elapsed.as_secs_f64(),
    )
}

/// Returns the rules of one store. A rule that was not checked counts as skipped, because that is
/// no problem of the server.
fn suite(report: &StoreReport, store: Store) -> String {
    let cases: Vec<String> = report
        .rules
        .iter()
        .filter_map(|result| rule(result, store))
        .collect();
    format!(
        "<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\">\n{}</testsuite>\n",
        store.name(),
        cases.len(),
        report.count(store, RuleVerdict::Fail),
        report.count(store, RuleVerdict::CouldNotCheck),
        cases.concat(),
    )
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
    let details = escape(&details);
    let title = escape(&rule.title);
    let body = match (verdict, &result.outcome) {
        (RuleVerdict::Warn, _) => format!("<system-out>warning: {details}</system-out>"),
        (RuleVerdict::Fail, _) => format!("<failure message=\"{title}\">{details}</failure>"),
        (_, RuleOutcome::NotChecked { because }) => {
            format!(
                "<skipped message=\"could not check: {}\"/>",
                escape(because)
            )
        }
        _ => String::new(),
    };
    Some(format!(
        "<testcase classname=\"{}\" name=\"{}\">{body}</testcase>\n",
        store.name(),
        rule.id
    ))
}

fn case(check: &Check) -> String {
    let fault = &check.fault;
    let details = || {
        let lines = [
            ("seen", &fault.seen),
            ("expected", &fault.expected),
            ("fix", &fault.hint),
        ];
        let lines = lines.map(|(label, text)| format!("{label}: {text}"));
        let mut text = format!("{}\nclause: {}", lines.join("\n"), check.rule.clause);
        for setting in &check.settings {
            text.push_str("\nsetting: ");
            text.push_str(setting);
        }
        escape(&text).into_owned()
    };
    let body = match &check.verdict {
        Verdict::Pass => String::new(),
        // JUnit has no warnings; build servers show `system-out`.
        Verdict::Warn => format!("<system-out>warning: {}</system-out>", details()),
        Verdict::Fail => {
            let message = escape(&fault.seen);
            format!("<failure message=\"{message}\">{}</failure>", details())
        }
        Verdict::Skipped { because } => format!("<skipped message=\"{}\"/>", escape(because)),
        Verdict::CouldNotRun { because } => {
            let message = escape(because);
            format!("<error message=\"{message}\">{}</error>", details())
        }
    };
    let group = if check.rule.security {
        "security"
    } else {
        "walk"
    };
    let again = if check.round > 1 {
        format!(" ({})", check.round)
    } else {
        String::new()
    };
    format!(
        "<testcase classname=\"{group}\" name=\"{}{again}\" time=\"{:.3}\">{body}</testcase>\n",
        check.rule.id,
        check.elapsed.as_secs_f64(),
    )
}
