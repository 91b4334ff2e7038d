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
/// A longer block of JSON is not reported, because it is not searched for secrets. The limit of a
/// message, in bytes.
const MAX_SEARCHED_LEN: usize = 4 * 1024 * 1024;

/// One tool call that has ended.
#[derive(Debug, Serialize)]
pub struct ToolCallEvent<'a> {
    /// The name of the tool.
    pub tool: &'a str,
    /// The arguments as JSON text.
    pub arguments: String,
    /// The text of the result or of the error.
    pub result: String,
    /// `ok`, `tool_error`, `error`, `input_required`, `task` or `other`.
    pub outcome: &'static str,
    /// How long the call took, in microseconds.
    pub microseconds: u64,
    /// The subject of the caller.
    pub subject: &'a str,
    /// The name of the user.
    pub name: &'a str,
    /// The registered name of the client.
    pub client: Option<String>,
    /// The `User-Agent` of the client.
    pub agent: String,
    /// Whether `mcpo dev` made the call.
    pub self_test: bool,
}

impl ToolCallEvent<'_> {
    /// Sends the report. A failure is ignored, because it must not affect the call.
    pub fn send(mut self) {
        self.client = self.client.as_deref().map(shortened);
        self.agent = shortened(&self.agent);
        if let Ok(event) = serde_json::to_string(&self) {
            sd_notify::send_event(&format!("{PREFIX}{event}"));
        }
    }
}

/// Returns a duration in microseconds.
#[must_use]
pub fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Returns arguments as JSON text, without secrets.
#[must_use]
pub fn arguments_text(arguments: Option<&Map<String, Value>>) -> String {
    let arguments = arguments.cloned().unwrap_or_default();
    let text = redacted(Value::Object(arguments)).to_string();
    cut(&text, MAX_ARGUMENTS_CHARS)
}

/// Returns the text of a result from its blocks. In each block that is JSON, the secrets are
/// replaced.
pub fn result_text<T: AsRef<str>>(blocks: impl IntoIterator<Item = T>) -> String {
    let blocks = blocks.into_iter();
    let blocks: Vec<_> = blocks.map(|block| block_text(block.as_ref())).collect();
    cut(&blocks.join("\n"), MAX_RESULT_CHARS)
}

fn block_text(block: &str) -> String {
    if !block.trim_start().starts_with(['{', '[']) {
        return cut(block, MAX_RESULT_CHARS);
    }
    if block.len() > MAX_SEARCHED_LEN {
        return format!("<{} bytes>", block.len());
    }
    // The block may be lines of JSON, and other text may follow.
    let (mut parts, mut rest) = (Vec::new(), block.trim());
    while rest.starts_with(['{', '[']) {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter();
        let Some(Ok(value)) = values.next() else {
            break;
        };
        parts.push(redacted(value).to_string());
        rest = rest.split_at(values.byte_offset()).1.trim_start();
    }
    if !rest.is_empty() {
        parts.push(rest.to_owned());
    }
    cut(&parts.join("\n"), MAX_RESULT_CHARS)
}

/// Replaces the values of all members that are named like a secret.
fn redacted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| {
                let value = match SecretName::of(&name) {
                    Some(name) => name.hide(value),
                    None => redacted(value),
                };
                (name, value)
            });
            Value::Object(members.collect())
        }
        Value::Array(items) => items.into_iter().map(redacted).collect(),
        other => other,
    }
}

/// The name of a member whose value is a secret.
#[derive(Clone, Copy)]
struct SecretName {
    is_plural: bool,
}

impl SecretName {
    /// Returns `None` if the name is not that of a secret.
    fn of(name: &str) -> Option<Self> {
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
        let letters = name.chars().filter(|c| !matches!(c, '_' | '-'));
        let name = letters.collect::<String>().to_ascii_lowercase();
        let singular = name.strip_suffix('s');
        let is_secret = |name: &str| ENDS.iter().any(|end| name.ends_with(end));
        is_secret(singular.unwrap_or(&name)).then_some(Self {
            is_plural: singular.is_some(),
        })
    }

    /// Returns the text that replaces the value.
    fn hide(self, value: Value) -> Value {
        match value {
            // These reveal only whether there is a secret.
            Value::Null | Value::Bool(_) => value,
            // A number of secrets, such as `max_tokens`.
            Value::Number(_) if self.is_plural => value,
            Value::Number(_) => "<number>".into(),
            Value::String(text) => format!("<{} characters>", text.chars().count()).into(),
            Value::Array(items) => format!("<{} items>", items.len()).into(),
            Value::Object(_) => "<object>".into(),
        }
    }
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
        let long = result_text(["ü".repeat(MAX_RESULT_CHARS + 1)]);
        assert_eq!(long.chars().count(), MAX_RESULT_CHARS + 1);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn any_value_under_a_secret_name_is_replaced() {
        for (given, expected) in [
            (r#"{"password":"ab"}"#, r#"{"password":"<2 characters>"}"#),
            (r#"{"PIN_password":1234}"#, r#"{"PIN_password":"<number>"}"#),
            (r#"{"token":{"value":"x"}}"#, r#"{"token":"<object>"}"#),
            (r#"{"tokens":["x","y"]}"#, r#"{"tokens":"<2 items>"}"#),
            (
                r#"{"credentials":"x"}"#,
                r#"{"credentials":"<1 characters>"}"#,
            ),
            (r#"{"Cookies":{"a":"x"}}"#, r#"{"Cookies":"<object>"}"#),
            (r#"{"max_tokens":5}"#, r#"{"max_tokens":5}"#),
            (r#"{"token":null}"#, r#"{"token":null}"#),
            (r#"{"has_password":true}"#, r#"{"has_password":true}"#),
        ] {
            assert_eq!(result_text([given]), expected);
        }
    }

    #[test]
    fn each_block_of_a_result_is_searched_for_secrets() {
        let json = r#" {"token":"abc"}"#;
        assert_eq!(
            result_text(["Found:", json, json]),
            "Found:\n{\"token\":\"<3 characters>\"}\n{\"token\":\"<3 characters>\"}"
        );
        let lines = format!("{json}\n{json} 2 ü");
        assert_eq!(
            result_text([lines]),
            "{\"token\":\"<3 characters>\"}\n{\"token\":\"<3 characters>\"}\n2 ü"
        );
        assert_eq!(result_text(["[a](b) \n"]), "[a](b)");
        // Only the beginning is reported, but the whole text is parsed.
        let long = json!({ "token": "abc", "z": "z".repeat(100_000) }).to_string();
        let shown = result_text([long]);
        assert!(
            shown.starts_with(r#"{"token":"<3 characters>","z":"z"#),
            "{}",
            &shown[..40]
        );
        // JSON of this length is not searched, so it is not shown either.
        let padding = "z".repeat(MAX_SEARCHED_LEN);
        let longest = json!({ "token": "abc", "z": padding }).to_string();
        let length = longest.len();
        assert_eq!(result_text([longest]), format!("<{length} bytes>"));
    }
}
