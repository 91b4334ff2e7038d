//! The report about one tool call: the caller, the arguments and the result.
//!
//! Only `mcpo dev` gets it, on the developer's own machine. Values that are named like secrets are
//! replaced, and long texts are cut off.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{sd_notify, shortened};

/// The prefix of a report about a tool call.
const PREFIX: &str = "X_MCPO_CALL=";
/// The maximum length of the arguments in a report, in characters.
const MAX_ARGUMENTS_CHARS: usize = 4_000;
/// The maximum length of the result in a report, in characters. Together with the arguments, a
/// report fits into one datagram.
const MAX_RESULT_CHARS: usize = 8_000;
/// A longer text is not searched for secrets, because only its beginning is reported.
const MAX_SEARCHED_LEN: usize = 64 * 1024;

/// One tool call that has ended.
#[derive(Debug, Serialize)]
pub(crate) struct ToolCallEvent<'a> {
    pub(crate) tool: &'a str,
    /// The arguments as JSON text.
    pub(crate) arguments: String,
    /// The text of the result or of the error.
    pub(crate) result: String,
    /// `ok`, `tool_error`, `error`, `input_required` or `task`.
    pub(crate) outcome: &'static str,
    pub(crate) microseconds: u64,
    pub(crate) subject: &'a str,
    /// The name of the user.
    pub(crate) name: &'a str,
    /// The registered name of the client.
    pub(crate) client: Option<String>,
    /// The `User-Agent` of the client.
    pub(crate) agent: String,
    /// Whether `mcpo dev` made the call.
    pub(crate) self_test: bool,
}

impl ToolCallEvent<'_> {
    /// Sends the report. A failure is ignored, because it must not affect the call.
    pub(crate) fn send(mut self) {
        self.client = self.client.as_deref().map(shortened);
        self.agent = shortened(&self.agent);
        if let Ok(event) = serde_json::to_string(&self) {
            sd_notify::send_event(&format!("{PREFIX}{event}"));
        }
    }
}

/// Returns a duration in microseconds.
pub(crate) fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Returns arguments as JSON text, without secrets.
pub(crate) fn arguments_text(arguments: Option<&Map<String, Value>>) -> String {
    let arguments = arguments.cloned().unwrap_or_default();
    let text = redacted(Value::Object(arguments)).to_string();
    cut(&text, MAX_ARGUMENTS_CHARS)
}

/// Returns the text of a result. If the text is JSON, its secrets are replaced.
pub(crate) fn result_text(text: &str) -> String {
    let is_json = text.starts_with(['{', '[']) && text.len() <= MAX_SEARCHED_LEN;
    let json = is_json.then(|| serde_json::from_str(text).ok()).flatten();
    match json {
        Some(value) => cut(&redacted(value).to_string(), MAX_RESULT_CHARS),
        None => cut(text, MAX_RESULT_CHARS),
    }
}

/// Replaces the values of all members that are named like a secret.
fn redacted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| {
                let value = match &value {
                    Value::String(text) if is_secret(&name) => {
                        format!("<{} characters>", text.chars().count()).into()
                    }
                    _ => redacted(value),
                };
                (name, value)
            });
            Value::Object(members.collect())
        }
        Value::Array(items) => items.into_iter().map(redacted).collect(),
        other => other,
    }
}

fn is_secret(name: &str) -> bool {
    const ENDS: [&str; 11] = [
        "accesskey",
        "apikey",
        "authorization",
        "cookie",
        "credential",
        "passphrase",
        "passwd",
        "password",
        "privatekey",
        "secret",
        "token",
    ];
    let name: String = name
        .chars()
        .filter(|c| !matches!(c, '_' | '-'))
        .collect::<String>()
        .to_ascii_lowercase();
    ENDS.iter().any(|end| name.ends_with(end))
}

fn cut(text: &str, limit: usize) -> String {
    let mut characters = text.chars();
    let mut shown: String = characters.by_ref().take(limit).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_replaced_and_long_texts_are_cut() {
        let arguments = json!({
            "name": "Ada", "api_key": "sk-123", "nested": [{ "accessToken": "abc" }],
            "max_tokens": 5, "key": "row",
        });
        assert_eq!(
            arguments_text(arguments.as_object()),
            r#"{"api_key":"<6 characters>","key":"row","max_tokens":5,"name":"Ada","nested":[{"accessToken":"<3 characters>"}]}"#
        );
        assert_eq!(arguments_text(None), "{}");
        assert_eq!(
            result_text(r#"{"password":"ab"}"#),
            r#"{"password":"<2 characters>"}"#
        );
        let long = result_text(&"ü".repeat(MAX_RESULT_CHARS + 1));
        assert_eq!(long.chars().count(), MAX_RESULT_CHARS + 1);
        assert!(long.ends_with('…'));
    }
}
