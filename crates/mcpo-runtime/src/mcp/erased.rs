//! Erases the type of a user's server, so that nothing in this crate is generic over it.
//!
//! rmcp's service is generic over the user's type and takes seconds to compile. With the type
//! erased, the user's crate compiles only the few methods of [`ErasedHandler`], and a change
//! rebuilds in a fraction of the time (see ARCHITECTURE.md).

#![expect(
    deprecated,
    reason = "older clients subscribe and set log levels, and a user's server may serve them"
)]

use std::{
    any::Any,
    borrow::Cow,
    fmt,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use mcpo_runtime_oauth::oauth::scope::Scopes;
use quick_cache::sync::Cache;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CancelTaskParams, CancelledNotificationParam,
        CompleteRequestParams, CompleteResult, CustomNotification, CustomRequest, CustomResult,
        DiscoverResult, ErrorCode, GetPromptRequestParams, GetPromptResponse,
        GetSkillRequestParams, GetSkillResult, GetTaskParams, GetTaskResult,
        InitializeRequestParams, InitializeResult, ListPromptsResult, ListResourceTemplatesResult,
        ListResourcesResult, ListSkillsResult, ListToolsResult, PaginatedRequestParams,
        ProgressNotificationParam, ProtocolVersion, ReadResourceDirectoryRequestParams,
        ReadResourceDirectoryResult, ReadResourceRequestParams, ReadResourceResponse, ServerConfig,
        SetLevelRequestParams, SubscribeRequestParams, SubscriptionFilter, Tool,
        UnsubscribeRequestParams, UpdateTaskParams,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext},
};

use tokio::time::Instant;

use super::{
    capabilities::Unannounced,
    tool_call_log::ToolCallLog,
    tool_registry::{SCOPES_KEY, declared_scopes},
};
use crate::caller::Caller;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
type Context = RequestContext<RoleServer>;
type Notification = NotificationContext<RoleServer>;
type McpResult<T> = Result<T, ErrorData>;

/// How long a tool is remembered, so that changes of a running server take effect. Before each
/// call, rmcp looks the tool up, only to learn which parameters must be sent in a header as well
/// (SEP-2243), and its macro builds all tools to answer. The scopes of a tool are read in the same
/// lookup.
const TOOL_CACHE_LIFETIME: Duration = Duration::from_secs(1);
const MAX_CACHED_TOOLS: usize = 1000;

/// A user's server without its type. Cheap to clone; all sessions share the same server.
#[derive(Clone)]
pub struct SharedHandler {
    shared: Arc<Shared>,
    /// Whether clients are informed that the tools may change during a connection.
    announces_changes: bool,
    /// What the server implements but does not announce itself.
    unannounced: Unannounced,
    /// Set while the server is queried at start-up: records whether the server implements a
    /// listing.
    inquiry: Option<Arc<AtomicBool>>,
}

impl fmt::Debug for SharedHandler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SharedHandler")
            .finish_non_exhaustive()
    }
}

struct Shared {
    tools: Cache<String, Arc<CachedTool>>,
    handler: Box<dyn ErasedHandler>,
}

/// A tool as of a moment ago.
struct CachedTool {
    since: Instant,
    tool: Tool,
    /// The scopes that the tool needs. The error is a declaration that is not a list of scopes.
    scopes: Result<Scopes, String>,
}

impl SharedHandler {
    /// Erases the type of `handler`.
    pub fn new<H: ServerHandler>(handler: H) -> Self {
        Self::from_erased(Box::new(handler))
    }

    /// Everything else is here, because generic code is compiled in the user's crate.
    fn from_erased(handler: Box<dyn ErasedHandler>) -> Self {
        Self {
            shared: Arc::new(Shared {
                tools: Cache::new(MAX_CACHED_TOOLS),
                handler,
            }),
            announces_changes: false,
            unannounced: Unannounced::default(),
            inquiry: None,
        }
    }

    /// Returns the same server. If `does_it` is true, it informs clients that its tools may change.
    pub(crate) fn announcing_changes(mut self, does_it: bool) -> Self {
        self.announces_changes = does_it;
        self
    }

