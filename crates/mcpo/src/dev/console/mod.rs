//! What the user sees and types: the first lines, hotkeys, the progress of clients, tool calls, and
//! probes.

pub mod banner;
mod call_limit;
pub mod client_progress;
pub mod feed;
mod held_log;
pub mod hotkeys;
mod line_editor;
mod probe_report;
pub mod prober;
pub mod reporter;
pub mod self_test;
pub mod tool_caller;
pub mod tool_prompt;
mod tool_report;
mod welcome;
