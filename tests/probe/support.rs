//! Runs the binary and makes its report comparable.

use std::process::{Output, Stdio};

use mcpo_test_support::oauth_server::{Fault, OAuthServer, Settings};
use serde_json::Value;
use tokio::process::Command;

/// Why checks after the end of a probe are skipped.
const ENDED: &str = "the probe ended before it";
const PROFILES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../crates/mcpo-probe/src/profile"
);

/// The result of a run.
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `mcpo probe` with `arguments`; the report has all checks.
pub async fn probe(arguments: &[&str]) -> Run {
    probe_with(arguments, &[]).await
}

/// Runs `mcpo probe` with `arguments` and environment variables; the report has all checks.
pub async fn probe_with(arguments: &[&str], environment: &[(&str, &str)]) -> Run {
    probe_briefly(&[&["--verbose"], arguments].concat(), environment).await
}

/// Runs `mcpo probe` with `arguments` and environment variables; the report has the checks that need
/// attention.
pub async fn probe_briefly(arguments: &[&str], environment: &[(&str, &str)]) -> Run {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_mcpo"))
        .arg("probe")
        .args(arguments)
        .env_remove("MCPO_PROBE_PASSWORD")
        .env_remove("MCPO_PROBE_CLIENT_SECRET")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .await
        .expect("the binary runs");
    Run {
        code: status.code(),
        stdout: String::from_utf8(stdout).expect("UTF-8 on stdout"),
        stderr: String::from_utf8(stderr).expect("UTF-8 on stderr"),
    }
}

impl Run {
    /// Returns the exit code and the report, without what changes from run to run.
    pub fn report(&self) -> String {
        format!(
            "exit {}\n{}",
            self.code.expect("not killed"),
            mask(&self.stdout)
        )
    }
}

/// Runs `mcpo probe` with `arguments` and returns the ids and verdicts of the checks that did not
/// pass, without titles and without what changes from run to run. The outcome is the name of the
/// text in the client's profile.
pub async fn verdicts(arguments: &[&str]) -> String {
    let run = probe(&[&["--json"], arguments].concat()).await;
    let report: Value = serde_json::from_str(&run.stdout).expect("a report");
    let mut lines = vec![format!("exit {}", run.code.expect("not killed"))];
    let checks = report["checks"].as_array().expect("checks").iter();
    let wrong: Vec<&Value> = checks
        .filter(|check| text(check, "verdict") != "pass")
        .collect();
    let is_skipped = |check: &Value| text(check, "verdict") == "skipped";
    for group in wrong.chunk_by(|one, next| {
        is_skipped(one) && is_skipped(next) && one["because"] == next["because"]
    }) {
        let verdict = text(group[0], "verdict");
        let because = text(group[0], "because");
        if because == ENDED {
            lines.push("skipped the rest".to_owned());
            continue;
        }
        let ids: Vec<&str> = group.iter().map(|check| text(check, "id")).collect();
        lines.push(format!("{verdict} {}", ids.join(" ")));
        let texts =
            ["because", "seen", "expected", "hint"].map(|name| (name, text(group[0], name)));
        let shown = texts.into_iter().filter(|(_, text)| !text.is_empty());
        lines.extend(shown.map(|(name, text)| format!("  {name}: {}", mask(text))));
        let settings = group[0]["settings"].as_array().into_iter().flatten();
        let settings = settings.filter_map(Value::as_str);
        lines.extend(settings.map(|setting| format!("  setting: {setting}")));
    }
    lines.push(format!("outcome: {}", outcome(&report)));
    lines.join("\n")
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

/// Returns the name of the outcome's text in the client's profile.
fn outcome(report: &Value) -> String {
    let client = &report["client"];
    let shown = text(report, "outcome");
    let shown = shown.strip_prefix(text(client, "title")).unwrap_or(shown);
    let shown = shown.trim_start_matches(": ");
    let path = format!("{PROFILES}/{}.json", text(client, "id"));
    let profile = std::fs::read_to_string(path).expect("the profile");
    let profile: Value = serde_json::from_str(&profile).expect("JSON");
    let mut named = profile["shows"].as_object().expect("texts").iter();
    let named = named.find(|(_, text)| text.as_str() == shown.strip_prefix("shows "));
    named.map_or_else(|| shown.to_owned(), |(name, _)| format!("shows {name}"))
}

/// Replaces what changes from run to run.
pub fn mask(report: &str) -> String {
    let masked = report.lines().map(|line| {
        let line = mask_after(line, "127.0.0.1:", |part| part.is_ascii_digit());
        let line = mask_after(&line, "localhost:", |part| part.is_ascii_digit());
        // Ids differ in each run.
        let line = mask_after(&line, "mcpo_ci_", |part| part != ',');
        let line = if line.contains("  registration ") && !line.contains("mcpo_ci_") {
            mask_id(&line)
        } else {
            line
        };
        mask_times(&line)
    });
    masked.collect::<Vec<_>>().join("\n")
}

/// Replaces the `variable` characters after each `marker` with dots.
fn mask_after(line: &str, marker: &str, variable: fn(char) -> bool) -> String {
    let mut parts = line.split(marker);
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        masked.push_str(marker);
        masked.push('…');
        masked.push_str(part.trim_start_matches(variable));
    }
    masked
}

/// Masks random ids, as most servers issue them: `  1b4e28…, none at …`.
fn mask_id(line: &str) -> String {
    let Some((before, method)) = line.rsplit_once(", ") else {
        return line.to_owned();
    };
    let start = before.rfind("  ").map_or(0, |start| start + 2);
    let id = &before[start..];
    // The ids of the test server are numbered, from 1.
    if id.starts_with("client-") || id.contains(' ') {
        return line.to_owned();
    }
    format!("{}…, {method}", &before[..start])
}

/// Replaces `   1.2 ms` and `in 34 ms` with ` TIME`.
fn mask_times(line: &str) -> String {
    let Some((before, after)) = line.split_once(" ms") else {
        return line.to_owned();
    };
    let before = before.trim_end_matches(|part: char| part.is_ascii_digit() || part == '.');
    format!("{} TIME{after}", before.trim_end())
}

/// Probes a server with `settings`. Returns the [`verdicts`].
pub async fn settings_verdicts(settings: Settings) -> String {
    let server = OAuthServer::start(settings).await;
    verdicts(&[&server.url()]).await
}

/// Probes a server that has `fault` and is otherwise healthy.
pub async fn probe_fault(fault: Fault) -> Run {
    let server = OAuthServer::with(fault).await;
    probe(&[&server.url()]).await
}

/// Probes a server that has `fault` and is otherwise healthy. Returns the [`verdicts`].
pub async fn fault_verdicts(fault: Fault) -> String {
    let server = OAuthServer::with(fault).await;
    verdicts(&[&server.url()]).await
}

/// Probes a server with `settings`.
pub async fn probe_settings(settings: Settings, arguments: &[&str]) -> Run {
    let server = OAuthServer::start(settings).await;
    let url = server.url();
    probe(&[&[url.as_str()], arguments].concat()).await
}