    /// Returns the same server, which also announces these capabilities.
    pub(super) const fn announcing(mut self, unannounced: Unannounced) -> Self {
        self.unannounced = unannounced;
        self
    }

    /// Returns the same server for a query at start-up. It sets `implemented` if the handler itself
    /// responds to a listing, even with an error, and turns each failed listing into an empty one.
    pub(super) fn for_inquiry(mut self, implemented: Arc<AtomicBool>) -> Self {
        self.inquiry = Some(implemented);
        self
    }

    /// Records the result of a listing, if this is a query at start-up.
    fn noted<T: Default>(&self, answer: McpResult<T>) -> McpResult<T> {
        let Some(implemented) = &self.inquiry else {
            return answer;
        };
        // The default response of a handler that does not implement the method.
        let is_missing = matches!(&answer, Err(error) if error.code == ErrorCode::METHOD_NOT_FOUND);
        if !is_missing {
            implemented.store(true, Ordering::Relaxed);
        }
        Ok(answer.unwrap_or_default())
    }

    /// Returns the tool with this name, as of now or a moment ago.
    fn cached_tool(&self, name: &str) -> Option<Arc<CachedTool>> {
        if let Some(known) = self.shared.tools.get(name)
            && known.since.elapsed() < TOOL_CACHE_LIFETIME
        {
            return Some(known);
        }
        let Some(tool) = self.shared.handler.get_tool(name) else {
            self.shared.tools.remove(name);
            return None;
        };
        let declared = tool.meta.as_ref().and_then(|meta| meta.get(SCOPES_KEY));
        let known = Arc::new(CachedTool {
            since: Instant::now(),
            scopes: declared_scopes(declared),
            tool,
        });
        self.shared
            .tools
            .insert(name.to_owned(), Arc::clone(&known));
        Some(known)
    }

    /// Returns the scopes that the tool with this name needs, or `None` if the server does not know
    /// tools by name. The error is a declaration that is not a list of scopes.
    pub(super) fn tool_scopes(&self, name: &str) -> Option<Result<Scopes, String>> {
        self.cached_tool(name).map(|known| known.scopes.clone())
    }

    /// Returns the name of the server for users.
    pub(crate) fn title(&self) -> String {
        let info = self.shared.handler.get_info().server_info;
        let named = info.title.or(Some(info.name));
        named
            .filter(|name| name != RMCP_DEFAULT_NAME)
            .or_else(program_name)
            .unwrap_or_else(|| RMCP_DEFAULT_NAME.to_owned())
    }
}

/// rmcp's name for a server without a name.
pub(super) const RMCP_DEFAULT_NAME: &str = "rmcp";

fn program_name() -> Option<String> {
    let path = std::env::current_exe().ok()?;
    Some(path.file_stem()?.to_str()?.to_owned())
}

