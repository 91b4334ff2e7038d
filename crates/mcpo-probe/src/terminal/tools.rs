//! The quality of the tools: what their list costs, and warnings.

use console::Style;
use mcpo_common::text::{count, grouped};

use super::screen::Screen;
use crate::tool_quality::ToolReport;

/// How many findings of one rule the screen shows; documents contain more.
const SHOWN: usize = 5;
/// What to do about a list of tools that is too large.
const LARGE_FIX: &str = "shorten descriptions and schemas, or split the server: clients load such a \
                         list only on demand, and models choose worse among many tools";

/// Adds the section.
pub fn write(screen: &mut Screen, report: &ToolReport) {
    screen.blank();
    let name = screen.paint(&Style::new().bold(), "tools");
    screen.hang(&format!("{name}: "), &size(report));
    for share in report.cost.shares.iter().filter(|share| share.is_large) {
        let title = format!(
            "tool-tokens: {:.0} % of the context of {}",
            share.percent, share.models
        );
        warn(screen, &title);
        detail(screen, "fix", LARGE_FIX);
    }
    for findings in report.by_rule() {
        let Some(first) = findings.first() else {
            continue;
        };
        warn(screen, &format!("{}: {}", first.rule.id, first.rule.title));
        for found in findings.iter().take(SHOWN) {
            match &found.tool {
                Some(tool) => detail(screen, "seen", &format!("{tool}: {}", found.seen)),
                None => detail(screen, "seen", &found.seen),
            }
        }
        if findings.len() > SHOWN {
            detail(screen, "", &format!("and {} more", findings.len() - SHOWN));
        }
        detail(screen, "fix", &first.rule.fix);
    }
    if report.more > 0 {
        screen.hang("  ", &format!("and {}", count(report.more, "more finding")));
    }
}

fn size(report: &ToolReport) -> String {
    let cost = &report.cost;
    let share = match cost.shares.first() {
        Some(share) if share.percent >= 0.1 => {
            format!(
                " ({:.1} % of {})",
                share.percent,
                grouped(share.context as u64)
            )
        }
        _ => String::new(),
    };
    let tools = count(report.tools, "tool");
    format!(
        "{tools}, about {} tokens{share}",
        grouped(cost.tokens as u64)
    )
}

fn warn(screen: &mut Screen, title: &str) {
    let mark = screen.paint(&Style::new().yellow().bold(), "warn");
    screen.hang(&format!("  {mark} "), title);
}

fn detail(screen: &mut Screen, label: &str, text: &str) {
    let label = screen.paint(&Style::new().dim(), &format!("{label:<9}"));
    screen.hang(&format!("       {label} "), text);
}
