//! Connects to an MCP server as a real client does, and reports problems.
//!
//! A probe is a list of small checks in flow order. Each step consumes the output of the previous
//! one (challenge → resource → authorization server → client → code → tokens → session → tools) and
//! writes its verdicts into a log, and the report is built from the log.
//!
//! [`Probe`] is all that a test suite needs:
//!
//! ```no_run
//! use mcpo_probe::{Client, Failure, Probe};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Failure> {
//! let report = Probe::new("https://example.com/mcp")
//!     .as_client(Client::ClaudeAi)
//!     .with_password("correct horse battery staple")
//!     .run()
//!     .await?;
//! for check in &report.checks {
//!     println!("{:<20} {}", check.id(), check.verdict);
//! }
//! assert!(report.is_success(), "{}", report.headline());
//! # Ok(())
//! # }
//! ```
//!
//! The ids of checks are stable; their titles and texts are for people and may change. What `mcpo
//! probe` can do beyond that is in [`Plan`], which [`run`] carries out.
//!
//! The futures are not `Send`: await them where they were created, on a current-thread runtime or
//! in a `LocalSet`.

mod browser_access;
mod check;
mod cold_start;
mod contract;
mod contract_check;
mod credentials;
mod document;
mod documents;
mod fingerprints;
mod flow;
mod html;
mod html_form;
mod http;
mod json_schema;
mod mcp;
mod oauth;
mod observations;
mod page_text;
mod phase;
mod plan;
mod ports;
mod probe;
mod profile;
mod redact;
mod rejected_credentials;
mod report;
mod restart_checks;
mod rules;
mod security;
mod stdio;
mod stdio_flow;
mod store;
mod store_rules;
mod submission;
mod target;
mod terminal;
mod tool_client;
mod tool_quality;
mod trace;
mod usage;

pub use self::{
    check::{Check, Detail, Fault, Observer, Quiet, Verdict},
    contract::{Change, ChangeClass, Changes, Comparison, Contract, LockFile, Locked},
    credentials::{ClientKey, Credentials},
    document::Document,
    flow::run,
    http::{Connection, Sent, is_loopback},
    plan::{Identity, Person, Plan, Restart},
    probe::Probe,
    profile::Client,
    report::Report,
    rules::Rule,
    stdio::ServerCommand,
    store::Store,
    store_rules::{
        Certainty, Level, Readiness, RuleOutcome, RuleResult, RuleVerdict, StoreFinding,
        StoreReport, StoreRule,
    },
    submission::Submission,
    target::{Target, parse_target},
    terminal::{Terminal, print_checks},
    tool_client::{CallError, ToolCallReport, ToolClient, example_arguments},
    tool_quality::{ContextShare, TokenCost, ToolFinding, ToolReport, ToolRule},
};
#[doc(hidden)]
pub use self::{
    contract::{input_changes, output_changes},
    documents::library_accepts,
    tool_quality::estimate_tokens,
};
pub use mcpo_common::{
    error::{Exit, Failure, Outcome},
    secret::Secret,
};
