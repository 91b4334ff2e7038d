//! What the tests of rules work on, and what they return.

use serde_json::Value;

use super::rule::Condition;
use crate::{check::Check, observations::Observations, target::Target};

/// The results of a probe.
pub struct Evidence<'e> {
    pub target: &'e Target,
    /// The `--as` name of the imitated client.
    pub client: &'e str,
    pub seen: &'e Observations,
    pub checks: &'e [Check],
}

/// A violation of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreFinding {
    /// The name of the tool, if the violation is in a tool.
    pub tool: Option<String>,
    /// What the server does.
    pub seen: String,
}

/// The violations that a test found, or why it could not run.
pub type Findings = Result<Vec<StoreFinding>, String>;

impl<'e> Evidence<'e> {
    pub fn tools(&self) -> Result<&'e [Value], String> {
        let tools = self.seen.tools.as_deref();
        tools.ok_or_else(|| "the probe did not get the list of tools".to_owned())
    }

    pub fn server(&self) -> Result<&'e Value, String> {
        let server = self.seen.server.as_ref();
        server.ok_or_else(|| "the probe did not get the server's info".to_owned())
    }

    /// Returns the violations that `test` finds in the tools that meet `condition`.
    pub fn each_tool(
        &self,
        condition: &Condition,
        mut test: impl FnMut(&'e Value) -> Option<String>,
    ) -> Findings {
        let tools = self.tools()?.iter();
        let tools = tools.filter(|tool| is_met(tool, condition));
        let found = tools.filter_map(|tool| Some(finding(Some(tool), test(tool)?)));
        Ok(found.collect())
    }
}

/// Returns a violation in `tool`, or in the server as a whole.
pub fn finding(tool: Option<&Value>, seen: impl Into<String>) -> StoreFinding {
    StoreFinding {
        tool: tool.map(|tool| name(tool).to_owned()),
        seen: seen.into(),
    }
}

pub fn name(tool: &Value) -> &str {
    tool.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// Returns true if `tool` has all values of `condition`.
pub fn is_met(tool: &Value, condition: &Condition) -> bool {
    let mut all = condition.iter();
    all.all(|(pointer, value)| tool.pointer(pointer) == Some(value))
}
