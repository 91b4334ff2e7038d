//! Single checks, with the details of those that did not pass.

use console::{Style, measure_text_width};

use super::screen::Screen;
use crate::check::{Check, Verdict};

/// Width of the column of titles.
const TITLE: usize = 18;

/// Adds `checks`; consecutive checks that were skipped for the same reason are one line.
pub fn write(screen: &mut Screen, checks: &[&Check]) {
    let groups = checks.chunk_by(|one, next| {
        matches!(one.verdict, Verdict::Skipped { .. }) && one.verdict == next.verdict
    });
    for group in groups {
        match group {
            [check] => single(screen, check),
            [first, .., last] => {
                let (_, because) = first.verdict.parts();
                let head = format!("  {}             ", mark(screen, &first.verdict));
                let titles = if group.len() == 2 {
                    format!("{}, {}", first.title(), last.title())
                } else {
                    format!("{} … {} ({})", first.title(), last.title(), group.len())
                };
                screen.branch(&head, &format!("{titles}: {}", because.unwrap_or_default()));
            }
            [] => {}
        }
    }
}

fn single(screen: &mut Screen, check: &Check) {
    let title = check.title();
    let time = format!("{:>7.1} ms", check.elapsed.as_secs_f64() * 1_000.0);
    let time = screen.paint(&Style::new().dim(), &time);
    let mark = mark(screen, &check.verdict);
    let (_, because) = check.verdict.parts();
    let is_wrong = matches!(check.verdict, Verdict::Warn | Verdict::Fail);
    let words = match because {
        Some(because) => because,
        None if is_wrong => "",
        None => &check.fault.seen,
    };
    let padding = if words.is_empty() {
        0
    } else {
        TITLE.saturating_sub(measure_text_width(&title)) + 1
    };
    let head = format!("  {mark} {time}  {title}{}", " ".repeat(padding));
    screen.branch(&head, words);
    if is_wrong {
        detail(screen, "seen", &check.fault.seen);
        detail(screen, "expected", &check.fault.expected);
    }
    detail(screen, "fix", &check.fault.hint);
    for setting in &check.settings {
        detail(screen, "setting", setting);
    }
    for more in &check.details {
        detail(screen, more.label, &more.text);
    }
    if is_wrong {
        detail(screen, "clause", check.rule.clause);
    }
}

fn detail(screen: &mut Screen, label: &str, text: &str) {
    if !text.is_empty() {
        let label = screen.paint(&Style::new().dim(), &format!("{label:<9}"));
        screen.branch(&format!("       {label} "), text);
    }
}

fn mark(screen: &Screen, verdict: &Verdict) -> String {
    screen.paint(&style_of(verdict), &format!("{:<4}", verdict.mark()))
}

/// Returns the color of a verdict.
pub fn style_of(verdict: &Verdict) -> Style {
    match verdict {
        Verdict::Pass => Style::new().green(),
        Verdict::Warn => Style::new().yellow().bold(),
        Verdict::Fail | Verdict::CouldNotRun { .. } => Style::new().red().bold(),
        Verdict::Skipped { .. } => Style::new().dim(),
    }
}
