//! The rules of stores: the verdict about each store, the broken rules, and what was not checked.

use console::Style;

use super::screen::Screen;
use crate::store_rules::{RuleVerdict, StoreReport};

/// Adds the section, if a store was requested.
pub fn write(screen: &mut Screen, report: &StoreReport) {
    if report.stores.is_empty() {
        return;
    }
    screen.blank();
    for store in &report.stores {
        let name = screen.paint(&Style::new().bold(), store.name());
        screen.hang(&format!("{name}: "), &report.summary(*store));
    }
    for result in report.broken() {
        let (style, mark) = match report.strongest(result) {
            RuleVerdict::Fail => (Style::new().red().bold(), "FAIL"),
            _ => (Style::new().yellow().bold(), "warn"),
        };
        let mark = screen.paint(&style, mark);
        let rule = result.rule;
        let levels = report.levels(result);
        let title = format!("{}: {} ({levels})", rule.id, rule.title);
        screen.hang(&format!("  {mark} "), &title);
        let (findings, more) = result.findings();
        for found in findings {
            match &found.tool {
                Some(tool) => detail(screen, "seen", &format!("{tool}: {}", found.seen)),
                None => detail(screen, "seen", &found.seen),
            }
        }
        if more > 0 {
            detail(screen, "", &format!("and {more} more"));
        }
        detail(screen, "fix", &rule.fix);
        detail(
            screen,
            "source",
            &format!("{} ({})", rule.source, rule.source_date),
        );
    }
    for (because, ids) in report.unchecked() {
        let mark = screen.paint(&Style::new().dim(), "could not check");
        screen.hang(
            &format!("  {mark} "),
            &format!("{}: {because}", ids.join(", ")),
        );
    }
}

fn detail(screen: &mut Screen, label: &str, text: &str) {
    let label = screen.paint(&Style::new().dim(), &format!("{label:<9}"));
    screen.hang(&format!("       {label} "), text);
}
