//! Prints tool calls: those of clients, and those that the user tried.

use mcpo_common::text::clean_to;
use mcpo_probe::{CallError, ToolCallReport};
use serde_json::{Value, json};

use super::{call_limit::Shown, reporter::Reporter};
use crate::dev::messages::tool_call::{ToolCall, readable};

/// How much of a result is shown for a call of a client, and for one that the user tried, in
/// characters.
const CALLED: usize = 100;
const TRIED: usize = 2_000;

/// Reports a call of a client.
pub fn called(reporter: &mut Reporter<'_>, client: &str, call: &ToolCall) {
    reporter.json(|| {
        json!({
            "event": "tool called", "tool": call.tool, "client": client, "subject": call.subject,
            "name": call.name, "milliseconds": call.microseconds / 1_000,
            "microseconds": call.microseconds, "time": readable(call.microseconds),
            "outcome": call.outcome,
            "arguments": call.arguments, "result": call.result, "self_test": call.is_from_mcpo,
        })
    });
    // The result is reported when it has arrived.
    if call.is_from_mcpo {
        return;
    }
    let ui = reporter.ui();
    match reporter.count_call() {
        Shown::Nothing => return,
        Shown::After(more) => left_out(reporter, more),
    }
    let line = line(client, call);
    if call.is_failure() {
        ui.warn(line);
    } else {
        ui.step("Called", line);
    }
}

/// Reports the number of calls that were not printed.
pub fn left_out(reporter: &Reporter<'_>, calls: u32) {
    if calls > 0 {
        reporter.ui().step(
            "Called",
            format_args!("{calls} more times, too fast to show"),
        );
    }
}

fn line(client: &str, call: &ToolCall) -> String {
    let ToolCall { tool, name, .. } = call;
    let time = readable(call.microseconds);
    let who = if name.is_empty() {
        client.to_owned()
    } else {
        format!("{client} as {name}")
    };
    let result = quoted(&call.result, CALLED);
    match call.outcome.as_str() {
        "ok" => format!("{tool} by {who} in {time} → {result}"),
        "tool_error" => format!("{tool} returned an error to {who} in {time} → {result}"),
        "error" => format!("{tool} failed for {who} in {time} → {result}"),
        "input_required" => format!("{tool} by {who} in {time}; it asks for input"),
        "task" => format!("{tool} by {who} in {time}; it continues as a task"),
        // `other`, or an outcome of a later version.
        _ => format!("{tool} by {who} in {time}; it returned something that mcpo does not know"),
    }
}

/// Reports a call that the user tried. Returns true if the tool worked.
pub fn tried(reporter: &Reporter<'_>, report: &ToolCallReport) -> bool {
    let ui = reporter.ui();
    let time = readable(u64::try_from(report.elapsed.as_micros()).unwrap_or(u64::MAX));
    let call = if report.arguments.is_empty() {
        report.tool.clone()
    } else {
        format!(
            "{} {}",
            report.tool,
            Value::Object(report.arguments.clone())
        )
    };
    let call = clean_to(&call, TRIED);
    let text = quoted(&report.text(), TRIED);
    match &report.result {
        Ok(_) if report.is_success() => ui.step("Tried", format_args!("{call} → {text} in {time}")),
        Ok(_) => ui.warn(format_args!("{call} returned an error in {time} → {text}")),
        Err(CallError::Rejected { code, message }) => ui.warn(format_args!(
            "{call} failed in {time} → {} (error {code})",
            quoted(message, TRIED)
        )),
        Err(CallError::Interrupted(because)) => ui.warn(format_args!(
            "{call} did not return: {}; did the tool end the server?",
            clean_to(because, TRIED)
        )),
        Err(CallError::Unusable(because)) => ui.warn(format_args!(
            "{call} got no usable answer in {time}: {}",
            clean_to(because, TRIED)
        )),
        Err(CallError::NotSent(because)) => ui.warn(format_args!(
            "{} was not called: {}",
            report.tool,
            clean_to(because, TRIED)
        )),
        Err(error) => ui.warn(format_args!(
            "{call} failed in {time}: {}",
            clean_to(&error.to_string(), TRIED)
        )),
    }
    report.is_success()
}

/// Returns a text on one line and in quotation marks.
fn quoted(text: &str, limit: usize) -> String {
    let mut characters = text.chars();
    let mut shown: String = characters.by_ref().take(limit).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    // JSON escapes line breaks and other control characters; the rest is escaped here.
    // It is at most six times as long, plus the marks.
    clean_to(&Value::from(shown).to_string(), limit * 6 + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(outcome: &str, name: &str) -> ToolCall {
        ToolCall {
            tool: "greet".to_owned(),
            arguments: "{}".to_owned(),
            result: "Hello,\nAda!\u{202e}".to_owned(),
            outcome: outcome.to_owned(),
            microseconds: 3_100,
            subject: "github:1".to_owned(),
            name: name.to_owned(),
            client: None,
            agent: String::new(),
            is_from_mcpo: false,
        }
    }

    #[test]
    fn calls_are_shown_with_client_user_and_result() {
        assert_eq!(
            line("claude.ai", &call("ok", "ada")),
            r#"greet by claude.ai as ada in 3 ms → "Hello,\nAda!\u{202e}""#
        );
        assert_eq!(
            line("node", &call("tool_error", "")),
            r#"greet returned an error to node in 3 ms → "Hello,\nAda!\u{202e}""#
        );
        assert_eq!(
            line("node", &call("other", "")),
            "greet by node in 3 ms; it returned something that mcpo does not know"
        );
        assert_eq!(quoted("abc", 2), r#""ab…""#);
    }
}
