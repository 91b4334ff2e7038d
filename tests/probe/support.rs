//! Runs the binary and makes its report comparable.

use std::process::{Output, Stdio};

use mcpo_test_support::oauth_server::{Fault, OAuthServer, Settings};
use tokio::process::Command;

/// The result of a run.
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `mcpo probe` with `arguments`.
pub async fn probe(arguments: &[&str]) -> Run {
    probe_with(arguments, &[]).await
}

/// Runs `mcpo probe` with `arguments` and environment variables.
pub async fn probe_with(arguments: &[&str], environment: &[(&str, &str)]) -> Run {
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

fn mask(report: &str) -> String {
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

/// Probes a server that has `fault` and is otherwise healthy.
pub async fn probe_fault(fault: Fault) -> Run {
    let server = OAuthServer::with(fault).await;
    probe(&[&server.url()]).await
}

/// Probes a server with `settings`.
pub async fn probe_settings(settings: Settings, arguments: &[&str]) -> Run {
    let server = OAuthServer::start(settings).await;
    let url = server.url();
    probe(&[&[url.as_str()], arguments].concat()).await
}
