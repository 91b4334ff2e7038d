//! Reads what a message asks for, as far as the token check needs it.

use std::{borrow::Cow, fmt};

use axum::body::{Body, Bytes};
use http::{Method, request::Parts};
use mcpo_runtime_oauth::{
    net::{
        self,
        body::{BodyError, MESSAGE_TIMEOUT},
    },
    resource_server::challenge::Rejection,
};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// A session of the older protocol keeps its first message in memory until the session ends.
const MAX_INITIALIZE_LEN: usize = 64 * 1024;

/// The content of one request's messages that the token check needs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct MessageSummary {
    /// The tools that the request calls.
    pub(crate) tools: Vec<String>,
    /// Whether the request only lists.
    pub(crate) only_lists: bool,
    /// Whether the request begins a session of the older protocol.
    pub(crate) begins_session: bool,
}

/// The body could be read as two different messages: a relevant field occurs twice or has the wrong
/// type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AmbiguousMessage;

const CALL: &str = "tools/call";

/// One JSON-RPC message.
struct Message<'a> {
    method: Option<Text<'a>>,
    /// The tool, if the message calls one.
    tool: Option<Text<'a>>,
}

/// A string, borrowed from the body unless it contains escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct CallParams<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
}

/// The parameters of a message, read once if the method comes before them, which is the usual
/// order.
enum Params<'a> {
    Call(Option<CallParams<'a>>),
    Unread(Option<&'a RawValue>),
    Irrelevant,
}

impl<'de> Deserialize<'de> for Message<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MessageVisitor)
    }
}

struct MessageVisitor;

impl<'de> Visitor<'de> for MessageVisitor {
    type Value = Message<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON-RPC message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Message<'de>, A::Error> {
        let mut method: Option<Option<Text<'de>>> = None;
        let mut params = None;
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                "method" if method.is_some() => return Err(A::Error::duplicate_field("method")),
                "params" if params.is_some() => return Err(A::Error::duplicate_field("params")),
                "method" => method = Some(map.next_value()?),
                "params" => {
                    params = Some(match &method {
                        None => Params::Unread(map.next_value()?),
                        Some(Some(Text(method))) if method == CALL => {
                            Params::Call(map.next_value()?)
                        }
                        Some(_) => {
                            map.next_value::<IgnoredAny>()?;
                            Params::Irrelevant
                        }
                    });
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let method = method.flatten();
        let is_call = method.as_ref().is_some_and(|Text(method)| method == CALL);
        let call = match params {
            Some(Params::Call(call)) => call,
            Some(Params::Unread(Some(unread))) if is_call => {
                serde_json::from_str(unread.get()).map_err(A::Error::custom)?
            }
            _ => None,
        };
        let tool = call.and_then(|call| call.name);
        Ok(Message { method, tool })
    }
}

/// Methods that only list and have no effect.
const LISTS: [&str; 8] = [
    "initialize",
    "notifications/initialized",
    "ping",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "server/discover",
    "tools/list",
];

impl MessageSummary {
    /// Reads the messages in `body`. A body that is not JSON asks for nothing: rmcp, which reads it
    /// next, cannot read it either and reports that in the protocol of the client.
    pub(crate) fn read(body: &[u8]) -> Result<Self, AmbiguousMessage> {
        let is_batch = body.trim_ascii_start().first() == Some(&b'[');
        let mut summary = Self {
            only_lists: true,
            ..Self::default()
        };
        if is_batch {
            let Some(messages) = parsed::<Vec<Message<'_>>>(body)? else {
                return Ok(Self::default());
            };
            summary.only_lists = !messages.is_empty();
            for message in messages {
                summary.add(message);
            }
        } else {
            let Some(message) = parsed(body)? else {
                return Ok(Self::default());
            };
            summary.add(message);
        }
        Ok(summary)
    }

    fn add(&mut self, message: Message<'_>) {
        let method = message.method.as_ref().map_or("", |Text(method)| method);
        self.only_lists &= LISTS.contains(&method);
        self.begins_session |= method == "initialize";
        self.tools
            .extend(message.tool.map(|Text(tool)| tool.into_owned()));
    }
}

