//! The verdict, and what to do next.

use console::Style;
use mcpo_common::error::Exit;

use super::screen::Screen;
use crate::report::{Next, Report};

/// Adds the verdict, what the client's user would see, and what was probed.
pub fn verdict(screen: &mut Screen, report: &Report) {
    headline(screen, report);
    screen.hang("", &report.outcome());
    let probed = format!("probed {} as {}", report.target, report.profile.title);
    screen.hang("", &probed);
    if let Some(kind) = report.looks_like() {
        screen.hang("", &kind);
    }
}

/// Adds the verdict in one line.
pub fn headline(screen: &mut Screen, report: &Report) {
    let style = match report.exit() {
        Exit::Success => Style::new().green().bold(),
        _ => Style::new().red().bold(),
    };
    let headline = report.headline();
    match headline.split_once(": ") {
        Some((verdict, rest)) => {
            let verdict = screen.paint(&style, &format!("{verdict}:"));
            screen.hang(&format!("{verdict} "), rest);
        }
        None => screen.hang("", &headline),
    }
}

/// Adds the command to run or the change to make.
pub fn next(screen: &mut Screen, report: &Report) {
    let label = screen.paint(&Style::new().bold(), "next:");
    match report.next_step() {
        Next::Command(command) => screen.verbatim(format!("{label} {command}")),
        Next::Edit(text) => screen.hang(&format!("{label} "), &text),
    }
}
