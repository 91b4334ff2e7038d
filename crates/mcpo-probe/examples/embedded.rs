//! Checks a server from another program, such as a test suite:
//!
//! ```sh
//! cargo run -p mcpo-probe --example embedded -- https://example.com/mcp
//! ```

#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::process::ExitCode;

use mcpo_probe::{Client, Failure, Probe, Report};

// The probe's future stays on its thread.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Failure> {
    let url = std::env::args().nth(1).unwrap_or_default();
    let report = check(&url).await?;
    println!("{}", report.headline());
    Ok(if report.is_success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Connects to the server as claude.ai does, and prints the id and the verdict of each check.
pub async fn check(url: &str) -> Result<Report, Failure> {
    let report = Probe::new(url).as_client(Client::ClaudeAi).run().await?;
    for check in &report.checks {
        println!("{:<20} {}", check.id(), check.verdict);
    }
    Ok(report)
}
