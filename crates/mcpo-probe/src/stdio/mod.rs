//! Local servers: their process, and its standard streams. Knows lines, and nothing of MCP.

mod command;
mod error;
mod lines;
mod process;
mod stderr;

pub use self::{
    command::ServerCommand,
    error::{StdioError, noise_hint},
    lines::Line,
    process::{Ending, ServerProcess},
};
