//! The limits that Google documents and enforces, in one table: `limits.json`.
//!
//! Each entry names its source: a field in the discovery documents in `fixtures/google-apis`, or a
//! page of <https://cloud.google.com>. No other part of the stand-in rejects a value because of its
//! size or form. The last region is fictitious: it stands in for a region that opened after this
//! version of mcpo.

mod forms;
mod resources;
mod rule;

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use self::rule::Rule;
use super::error::ApiError;

/// The kind of resource that a limit applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A Cloud Run service, in its state after the call.
    Service,
    /// An Artifact Registry repository.
    Repository,
    /// A secret.
    Secret,
    /// A bucket.
    Bucket,
    /// A Memorystore instance.
    Instance,
    /// A service account: the body of `serviceAccounts.create`.
    Account,
    /// An IAM policy.
    Policy,
}

/// The resource to check.
pub struct Subject<'a> {
    /// The short name chosen by the caller.
    pub id: &'a str,
    /// The region in the request's path; empty if the path has none.
    pub location: &'a str,
    /// The resource.
    pub body: &'a Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    regions: Vec<String>,
    limits: Vec<Limit>,
}

/// One limit. All of its rules must hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Limit {
    kind: Kind,
    message: String,
    /// Where Google documents the limit.
    #[expect(dead_code, reason = "for the reader of the table")]
    source: String,
    rules: Vec<Rule>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    serde_json::from_str(include_str!("limits.json")).expect("a valid table of limits")
});

/// Returns the regions of Cloud Run that the stand-in has.
pub fn regions() -> &'static [String] {
    &TABLE.regions
}

/// Returns an error if the resource exceeds a limit.
pub fn check(kind: Kind, subject: &Subject<'_>) -> Result<(), ApiError> {
    let mut limits = TABLE.limits.iter().filter(|limit| limit.kind == kind);
    let broken = limits.find(|limit| !limit.rules.iter().all(|rule| rule.holds(subject)));
    match broken {
        Some(limit) => Err(ApiError::new(400, &*limit.message)),
        None => Ok(()),
    }
}
