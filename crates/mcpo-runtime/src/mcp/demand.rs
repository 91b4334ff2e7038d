//! What a message asks for, as far as the guard has to know before it lets the message in.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// What the messages of one request ask for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Demand {
    /// The tools to be called.
    pub(crate) tools: Vec<String>,
    /// Whether it only asks what there is.
    pub(crate) only_lists: bool,
}

/// The body is no message. Fields that are there twice count as that: two readers could take it
/// for two different messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAMessage;

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
    name: Cow<'a, str>,
}

/// Methods that say what there is and do nothing.
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
    pub(crate) fn read(body: &[u8]) -> Result<Self, NotAMessage> {
        let is_batch = body.trim_ascii_start().first() == Some(&b'[');
        let messages: Vec<Message<'_>> = if is_batch {
            serde_json::from_slice(body).map_err(|_| NotAMessage)?
        } else {
            vec![serde_json::from_slice(body).map_err(|_| NotAMessage)?]
        };
        let mut demand = Self {
            tools: Vec::new(),
            only_lists: !messages.is_empty(),
        };
        for message in &messages {
            let method = message.method.as_deref().unwrap_or_default();
            demand.only_lists &= LISTS.contains(&method);
            if method == "tools/call" {
                let params = message.params.ok_or(NotAMessage)?;
                let call: CallParams<'_> =
                    serde_json::from_str(params.get()).map_err(|_| NotAMessage)?;
                demand.tools.push(call.name.into_owned());
            }
        }
        Ok(demand)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Demand, NotAMessage> {
        Demand::read(body.as_bytes())
    }

    #[test]
    fn rs4_the_body_says_which_tool() {
        let call = |tool: &str| Demand {
            tools: vec![tool.to_owned()],
            only_lists: false,
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
    fn rs4_what_could_be_read_in_two_ways_is_no_message() {
        for body in [
            r#"{"method":"tools/list","method":"tools/call","params":{"name":"a"}}"#,
            r#"{"method":"tools/call","params":{"name":"a","name":"b"}}"#,
            r#"{"method":"tools/call","params":{}}"#,
            r#"{"method":"tools/call"}"#,
            r#"{"method":"tools/call","params":{"name":"a"}} {}"#,
            "",
        ] {
            assert_eq!(read(body), Err(NotAMessage), "{body}");
        }
    }
}
