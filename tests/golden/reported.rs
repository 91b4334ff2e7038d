//! Servers with the faults of public bug reports, see `reported/cases.py`.
//!
//! The faults were collected by someone who did not write the probe. The reports here were compared
//! with what the libraries of clients and a browser do with the same server.

use std::{net::SocketAddr, process::Command};

use insta::assert_snapshot;
use mcpo_test_support::{issuer::start_tls_proxy, process::free_port};
use tokio::task::JoinSet;

use crate::{PYTHON, Peer, installed, support::verdicts};

const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/golden/reported/main.py"
);
/// How many servers are probed at the same time.
const PARALLEL: usize = 4;

/// The names of all cases, in the order of the file.
fn cases() -> Vec<&'static str> {
    let lines = include_str!("reported/cases.py").lines();
    lines
        .filter_map(|line| line.strip_prefix("class ")?.split('(').next())
        .collect()
}

/// The host of the issuer, which has no registration.
const ENTRA: &str = "login.microsoftonline.com";
const SERVER: &str = "mcp.example.test";

/// Returns true if the issuer is at `ENTRA`.
fn has_entra(case: &str) -> bool {
    [
        "entra",
        "entra_pg",
        "entra_pg400",
        "entra_scope",
        "entra_nopkce",
    ]
    .contains(&case)
}

/// Returns true if the fault exists only on `https`.
fn needs_tls(case: &str) -> bool {
    has_entra(case) || ["mesh20", "httpas", "httpend"].contains(&case)
}

/// Returns the path of the MCP endpoint.
fn path(case: &str) -> &'static str {
    match case {
        "banner450" => "/",
        "suffix1288" => "/mcp/weather",
        "hard387" => "/mcp/oauth",
        _ => "/mcp",
    }
}

fn start(case: &str, port: u16, origin: &str) -> Peer {
    let mut command = Command::new(installed(PYTHON));
    command.arg(SCRIPT).args([&port.to_string(), case, origin]);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    Peer::spawn(command, port, case)
}

async fn probe_case(case: &'static str) -> String {
    let port = free_port();
    let report = if needs_tls(case) {
        probe_with_tls(case, port).await
    } else {
        let origin = format!("http://localhost:{port}");
        let _peer = start(case, port, &origin);
        verdicts(&[&format!("{origin}{}", path(case))]).await
    };
    format!("{case}: {report}\n")
}

/// claude.ai uses only port 443, so another client is chosen.
async fn probe_with_tls(case: &str, port: u16) -> String {
    let inner = SocketAddr::from(([127, 0, 0, 1], port));
    let (outer, authority) = start_tls_proxy(inner, &[SERVER, ENTRA]).await;
    let origin = format!("https://{SERVER}:{}", outer.port());
    let _peer = start(case, port, &origin);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority).unwrap();
    let url = format!("{origin}{}", path(case));
    let resolve = [SERVER, ENTRA].map(|host| format!("{host}:127.0.0.1"));
    let mut arguments = vec![&*url, "--as", "claude-code"];
    arguments.extend(["--ca", file.path().to_str().unwrap()]);
    arguments.extend(resolve.iter().flat_map(|host| ["--resolve", host]));
    if has_entra(case) {
        arguments.extend(["--client-id", "an-application"]);
    }
    let report = verdicts(&arguments).await;
    report.replace(&format!(":{}", outer.port()), ":…")
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_public_reports_are_named_with_their_fix() {
    let cases = cases();
    assert!(cases.len() > 60, "{}", cases.len());
    let mut reports = vec![String::new(); cases.len()];
    let mut running = JoinSet::new();
    for (index, case) in cases.into_iter().enumerate() {
        if running.len() == PARALLEL {
            let (index, report): (usize, String) = running.join_next().await.unwrap().unwrap();
            reports[index] = report;
        }
        running.spawn(async move { (index, probe_case(case).await) });
    }
    for (index, report) in running.join_all().await {
        reports[index] = report;
    }
    assert_snapshot!(reports.join("\n"));
}
