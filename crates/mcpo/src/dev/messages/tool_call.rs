//! The server's notice about one tool call.

use mcpo_common::text::is_hidden;
use serde::{Deserialize, Serialize};

/// The beginning of the line in a datagram that reports a tool call.
const NOTICE: &str = "X_MCPO_CALL=";

/// One tool call that has ended.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct ToolCall {
    pub tool: String,
    /// The arguments as JSON text, without secrets. A long text is cut off.
    pub arguments: String,
    /// The text of the result or of the error. A long text is cut off.
    pub result: String,
    /// `ok`, `tool_error` (the result is an error), `error` (a JSON-RPC error), `input_required`,
    /// `task` or `other`.
    pub outcome: String,
    pub microseconds: u64,
    #[serde(default)]
    pub subject: String,
    /// The name of the user.
    #[serde(default)]
    pub name: String,
    /// The registered name of the client.
    #[serde(default)]
    pub client: Option<String>,
    #[serde(default)]
    pub agent: String,
    /// Whether `mcpo dev` itself made the call.
    #[serde(default, rename = "self_test")]
    pub is_from_mcpo: bool,
}

impl ToolCall {
    /// Parses a line, if it reports a tool call.
    pub fn read(line: &str) -> Option<Self> {
        let mut call: Self = serde_json::from_str(line.strip_prefix(NOTICE)?).ok()?;
        // These texts are shown in a terminal later. Arguments and results are escaped where they
        // are shown.
        for text in [&mut call.tool, &mut call.outcome, &mut call.subject] {
            plain(text);
        }
        for text in [&mut call.name, &mut call.agent] {
            plain(text);
        }
        call.client.iter_mut().for_each(plain);
        Some(call)
    }

    /// Returns true if the tool failed, or the call was rejected.
    pub fn is_failure(&self) -> bool {
        matches!(self.outcome.as_str(), "tool_error" | "error")
    }
}

/// Returns a duration in a readable unit: `under 0.1 ms`, `0.4 ms`, `3 ms`, `12 s`.
pub fn readable(microseconds: u64) -> String {
    match microseconds {
        0..100 => "under 0.1 ms".to_owned(),
        100..1_000 => format!("0.{} ms", microseconds / 100),
        1_000..10_000_000 => format!("{} ms", microseconds / 1_000),
        _ => format!("{} s", microseconds / 1_000_000),
    }
}

fn plain(text: &mut String) {
    text.retain(|c| !is_hidden(c));
}

#[cfg(test)]
mod tests {
    use super::{ToolCall, readable};

    #[test]
    fn reads_only_tool_calls_and_no_terminal_escapes() {
        assert_eq!(ToolCall::read("READY=1"), None);
        assert_eq!(ToolCall::read("X_MCPO_CALL={broken"), None);
        let line = r#"X_MCPO_CALL={"tool":"a\u001b[2J","arguments":"{}","result":"r","outcome":"ok","microseconds":3,"client":"C\u202e"}"#;
        let call = ToolCall::read(line).unwrap();
        assert_eq!(
            (call.tool.as_str(), call.client.as_deref()),
            ("a[2J", Some("C"))
        );
        assert!(!call.is_failure() && !call.is_from_mcpo);
    }

    #[test]
    fn durations_have_a_readable_unit() {
        let shown = [99, 450, 3_900, 12_000_000].map(readable);
        assert_eq!(shown, ["under 0.1 ms", "0.4 ms", "3 ms", "12 s"]);
    }
}
