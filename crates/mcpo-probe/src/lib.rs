//! The walk: connects to an MCP server as a real client does, and reports problems.
//!
//! A walk is a list of small checks in flow order. Each step consumes the output of the previous
//! one (challenge → resource → authorization server → client → code → tokens → session → tools) and
//! writes its verdicts into a log, from which the report is built.
//!
//! ```no_run
//! use mcpo_probe::{ClientName, Plan, Quiet, Secret, walk};
//!
//! # async fn example() -> mcpo_common::error::Outcome<()> {
//! # let url = "https://example.com/mcp".parse().unwrap();
//! let mut plan = Plan::new(url, ClientName::default())?;
//! plan.sign_in_with(None, Secret::new("the password"));
//! let report = walk(&plan, &mut Quiet).await;
//! println!("{}", report.headline());
//! # Ok(())
//! # }
//! ```
//!
//! The future is not `Send`: await it where it was created, on a current-thread runtime.

mod browser_access;
mod check;
mod cold;
mod credentials;
mod document;
mod html_form;
mod http;
mod known;
mod lifecycle;
mod mcp;
mod oauth;
mod phase;
mod plan;
mod profile;
mod redact;
mod report;
mod rules;
mod security;
mod steps;
mod terminal;
mod trace;

pub use self::{
    check::{Check, Quiet, Verdict},
    credentials::{ClientKey, Credentials},
    document::Document,
    http::{Connection, Sent, is_loopback},
    plan::{Identity, Person, Plan, Restart},
    profile::ClientName,
    report::Report,
    steps::walk,
    terminal::Terminal,
    trace::curl,
};
pub use mcpo_common::secret::Secret;
