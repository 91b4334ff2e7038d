//! What a running server reports to `mcpo dev`.

use super::{request_event::RequestEvent, tool_call::ToolCall};

/// The beginning of the line in a datagram that contains a log line.
const LOG_LINE: &str = "X_MCPO_LOG=";

/// One report.
#[derive(Debug)]
pub enum ServerReport {
    /// The server answered a request.
    Request(RequestEvent),
    /// A tool call ended.
    ToolCall(ToolCall),
    /// A log line that belongs to a request of `mcpo dev` itself. The server has not printed it.
    LogLine(String),
}

impl ServerReport {
    /// Parses a line of a datagram, if it is a report.
    pub fn read(line: &str) -> Option<Self> {
        if let Some(request) = RequestEvent::read(line) {
            return Some(Self::Request(request));
        }
        if let Some(call) = ToolCall::read(line) {
            return Some(Self::ToolCall(call));
        }
        let line = serde_json::from_str(line.strip_prefix(LOG_LINE)?).ok()?;
        Some(Self::LogLine(line))
    }
}
