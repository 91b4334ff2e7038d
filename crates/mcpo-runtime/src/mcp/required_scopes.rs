//! Determines the scopes that a tool needs, whenever it is called.
//!
//! Nothing is decided at start-up, because tools may be added later, and may be listed to some
//! callers only or not at all.

use mcpo_runtime_oauth::oauth::scope::Scopes;

use super::{
    erased::SharedHandler,
    tool_registry::{Listing, SCOPES_KEY, declared_scopes},
};
use crate::caller::Caller;

/// The sources of the tools' scopes.
pub(crate) struct RequiredScopes {
    handler: SharedHandler,
    listing: Listing,
}

/// The scopes of a tool are unknown, so the call is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnknownScopes;

impl RequiredScopes {
    pub(crate) fn new(handler: SharedHandler) -> Self {
        Self {
            listing: Listing::new(handler.clone()),
            handler,
        }
    }

    /// Returns the scopes that a call of `tool` by `caller` needs in addition to the base scope. A
    /// tool that is neither known by its name nor listed declares none.
    pub(crate) async fn of(&self, tool: &str, caller: &Caller) -> Result<Scopes, UnknownScopes> {
        let scopes = match self.handler.tool_scopes(tool) {
            Some(scopes) => scopes,
            // Boxed, because it is large and would be moved with each future around it.
            None => Box::pin(self.listed(tool, caller)).await,
        };
        scopes.map_err(|error| {
            tracing::error!(
                tool,
                error,
                "call refused: the scopes of the tool are unknown"
            );
            UnknownScopes
        })
    }

