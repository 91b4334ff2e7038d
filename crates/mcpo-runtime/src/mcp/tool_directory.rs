//! Lists the tools for the pages, as the user of the page would see them through a client.

use std::{sync::Arc, time::Duration};

use mcpo_runtime_oauth::{
    pages::{ToolDirectory, ToolSummary, ToolViewer, ToolsFuture},
    upstream::TokenCache,
};
use serde_json::Value;

use super::{
    erased::SharedHandler,
    tool_registry::{Listing, SCOPES_KEY, declared_scopes},
};
use crate::caller::Caller;

/// The time limit for a list. A page without the tools is better than no page.
const LIST_TIMEOUT: Duration = Duration::from_secs(2);
/// The most tools on a page.
const MAX_TOOLS: usize = 200;
/// The longest label of a tool, in characters.
const MAX_LABEL_CHARS: usize = 80;

/// The tools of one server.
pub(crate) struct ListedTools {
    listing: Listing,
    tokens: Arc<TokenCache>,
}

impl ListedTools {
    pub(crate) fn new(handler: SharedHandler, tokens: Arc<TokenCache>) -> Self {
        Self {
            listing: Listing::new(handler),
            tokens,
        }
    }

    async fn list(&self, caller: &Caller) -> Option<Vec<ToolSummary>> {
        let mut tools = Vec::new();
        let listed = self.listing.visit(caller, |tool| {
            tools.extend(summary(tool));
            tools.len() >= MAX_TOOLS
        });
        match tokio::time::timeout(LIST_TIMEOUT, listed).await {
            Ok(Ok(())) => Some(tools),
            Ok(Err(error)) => {
                tracing::warn!(error, "cannot list the tools for a page");
                None
            }
            Err(_) => {
                let seconds = LIST_TIMEOUT.as_secs();
                tracing::warn!(seconds, "listing the tools for a page took too long");
                None
            }
        }
    }
}

impl ToolDirectory for ListedTools {
    fn tools(&self, viewer: Option<ToolViewer>) -> ToolsFuture<'_> {
        let caller = match viewer {
            Some(ToolViewer { subject, scopes }) => {
                Caller::prospective(subject, scopes, &self.tokens)
            }
            None => Caller::anonymous(),
        };
        Box::pin(async move { self.list(&caller).await })
    }
}

/// Returns `None` for a tool that cannot be called: without a name, or with invalid scopes.
fn summary(tool: &Value) -> Option<ToolSummary> {
    let name = tool["name"].as_str()?;
    let annotations = &tool["annotations"];
    let titles = [&tool["title"], &annotations["title"]];
    let mut titles = titles.into_iter().filter_map(Value::as_str);
    let label = titles
        .find(|title| !title.trim().is_empty())
        .unwrap_or(name);
    Some(ToolSummary {
        label: label.chars().take(MAX_LABEL_CHARS).collect(),
        // The default of the hint (MCP, tool annotations).
        changes_data: !annotations["readOnlyHint"].as_bool().unwrap_or(false),
        scopes: declared_scopes(tool["_meta"].get(SCOPES_KEY)).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use mcpo_runtime_oauth::oauth::scope::Scopes;

    #[test]
    fn tools_are_shown_by_title_and_change_data_unless_they_only_read() {
        let read = json!({ "readOnlyHint": true, "title": "Look up" });
        for (tool, label, changes_data) in [
            (json!({ "name": "a" }), "a", true),
            (json!({ "name": "a", "title": "Add" }), "Add", true),
            (json!({ "name": "a", "title": " " }), "a", true),
            (
                json!({ "name": "a", "annotations": read }),
                "Look up",
                false,
            ),
            (
                json!({ "name": "a", "annotations": { "readOnlyHint": false } }),
                "a",
                true,
            ),
        ] {
            let summary = summary(&tool).unwrap();
            assert_eq!(
                (&*summary.label, summary.changes_data),
                (label, changes_data)
            );
        }
        let scoped = summary(&json!({ "name": "a", "_meta": { SCOPES_KEY: ["notes"] } }));
        assert_eq!(scoped.unwrap().scopes, Scopes::parse("notes").unwrap());
        for broken in [
            json!({ "title": "A" }),
            json!({ "name": "a", "_meta": { SCOPES_KEY: "notes write" } }),
        ] {
            assert_eq!(summary(&broken), None);
        }
    }
}
