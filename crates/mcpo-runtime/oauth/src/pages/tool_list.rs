//! The tools of the server as pages show them.

use std::pin::Pin;

use serde::Serialize;

use crate::{login::Subject, oauth::scope::Scopes};

/// The number of tools that are visible at first. The others follow when the user asks for them.
const VISIBLE: usize = 3;

/// One tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToolSummary {
    /// The tool's title, or else its name.
    pub label: String,
    /// Whether the tool may change something. True unless the tool says that it only reads.
    pub changes_data: bool,
    /// The scopes that a call needs in addition to the base scope.
    #[serde(skip)]
    pub scopes: Scopes,
}

/// The user for whom tools are listed, and the scopes that a client would get.
#[derive(Clone, Debug)]
pub struct ToolViewer {
    /// The user.
    pub subject: Subject,
    /// The scopes that the client would get.
    pub scopes: Scopes,
}

/// The future that [`ToolDirectory::tools`] returns.
pub type ToolsFuture<'a> = Pin<Box<dyn Future<Output = Option<Vec<ToolSummary>>> + Send + 'a>>;

/// The source of the tools. The MCP endpoint implements it; pages are in a lower layer.
pub trait ToolDirectory: Send + Sync {
    /// Returns the tools that `viewer` sees; without a viewer, those that everyone sees. Returns
    /// `None` if the server does not list its tools in time.
    fn tools(&self, viewer: Option<ToolViewer>) -> ToolsFuture<'_>;
}

/// The tools on a page: the first few, and the others.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ToolList {
    visible: Vec<ToolSummary>,
    more: Vec<ToolSummary>,
    more_count: usize,
    /// How many of the others may change something.
    more_that_change: usize,
}

impl ToolList {
    /// Returns `None` if there are no tools.
    pub(crate) fn new(mut tools: Vec<ToolSummary>) -> Option<Self> {
        if tools.is_empty() {
            return None;
        }
        // A line about a single further tool would be as long as the tool.
        let visible = if tools.len() == VISIBLE + 1 {
            tools.len()
        } else {
            VISIBLE.min(tools.len())
        };
        let more = tools.split_off(visible);
        Some(Self {
            more_that_change: more.iter().filter(|tool| tool.changes_data).count(),
            more_count: more.len(),
            visible: tools,
            more,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_tools_are_visible_and_the_others_are_counted() {
        let tools = |count: usize| {
            let tool = |number: usize| ToolSummary {
                label: number.to_string(),
                changes_data: number.is_multiple_of(2),
                scopes: Scopes::default(),
            };
            ToolList::new((0..count).map(tool).collect())
        };
        assert_eq!(tools(0), None);
        for (count, visible, more, changing) in [
            (1, 1, 0, 0),
            (3, 3, 0, 0),
            (4, 4, 0, 0),
            (5, 3, 2, 1),
            (12, 3, 9, 4),
        ] {
            let list = tools(count).unwrap();
            let lengths = (list.visible.len(), list.more_count, list.more_that_change);
            assert_eq!(lengths, (visible, more, changing), "{count}");
        }
    }
}
