//! The scopes that a tool needs, asked of the tool whenever it is called.
//!
//! Nothing about it is decided when the server starts: tools can be added later, can be listed to
//! some callers only, or not at all.

use super::{
    SharedHandler,
    catalogue::{Listing, SCOPES_KEY, declared_scopes},
};
use crate::{caller::Caller, scope::Scopes};

/// Where the scopes of tools come from.
pub(crate) struct ToolScopes {
    handler: SharedHandler,
    listing: Listing,
}

/// The scopes of a tool cannot be known now, so nobody may call it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnknownScopes;

impl ToolScopes {
    pub(crate) fn new(handler: SharedHandler) -> Self {
        Self {
            listing: Listing::new(handler.clone()),
            handler,
        }
    }

    /// The scopes that a call of `tool` by `caller` needs besides the base scope. A tool that is
    /// neither known by its name nor listed declares none.
    pub(crate) async fn of(&self, tool: &str, caller: &Caller) -> Result<Scopes, UnknownScopes> {
        let scopes = match self.handler.tool_scopes(tool) {
            Some(scopes) => scopes,
            None => self.listed(tool, caller).await,
        };
        scopes.map_err(|error| {
            tracing::error!(
                tool,
                error,
                "the scopes of a tool are unknown, the call is refused"
            );
            UnknownScopes
        })
    }

    /// For servers that list tools and do not implement `get_tool`.
    async fn listed(&self, tool: &str, caller: &Caller) -> Result<Scopes, String> {
        let mut scopes = Ok(Scopes::default());
        let visited = self.listing.visit(caller, |listed| {
            let is_it = listed["name"].as_str() == Some(tool);
            if is_it {
                scopes = declared_scopes(listed["_meta"].get(SCOPES_KEY));
            }
            is_it
        });
        visited.await?;
        scopes
    }
}