    /// Looks the scopes up in the list, for servers that do not implement `get_tool`.
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

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        sync::{Arc, Mutex},
        time::Duration,
    };

    use proptest::prelude::*;
    use rmcp::{
        ErrorData, RoleServer, ServerHandler,
        model::{ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool},
        service::RequestContext,
    };

    use super::*;
    use crate::mcp::tool_registry::needs_scopes;

    /// The tools and the scopes that each one needs.
    type Tools = BTreeMap<String, Vec<&'static str>>;

    #[derive(Clone, Copy, Debug)]
    enum ListMode {
        /// Shows all tools to every caller, a few on each page.
        Paged,
        /// Needs a caller, and shows only the tools whose name begins with the caller's name.
        OfCaller,
        /// Shows nothing.
        Empty,
        Failing,
        /// Never ends.
        Endless,
    }

    #[derive(Clone, Debug)]
    struct Server {
        tools: Arc<Mutex<Tools>>,
        list: ListMode,
        knows_by_name: bool,
    }

    impl Server {
        fn tool(&self, name: &str) -> Option<Tool> {
            let tools = self.tools.lock().unwrap();
            let scopes = tools.get(name)?;
            let tool = Tool::new(name.to_owned(), "", serde_json::Map::new());
            Some(if scopes.is_empty() {
                tool
            } else {
                tool.with_meta(needs_scopes(scopes))
            })
        }

        fn names(&self) -> Vec<String> {
            self.tools.lock().unwrap().keys().cloned().collect()
        }
    }

    const PAGE_LEN: usize = 2;

    impl ServerHandler for Server {
        fn get_info(&self) -> ServerConfig {
            ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
        }

        fn get_tool(&self, name: &str) -> Option<Tool> {
            self.knows_by_name.then(|| self.tool(name)).flatten()
        }

        async fn list_tools(
            &self,
            request: Option<PaginatedRequestParams>,
            context: RequestContext<RoleServer>,
        ) -> Result<ListToolsResult, ErrorData> {
            let cursor = request.and_then(|request| request.cursor);
            let from: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
            let fail = |why: &'static str| Err(ErrorData::internal_error(why, None));
            let names = match self.list {
                ListMode::Paged | ListMode::Endless => self.names(),
                ListMode::OfCaller => {
                    let Some(caller) = Caller::of(&context.extensions) else {
                        return fail("no caller");
                    };
                    let own = |name: &String| name.starts_with(caller.subject());
                    self.names().into_iter().filter(own).collect()
                }
                ListMode::Empty => Vec::new(),
                ListMode::Failing => return fail("the list is broken"),
            };
            let page = names.iter().skip(from).take(PAGE_LEN);
            let mut result =
                ListToolsResult::with_all_items(page.filter_map(|name| self.tool(name)).collect());
            let next = from + PAGE_LEN;
            if next < names.len() || matches!(self.list, ListMode::Endless) {
                result.next_cursor = Some(next.to_string());
            }
            Ok(result)
        }
    }

    fn tools() -> impl Strategy<Value = Tools> {
        let scopes = prop::collection::vec(
            prop::sample::select(vec!["notes:write", "notes:read", "admin"]),
            0..3,
        );
        prop::collection::btree_map("(ada|bob)_[a-d]", scopes, 0..7)
    }

    fn server() -> impl Strategy<Value = Server> {
        let list = prop::sample::select(vec![
            ListMode::Paged,
            ListMode::OfCaller,
            ListMode::Empty,
            ListMode::Failing,
            ListMode::Endless,
        ]);
        (tools(), list, any::<bool>()).prop_map(|(tools, list, knows_by_name)| Server {
            tools: Arc::new(Mutex::new(tools)),
            list,
            knows_by_name,
        })
    }

    impl Server {
        /// Returns true if the server shows `caller` the scopes of `tool` in any way.
        fn declares(&self, tool: &str, caller: &str) -> bool {
            self.knows_by_name
                || match self.list {
                    ListMode::Paged | ListMode::Endless | ListMode::Failing => true,
                    ListMode::OfCaller => tool.starts_with(caller),
                    ListMode::Empty => false,
                }
        }
    }

    /// Asks for the scopes of every tool, for each caller.
    async fn check(server: &Server, scopes: &RequiredScopes) -> Result<(), TestCaseError> {
        let expected = server.tools.lock().unwrap().clone();
        for (tool, needed) in expected {
            let needed = Scopes::parse(&Vec::from_iter(needed).join(" ")).unwrap();
            for caller in ["ada", "bob"] {
                if !server.declares(&tool, caller) {
                    continue;
                }
                // An error refuses the call.
                if let Ok(found) = scopes.of(&tool, &Caller::local(caller)).await {
                    prop_assert_eq!(found, needed.clone(), "{} of {}", &tool, caller);
                }
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// For any set of tools and any later change of it, a tool that needs scopes cannot be
        /// called without them.
        #[test]
        fn rs4_tool_with_scopes_is_never_callable_without_them(
            server in server(),
            later in prop::collection::vec(tools(), 0..3),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .start_paused(true)
                .build()
                .unwrap();
            runtime.block_on(async {
                let scopes = RequiredScopes::new(SharedHandler::new(server.clone()));
                check(&server, &scopes).await?;
                for tools in later {
                    *server.tools.lock().unwrap() = tools;
                    // For as long as a tool is remembered.
                    tokio::time::advance(Duration::from_secs(1)).await;
                    check(&server, &scopes).await?;
                }
                Ok::<_, TestCaseError>(())
            })?;
        }
    }

    #[tokio::test]
    async fn rs4_tool_with_known_scopes_is_not_refused() {
        let server = |list, knows_by_name| Server {
            tools: Arc::new(Mutex::new(Tools::from([("ada_a".into(), vec!["admin"])]))),
            list,
            knows_by_name,
        };
        for (list, by_name, is_known) in [
            (ListMode::Paged, false, true),
            (ListMode::OfCaller, false, true),
            (ListMode::Failing, true, true),
            (ListMode::Empty, true, true),
            (ListMode::Failing, false, false),
        ] {
            let scopes = RequiredScopes::new(SharedHandler::new(server(list, by_name)));
            let found = scopes.of("ada_a", &Caller::local("ada")).await;
            let expected = if is_known {
                Ok(Scopes::parse("admin").unwrap())
            } else {
                Err(UnknownScopes)
            };
            assert_eq!(found, expected, "{list:?} {by_name}");
        }
    }
}
