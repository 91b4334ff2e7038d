//! What the server sent during the probe, for judgments about the server as a whole.

use std::time::Duration;

use serde_json::Value;

use crate::contract::{Comparison, Contract};

/// The parts of the responses that later judgments need. A part is `None` until the probe has
/// received it.
#[derive(Clone, Debug, Default)]
pub struct Observations {
    /// The headers that the user added, if the server answers only with them.
    pub fixed_headers: Vec<String>,
    /// `serverInfo`, in the newest form that the server supports.
    pub server: Option<Value>,
    /// The instructions for the model; empty if the server sends none.
    pub instructions: String,
    /// The tools of all pages.
    pub tools: Option<Vec<Value>>,
    /// The resources of all pages; none if the server does not offer resources.
    pub resources: Option<Vec<Value>>,
    /// The resource templates of all pages; none if the server does not offer resources.
    pub resource_templates: Option<Vec<Value>>,
    /// The prompts of all pages; none if the server does not offer prompts.
    pub prompts: Option<Vec<Value>>,
    /// The contract of the server, if the plan asks for it.
    pub contract: Option<Contract>,
    /// The comparison with a lock file, if the plan has one.
    pub comparison: Option<Comparison>,
    /// The calls of the probe that got a result.
    pub calls: Vec<ToolCall>,
    /// The protected resource metadata.
    pub resource: Option<Value>,
    /// The authorization server metadata.
    pub authorization_server: Option<Value>,
    /// The document for the domain verification of ChatGPT.
    pub domain_verification: Option<Result<TextDocument, String>>,
}

/// A tool call and its result.
#[derive(Clone, Debug)]
pub struct ToolCall {
    pub tool: String,
    pub result: Value,
    pub elapsed: Duration,
}

/// A response to a GET request whose body is text.
#[derive(Clone, Debug)]
pub struct TextDocument {
    pub status: u16,
    /// The media type in lower case, without parameters.
    pub media_type: String,
    pub body: String,
}

impl Observations {
    /// Records what the server says about itself. `result` is that of `server/discover` or
    /// `initialize`; the first one counts.
    pub fn introduced(&mut self, result: &Value) {
        if self.server.is_some() {
            return;
        }
        let info = result.pointer("/_meta/io.modelcontextprotocol~1serverInfo");
        let info = info.or_else(|| result.get("serverInfo"));
        self.server = Some(info.cloned().unwrap_or_default());
        let instructions = result.get("instructions").and_then(Value::as_str);
        instructions
            .unwrap_or_default()
            .clone_into(&mut self.instructions);
    }
}
