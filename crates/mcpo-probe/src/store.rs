//! The stores that list remote MCP servers.

use serde::{Deserialize, Serialize};

/// A store whose published rules the probe can check.
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[non_exhaustive]
pub enum Store {
    /// the Connectors Directory of claude.ai
    #[cfg_attr(feature = "clap", value(name = "claude-directory"))]
    #[serde(rename = "claude-directory")]
    ClaudeDirectory,
    /// the plugin directory of ChatGPT
    #[cfg_attr(feature = "clap", value(name = "chatgpt"))]
    #[serde(rename = "chatgpt")]
    ChatGpt,
}

impl Store {
    /// All stores.
    pub const ALL: [Self; 2] = [Self::ClaudeDirectory, Self::ChatGpt];

    /// Returns the name of the store on the command line and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClaudeDirectory => "claude-directory",
            Self::ChatGpt => "chatgpt",
        }
    }

    /// Returns the name that the store uses for itself.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::ClaudeDirectory => "Claude Connectors Directory",
            Self::ChatGpt => "ChatGPT plugin directory",
        }
    }
}
