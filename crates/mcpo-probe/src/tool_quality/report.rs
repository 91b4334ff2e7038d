//! What the report says about the tools.

use mcpo_common::text::clean;
use serde_json::Value;

use super::{cost::TokenCost, rule::ToolRule};
use crate::store_rules::StoreFinding;

/// The most findings that a report contains.
const SHOWN: usize = 50;

/// The quality of the tools of a server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ToolReport {
    /// The number of tools.
    pub tools: usize,
    /// What the list of tools costs.
    pub cost: TokenCost,
    /// The problems, at most 50, in the order of the rules.
    pub findings: Vec<ToolFinding>,
    /// The number of problems that are left out.
    pub more: usize,
}

/// A problem of a tool, or of the server's texts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ToolFinding {
    /// The rule.
    pub rule: &'static ToolRule,
    /// The name of the tool; `None` if the problem is in a text of the server itself.
    pub tool: Option<String>,
    /// The text, and where it is.
    pub seen: String,
}

impl ToolFinding {
    /// Makes the server's text safe to print.
    pub(super) fn new(rule: &'static ToolRule, found: &StoreFinding) -> Self {
        Self {
            rule,
            tool: found.tool.as_deref().map(clean),
            seen: clean(&found.seen),
        }
    }
}

impl ToolReport {
    pub(super) fn new(tools: &[Value], mut findings: Vec<ToolFinding>) -> Self {
        let more = findings.len().saturating_sub(SHOWN);
        findings.truncate(SHOWN);
        Self {
            tools: tools.len(),
            cost: TokenCost::of(tools),
            findings,
            more,
        }
    }

    /// Returns the findings, grouped by rule.
    pub(crate) fn by_rule(&self) -> impl Iterator<Item = &[ToolFinding]> {
        let same = |one: &ToolFinding, next: &ToolFinding| one.rule.id == next.rule.id;
        self.findings.chunk_by(same)
    }
}
