//! What the user should do after a probe.

use mcpo_common::{error::Exit, shell};

use super::Report;
use crate::{
    check::{Check, Suggestion, Verdict},
    observations::Observations,
    rules,
    target::{Target, shown_url},
};

/// The name of a server whose own name has no usable character.
const DEFAULT_ID: &str = "my-service";
/// The longest id. Some clients put it in front of the names of tools, which must stay short.
const MAX_ID_LEN: usize = 40;

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
        Target::Url(_) => shell::quoted(&report.target.shown()),
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
            return Next::Command(format!("mcpo probe {}", shell::quoted(&shown_url(url))));
        }
        None => {}
    }
    let fix = match report.exit() {
        Exit::Success => {
            let server = server_id(&report.seen);
            if let Target::Command(command) = &report.target {
                let add = report.profile.add_command(&server, command.as_str());
                return Next::Command(add);
            }
            let here = report.target.is_here();
            let mut add = report.profile.add(&server, &report.target.shown(), here);
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

/// Returns the name under which a client adds the server, made from the server's own name:
/// lower-case ASCII letters, digits and single hyphens. Shells and all clients accept it.
fn server_id(seen: &Observations) -> String {
    let name = seen
        .server
        .as_ref()
        .and_then(|server| server["name"].as_str());
    let mut id = String::new();
    for character in name.unwrap_or_default().chars() {
        if id.len() == MAX_ID_LEN {
            break;
        }
        if character.is_ascii_alphanumeric() {
            id.push(character.to_ascii_lowercase());
        } else if !id.is_empty() && !id.ends_with('-') {
            id.push('-');
        }
    }
    let id = id.trim_end_matches('-');
    if id.is_empty() { DEFAULT_ID } else { id }.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{DEFAULT_ID, MAX_ID_LEN, server_id};
    use crate::observations::Observations;

    #[test]
    fn server_ids_are_safe_in_shells_and_clients() {
        let id = |server| {
            server_id(&Observations {
                server: Some(server),
                ..Observations::default()
            })
        };
        for (name, expected) in [
            ("my-service", "my-service"),
            ("Acme Tools (beta)", "acme-tools-beta"),
            ("$(rm -rf ~)", "rm-rf"),
            ("--header", "header"),
            ("日本", DEFAULT_ID),
            ("", DEFAULT_ID),
        ] {
            assert_eq!(id(json!({ "name": name })), expected, "{name}");
        }
        assert_eq!(
            id(json!({ "name": "x".repeat(100) })),
            "x".repeat(MAX_ID_LEN)
        );
        assert_eq!(id(json!({})), DEFAULT_ID);
        assert_eq!(server_id(&Observations::default()), DEFAULT_ID);
    }
}
