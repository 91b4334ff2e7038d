//! The steps of trying a tool: find it, then call it.

use mcpo_probe::ToolCallReport;
use serde_json::{Map, Value};
use tokio::sync::oneshot;

/// A step of trying a tool.
#[derive(Debug)]
pub enum ToolRequest {
    /// Find the tool with this name.
    Find(String),
    /// Call a tool that was found.
    Call {
        tool: Box<Value>,
        arguments: Map<String, Value>,
    },
    /// List all tools.
    List {
        reply: oneshot::Sender<Result<Vec<Value>, String>>,
    },
    /// Find the tool with this name, and call it.
    CallNamed {
        name: String,
        arguments: Map<String, Value>,
        reply: oneshot::Sender<Result<ToolCallReport, String>>,
    },
}

impl ToolRequest {
    /// Replies that the step cannot be carried out.
    pub fn fail(self, because: &str) {
        // The page may be gone.
        match self {
            Self::Find(_) | Self::Call { .. } => {}
            Self::List { reply } => {
                let _ = reply.send(Err(because.to_owned()));
            }
            Self::CallNamed { reply, .. } => {
                let _ = reply.send(Err(because.to_owned()));
            }
        }
    }
}
