//! The walk: connects to an MCP server as a real client does, and reports problems.
//!
//! A walk is a list of small checks in flow order. Each step consumes the output of the previous
//! one (challenge → resource → authorization server → client → code → tokens → session → tools) and
//! writes its verdicts into a log, from which the report is built.
//!
//! This is how other modules run a walk:
//!
//! ```ignore
//! let mut plan = Plan::new(url, ClientName::default())?;
//! plan.sign_in_with(None, password);
//! let mut terminal = Terminal::new(ui, &plan, false);
//! let report = walk(&plan, &mut terminal).await;
//! terminal.finish(&report);
//! // Later, to check that nothing was lost in a redeploy:
//! later.kept.extend(report.credentials);
//! ```
//!
//! The future is not `Send`: await it where it was created, on a current-thread runtime.

mod browser_access;
mod check;
mod cold;
mod credentials;
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
mod secret;
mod security;
mod steps;
mod terminal;
mod text;
mod trace;

pub use self::{
    check::{Check, Observer, Quiet, Verdict},
    credentials::Credentials,
    http::{Sent, is_loopback},
    oauth::ClientKey,
    plan::{Connection, Identity, Person, Plan, Restart},
    profile::ClientName,
    report::Report,
    secret::Secret,
    steps::walk,
    terminal::Terminal,
    trace::curl,
};