/// Writes each method three times: in the trait, for every server, and for the erased server.
macro_rules! erase {
    (
        cached_tool { fn $cached_tool:ident($($name:ident: $name_ty:ty),*) -> $tool:ty; }
        now { $(fn $now:ident($($arg:ident: $ty:ty),*) -> $out:ty;)* }
        later { $(fn $later:ident($($later_arg:ident: $later_ty:ty),*) -> $later_out:ty;)* }
        listed { $(fn $listed:ident($page:ident: $page_ty:ty, $lister:ident: $lister_ty:ty)
            -> $listed_out:ty;)* }
        guarded { fn $guarded:ident($params:ident: $params_ty:ty, $context:ident: $context_ty:ty)
            -> $guarded_out:ty; }
        greeting { fn $greeting:ident($greeted:ident: $greeted_ty:ty, $by:ident: $by_ty:ty)
            -> $greeting_out:ty; }
        described { fn $described:ident($asked:ident: $asked_ty:ty) -> $described_out:ty; }
        info { fn $info:ident() -> $info_out:ty; }
    ) => {
        /// The methods of [`ServerHandler`] in a form that supports trait objects.
        trait ErasedHandler: Send + Sync {
            fn $cached_tool(&self, $($name: $name_ty),*) -> $tool;
            $(fn $now(&self, $($arg: $ty),*) -> $out;)*
            $(fn $later(&self, $($later_arg: $later_ty),*) -> BoxFuture<'_, $later_out>;)*
            $(fn $listed(&self, $page: $page_ty, $lister: $lister_ty) -> BoxFuture<'_, $listed_out>;)*
            fn $guarded(&self, $params: $params_ty, $context: $context_ty) -> BoxFuture<'_, $guarded_out>;
            fn $greeting(&self, $greeted: $greeted_ty, $by: $by_ty) -> BoxFuture<'_, $greeting_out>;
            fn $described(&self, $asked: $asked_ty) -> BoxFuture<'_, $described_out>;
            fn $info(&self) -> $info_out;
        }

        impl<H: ServerHandler> ErasedHandler for H {
            fn $cached_tool(&self, $($name: $name_ty),*) -> $tool {
                ServerHandler::$cached_tool(self, $($name),*)
            }
            $(fn $now(&self, $($arg: $ty),*) -> $out {
                ServerHandler::$now(self, $($arg),*)
            })*
            $(fn $later(&self, $($later_arg: $later_ty),*) -> BoxFuture<'_, $later_out> {
                Box::pin(ServerHandler::$later(self, $($later_arg),*))
            })*
            $(fn $listed(&self, $page: $page_ty, $lister: $lister_ty) -> BoxFuture<'_, $listed_out> {
                Box::pin(ServerHandler::$listed(self, $page, $lister))
            })*
            fn $guarded(&self, $params: $params_ty, $context: $context_ty) -> BoxFuture<'_, $guarded_out> {
                Box::pin(ServerHandler::$guarded(self, $params, $context))
            }
            fn $greeting(&self, $greeted: $greeted_ty, $by: $by_ty) -> BoxFuture<'_, $greeting_out> {
                Box::pin(ServerHandler::$greeting(self, $greeted, $by))
            }
            fn $described(&self, $asked: $asked_ty) -> BoxFuture<'_, $described_out> {
                Box::pin(ServerHandler::$described(self, $asked))
            }
            fn $info(&self) -> $info_out {
                ServerHandler::$info(self)
            }
        }

        impl ServerHandler for SharedHandler {
            fn $cached_tool(&self, $($name: $name_ty),*) -> $tool {
                self.cached_tool($($name),*).map(|known| known.tool.clone())
            }
            $(fn $now(&self, $($arg: $ty),*) -> $out {
                self.shared.handler.$now($($arg),*)
            })*
            $(fn $later(&self, $($later_arg: $later_ty),*) -> impl Future<Output = $later_out> + Send + '_ {
                self.shared.handler.$later($($later_arg),*)
            })*
            $(async fn $listed(&self, $page: $page_ty, $lister: $lister_ty) -> $listed_out {
                self.noted(self.shared.handler.$listed($page, $lister).await)
            })*
            async fn $guarded(&self, $params: $params_ty, $context: $context_ty) -> $guarded_out {
                // rmcp calls this in a separate task.
                let caller = Caller::of(&$context.extensions).cloned();
                let request = caller.as_ref().and_then(Caller::request).cloned();
                let log = ToolCallLog::begin(&$params, &$context, caller);
                let call = ToolCallLog::run(
                    log, catch_panic(self.shared.handler.$guarded($params, $context)),
                );
                match request {
                    Some(request) => request.scope(call).await,
                    None => call.await,
                }
            }
            async fn $greeting(&self, $greeted: $greeted_ty, $by: $by_ty) -> $greeting_out {
                let mut result = self.shared.handler.$greeting($greeted, $by).await?;
                self.unannounced.add_to(&mut result.capabilities);
                if let Some(tools) = &mut result.capabilities.tools
                    && self.announces_changes
                {
                    tools.list_changed = Some(true);
                }
                Ok(result)
            }
            async fn $described(&self, $asked: $asked_ty) -> $described_out {
                let mut result = self.shared.handler.$described($asked).await?;
                self.unannounced.add_to(&mut result.capabilities);
                Ok(result)
            }
            fn $info(&self) -> $info_out {
                let mut info = self.shared.handler.$info();
                self.unannounced.add_to(&mut info.capabilities);
                info
            }
        }
    };
}