/// Returns `None` if the text is not JSON.
fn parsed<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<Option<T>, AmbiguousMessage> {
    match serde_json::from_slice(text) {
        Ok(parsed) => Ok(Some(parsed)),
        Err(error) if error.is_data() => Err(AmbiguousMessage),
        Err(_) => Ok(None),
    }
}

/// Reads the body and what it asks for.
pub(super) async fn read_message(
    parts: &Parts,
    body: Body,
    max_len: usize,
) -> Result<(MessageSummary, Bytes), Rejection> {
    // The body of any other method has no meaning.
    if parts.method != Method::POST {
        return Ok((MessageSummary::default(), Bytes::new()));
    }
    let body = net::body::read(body, max_len, MESSAGE_TIMEOUT).await;
    let body = body.map_err(Rejection::Body)?;
    let summary = MessageSummary::read(&body).map_err(|AmbiguousMessage| {
        Rejection::Malformed("the body can be read as more than one JSON-RPC message")
    })?;
    if summary.begins_session && body.len() > MAX_INITIALIZE_LEN {
        return Err(Rejection::Body(BodyError::TooLong(MAX_INITIALIZE_LEN)));
    }
    Ok((summary, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<MessageSummary, AmbiguousMessage> {
        MessageSummary::read(body.as_bytes())
    }

    #[test]
    fn rs4_tool_name_is_read_from_the_body() {
        let call = |tool: &str| MessageSummary {
            tools: vec![tool.to_owned()],
            ..MessageSummary::default()
        };
        for body in [
            r#"{"method":"tools/call","params":{"name":"write","arguments":{"name":"x"}}}"#,
            r#"{"params":{"name":"write"},"id":1,"method":"tools\/call"}"#,
            r#" [{"method":"tools/call","params":{"name":"wr\u0069te"}}]"#,
        ] {
            assert_eq!(read(body), Ok(call("write")), "{body}");
        }
        assert!(read(r#"{"method":"tools/list"}"#).unwrap().only_lists);
        let mixed = r#"[{"method":"tools/list"},{"method":"tools/call","params":{"name":"a"}}]"#;
        assert_eq!(read(mixed), Ok(call("a")));
        assert!(!read(r#"{"id":1,"result":{}}"#).unwrap().only_lists);
        assert!(!read("[]").unwrap().only_lists);
    }

    #[test]
    fn rs4_ambiguous_body_is_rejected() {
        for body in [
            r#"{"method":"tools/list","method":"tools/call","params":{"name":"a"}}"#,
            r#"{"method":"tools/call","params":{"name":"a","name":"b"}}"#,
            r#"{"method":"tools/call","params":{"name":"a"},"params":{"name":"b"}}"#,
            r#"{"method":"tools/call","params":{"name":1}}"#,
            r#"{"method":["tools/call"],"params":{"name":"a"}}"#,
            r#"[{"method":"tools/list"},{"method":"tools/call","params":[1]}]"#,
            "1",
        ] {
            assert_eq!(read(body), Err(AmbiguousMessage), "{body}");
        }
    }

    /// rmcp answers these with the errors that the protocol defines.
    #[test]
    fn body_without_a_valid_tool_call_is_passed_to_rmcp() {
        for body in [
            r#"{"method":"tools/call","params":{"name":"a"}} {}"#,
            r#"{"method":"tools/call","params":{}}"#,
            r#"{"method":"tools/call"}"#,
            r#"{"method":"tools/call","params":{"name":"a""#,
            "",
        ] {
            let summary = read(body).unwrap();
            assert!(summary.tools.is_empty() && !summary.only_lists, "{body}");
        }
        assert!(read(r#"{"method":"initialize"}"#).unwrap().begins_session);
    }
}
