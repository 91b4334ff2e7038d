//! Serves `/mcp` with rmcp's Streamable HTTP in both protocol forms. rmcp's service is instantiated
//! only here.

mod access;
mod body;
mod call_line;
mod capabilities;
mod card;
mod endpoint;
mod erased;
#[cfg(debug_assertions)]
mod precompiled;
mod priming_event;
mod reauthentication;
mod required_scopes;
mod session;
mod session_limit;
mod tool_call_log;
mod tool_directory;
mod tool_registry;

pub(crate) use self::{
    call_line::{let_lines_wait, write_waiting},
    card::card,
    endpoint::Endpoint,
    session::sessions,
    tool_directory::ListedTools,
    tool_registry::{ToolRegistry, read_tools},
};
pub use self::{erased::SharedHandler, tool_registry::needs_scopes};
