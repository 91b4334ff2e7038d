//! Reads what a message asks for, as far as the token check needs it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The content of one request's messages that the token check needs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Demand {
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
pub(crate) struct Ambiguous;

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct CallParams<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
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

impl Demand {
    /// Reads the messages in `body`. A body that is not JSON asks for nothing: rmcp, which reads it
    /// next, cannot read it either and reports that in the protocol of the client.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Ambiguous> {
        let is_batch = body.trim_ascii_start().first() == Some(&b'[');
        let messages = if is_batch {
            parsed::<Vec<Message<'_>>>(body)?
        } else {
            parsed::<Message<'_>>(body)?.map(|message| vec![message])
        };
        let Some(messages) = messages else {
            return Ok(Self::default());
        };
        let mut demand = Self {
            tools: Vec::new(),
            only_lists: !messages.is_empty(),
            begins_session: false,
        };
        for message in &messages {
            let method = message.method.as_deref().unwrap_or_default();
            demand.only_lists &= LISTS.contains(&method);
            demand.begins_session |= method == "initialize";
            if method == "tools/call"
                && let Some(params) = message.params
                && let Some(call) = parsed::<CallParams<'_>>(params.get().as_bytes())?
                && let Some(name) = call.name
            {
                demand.tools.push(name.into_owned());
            }
        }
        Ok(demand)
    }
}

/// Returns `None` if the text is not JSON.
fn parsed<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<Option<T>, Ambiguous> {
    match serde_json::from_slice(text) {
        Ok(parsed) => Ok(Some(parsed)),
        Err(error) if error.is_data() => Err(Ambiguous),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Demand, Ambiguous> {
        Demand::read(body.as_bytes())
    }

    #[test]
    fn rs4_the_body_says_which_tool() {
        let call = |tool: &str| Demand {
            tools: vec![tool.to_owned()],
            ..Demand::default()
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
    fn rs4_a_body_that_could_be_read_in_two_ways_is_refused() {
        for body in [
            r#"{"method":"tools/list","method":"tools/call","params":{"name":"a"}}"#,
            r#"{"method":"tools/call","params":{"name":"a","name":"b"}}"#,
            r#"{"method":"tools/call","params":{"name":"a"},"params":{"name":"b"}}"#,
            r#"{"method":"tools/call","params":{"name":1}}"#,
            r#"{"method":["tools/call"],"params":{"name":"a"}}"#,
            r#"[{"method":"tools/list"},{"method":"tools/call","params":[1]}]"#,
            "1",
        ] {
            assert_eq!(read(body), Err(Ambiguous), "{body}");
        }
    }

    /// rmcp answers these with the errors that the protocol defines.
    #[test]
    fn a_body_that_calls_nothing_is_left_to_rmcp() {
        for body in [
            r#"{"method":"tools/call","params":{"name":"a"}} {}"#,
            r#"{"method":"tools/call","params":{}}"#,
            r#"{"method":"tools/call"}"#,
            r#"{"method":"tools/call","params":{"name":"a""#,
            "",
        ] {
            let demand = read(body).unwrap();
            assert!(demand.tools.is_empty() && !demand.only_lists, "{body}");
        }
        assert!(read(r#"{"method":"initialize"}"#).unwrap().begins_session);
    }
}