erase! {
    cached_tool {
        fn get_tool(name: &str) -> Option<Tool>;
    }
    now {
        fn supported_protocol_versions() -> Cow<'static, [ProtocolVersion]>;
        fn negotiate_initialize(request: &InitializeRequestParams) -> McpResult<InitializeResult>;
        fn accepted_subscription_filter(requested: &SubscriptionFilter)
            -> Option<SubscriptionFilter>;
    }
    later {
        fn ping(context: Context) -> McpResult<()>;
        fn complete(request: CompleteRequestParams, context: Context) -> McpResult<CompleteResult>;
        fn set_level(request: SetLevelRequestParams, context: Context) -> McpResult<()>;
        fn get_prompt(request: GetPromptRequestParams, context: Context)
            -> McpResult<GetPromptResponse>;
        fn read_resource(request: ReadResourceRequestParams, context: Context)
            -> McpResult<ReadResourceResponse>;
        fn listen(context: SubscriptionContext) -> McpResult<()>;
        fn subscribe(request: SubscribeRequestParams, context: Context) -> McpResult<()>;
        fn unsubscribe(request: UnsubscribeRequestParams, context: Context) -> McpResult<()>;
        fn on_custom_request(request: CustomRequest, context: Context) -> McpResult<CustomResult>;
        fn on_cancelled(notification: CancelledNotificationParam, context: Notification) -> ();
        fn on_progress(notification: ProgressNotificationParam, context: Notification) -> ();
        fn on_initialized(context: Notification) -> ();
        fn on_roots_list_changed(context: Notification) -> ();
        fn on_custom_notification(notification: CustomNotification, context: Notification)
            -> ();
        fn get_task(request: GetTaskParams, context: Context) -> McpResult<GetTaskResult>;
        fn update_task(request: UpdateTaskParams, context: Context) -> McpResult<()>;
        fn cancel_task(request: CancelTaskParams, context: Context) -> McpResult<()>;
        fn list_skills(request: Option<PaginatedRequestParams>, context: Context)
            -> McpResult<ListSkillsResult>;
        fn get_skill(request: GetSkillRequestParams, context: Context)
            -> McpResult<GetSkillResult>;
        fn read_resource_directory(
            request: ReadResourceDirectoryRequestParams, context: Context
        ) -> McpResult<ReadResourceDirectoryResult>;
    }
    listed {
        fn list_prompts(request: Option<PaginatedRequestParams>, context: Context)
            -> McpResult<ListPromptsResult>;
        fn list_resources(request: Option<PaginatedRequestParams>, context: Context)
            -> McpResult<ListResourcesResult>;
        fn list_resource_templates(request: Option<PaginatedRequestParams>, context: Context)
            -> McpResult<ListResourceTemplatesResult>;
        fn list_tools(request: Option<PaginatedRequestParams>, context: Context)
            -> McpResult<ListToolsResult>;
    }
    guarded {
        fn call_tool(request: CallToolRequestParams, context: Context)
            -> McpResult<CallToolResponse>;
    }
    greeting {
        fn initialize(request: InitializeRequestParams, context: Context)
            -> McpResult<InitializeResult>;
    }
    described {
        fn discover(context: Context) -> McpResult<DiscoverResult>;
    }
    info {
        fn get_info() -> ServerConfig;
    }
}

/// Turns the panic of a tool into an error of that call only.
async fn catch_panic(
    call: BoxFuture<'_, McpResult<CallToolResponse>>,
) -> McpResult<CallToolResponse> {
    let outcome = AssertUnwindSafe(call).catch_unwind().await;
    outcome.unwrap_or_else(|payload| {
        tracing::error!(panic = panic_text(payload.as_ref()), "tool panicked");
        Err(ErrorData::internal_error(
            "the tool panicked; the server's log has the reason",
            None,
        ))
    })
}

fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
