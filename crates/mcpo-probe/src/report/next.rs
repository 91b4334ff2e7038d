//! What the user should do after a probe.

use mcpo_common::error::Exit;

use super::Report;
use crate::{
    check::{Check, Suggestion, Verdict},
    rules,
    target::Target,
};

/// The next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// A command, or what to enter in the client.
    Command(String),
    /// A change to the server or to the settings of the probe.
    Edit(String),
}

impl Next {
    /// Returns the text, for reports that do not distinguish them.
    pub fn into_text(self) -> String {
        match self {
            Self::Command(text) | Self::Edit(text) => text,
        }
    }
}

/// Returns the next step: a changed command if it lets the probe continue, otherwise the fix of the
/// first problem. If there is no problem, the step adds the server to the client.
pub fn of(report: &Report) -> Next {
    let target = match &report.target {
        Target::Url(url) => quoted(url.as_str()),
        Target::Command(command) => format!("-- {command}"),
    };
    match &report.suggestion {
        Some(Suggestion::Password) => {
            return Next::Command(format!("MCPO_PROBE_PASSWORD=… mcpo probe {target}"));
        }
        Some(Suggestion::Browser) => {
            return Next::Command(format!("mcpo probe --browser {target}"));
        }
        Some(Suggestion::ClientId) => {
            return Next::Command(format!("mcpo probe --client-id ID {target}"));
        }
        Some(Suggestion::Reuse) => return Next::Command(format!("mcpo probe --reuse {target}")),
        Some(Suggestion::Address(url)) => {
            return Next::Command(format!("mcpo probe {}", quoted(url.as_str())));
        }
        None => {}
    }
    let fix = match report.exit() {
        Exit::Success => {
            if let Target::Command(command) = &report.target {
                return Next::Command(report.profile.add_command(command.as_str()));
            }
            let here = report.target.is_here();
            let mut add = report.profile.add(&target, here);
            let headers = report.profile.request_headers.as_ref();
            if let Some(how) = headers.and_then(|headers| headers.how.as_ref()) {
                for name in &report.seen.fixed_headers {
                    add.push(' ');
                    add.push_str(&how.replace("{name}", name));
                }
            }
            return Next::Command(add);
        }
        Exit::CheckFailed => fix_of_failure(report),
        _ => report.could_not_run().and_then(fix_of),
    };
    fix.map_or_else(
        || Next::Command(format!("mcpo probe --trace {target}")),
        Next::Edit,
    )
}

fn fix_of_failure(report: &Report) -> Option<String> {
    if let Some(check) = report.failed() {
        return fix_of(check);
    }
    let broken = report.stores.broken();
    let first = broken.first()?;
    Some(format!("{}: {}", first.rule.id, first.rule.fix))
}

/// Returns the fix with the title of its check. Without a fix, it is what the check expects.
fn fix_of(check: &Check) -> Option<String> {
    let fault = &check.fault;
    let fix = [&fault.hint, &fault.expected];
    let fix = fix.into_iter().find(|text| !text.is_empty())?;
    let is_start = [
        rules::ADDRESS.id,
        rules::CHALLENGE.id,
        rules::STDIO_START.id,
    ]
    .contains(&check.rule.id)
        && matches!(check.verdict, Verdict::CouldNotRun { .. });
    Some(if is_start {
        fix.clone()
    } else {
        format!("{}: {fix}", check.rule.title)
    })
}

/// Quotes `url` for a shell: unchanged if that is safe, otherwise in single quotes.
fn quoted(url: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":/._-%@[]".contains(&byte);
    if url.bytes().all(plain) {
        url.to_owned()
    } else {
        format!("'{}'", url.replace('\'', "%27"))
    }
}
