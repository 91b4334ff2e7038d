//! Logs each tool call in one line without its arguments. Under `mcpo dev`, the call is reported
//! together with its arguments and its result instead.

use std::time::Instant;

use mcpo_runtime_oauth::base::{
    dev_channel::{self, ToolCallEvent},
    request_log,
};
use rmcp::{
    ErrorData, RoleServer,
    model::{CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock},
    service::RequestContext,
};
use tracing::Level;

use super::call_line::CallLine;
use crate::caller::Caller;

type CallResult = Result<CallToolResponse, ErrorData>;

/// A tool call that has begun.
pub(super) struct ToolCallLog {
    began: Instant,
    tool: String,
    caller: Option<Caller>,
    /// Only for `mcpo dev`.
    details: Option<Details>,
}

struct Details {
    arguments: String,
    agent: String,
}

impl ToolCallLog {
    /// Returns `None` if the call is neither logged nor reported.
    pub(super) fn begin(
        params: &CallToolRequestParams,
        context: &RequestContext<RoleServer>,
        caller: Option<Caller>,
    ) -> Option<Self> {
        let is_reported = dev_channel::is_subscribed();
        if !is_reported && !tracing::enabled!(Level::INFO) {
            return None;
        }
        Some(Self {
            began: Instant::now(),
            tool: tool_name(params),
            caller,
            details: is_reported.then(|| Details {
                arguments: dev_channel::arguments_text(params.arguments.as_ref()),
                agent: agent(context),
            }),
        })
    }

    /// Runs the call, and logs its result.
    pub(super) async fn run(
        log: Option<Self>,
        call: impl Future<Output = CallResult>,
    ) -> CallResult {
        let result = call.await;
        if let Some(log) = log {
            log.end(&result);
        }
        result
    }

    fn end(self, result: &CallResult) {
        let outcome = outcome(result);
        let ended = Instant::now();
        let elapsed = ended.duration_since(self.began);
        let Some(Details { arguments, agent }) = self.details else {
            let line = CallLine {
                ended,
                tool: self.tool,
                caller: self.caller,
                ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
                outcome,
            };
            line.log();
            return;
        };
        let tool = self.tool.as_str();
        let caller = self.caller.as_ref();
        let client = caller.and_then(Caller::client_name);
        let event = ToolCallEvent {
            tool,
            arguments,
            result: dev_channel::result_text(texts(result)),
            outcome,
            microseconds: dev_channel::microseconds(elapsed),
            subject: caller.map_or("", Caller::subject),
            name: caller.map_or("", Caller::name),
            client: client.map(str::to_owned),
            agent,
            self_test: caller
                .and_then(Caller::request)
                .is_some_and(request_log::RequestContext::is_self_test),
        };
        event.send();
    }
}

/// Returns the name of the tool. The client chooses it, and it can be as long as a message.
fn tool_name(params: &CallToolRequestParams) -> String {
    dev_channel::shortened(&params.name)
}

fn agent(context: &RequestContext<RoleServer>) -> String {
    let parts = context.extensions.get::<http::request::Parts>();
    let agent = parts.and_then(|parts| parts.headers.get(http::header::USER_AGENT));
    let agent = agent.and_then(|agent| agent.to_str().ok());
    agent.unwrap_or_default().to_owned()
}

fn outcome(result: &CallResult) -> &'static str {
    match result {
        Ok(CallToolResponse::Complete(result)) if result.is_error == Some(true) => "tool_error",
        Ok(CallToolResponse::Complete(_)) => "ok",
        Ok(CallToolResponse::InputRequired(_)) => "input_required",
        Ok(CallToolResponse::Task(_)) => "task",
        Ok(_) => "other",
        Err(_) => "error",
    }
}

/// Returns the texts of a result, with a short description of each content that is not text.
fn texts(result: &CallResult) -> Vec<String> {
    match result {
        Ok(CallToolResponse::Complete(result)) => contents(result),
        Ok(_) => Vec::new(),
        Err(error) => vec![error.message.to_string()],
    }
}

fn contents(result: &CallToolResult) -> Vec<String> {
    if result.content.is_empty() {
        let structured = result.structured_content.as_ref();
        return structured.map(ToString::to_string).into_iter().collect();
    }
    result.content.iter().map(described).collect()
}

fn described(content: &ContentBlock) -> String {
    match content {
        ContentBlock::Text(text) => text.text.clone(),
        ContentBlock::Image(image) => format!("[{}]", image.mime_type),
        ContentBlock::Audio(audio) => format!("[{}]", audio.mime_type),
        ContentBlock::ResourceLink(resource) => format!("[link to {}]", resource.uri),
        _ => "[resource]".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_name_of_a_tool_is_cut() {
        let params = CallToolRequestParams::new("x".repeat(4_000_000));
        assert_eq!(tool_name(&params).len(), 200);
    }

    #[test]
    fn blocks_of_a_result_are_searched_one_by_one() {
        let blocks = [r#"{"token":"abc"}"#, "plain"].map(ContentBlock::text);
        let result = CallToolResult::success(blocks.to_vec());
        let texts = texts(&Ok(CallToolResponse::Complete(result)));
        assert_eq!(
            dev_channel::result_text(texts),
            "{\"token\":\"<3 characters>\"}\nplain"
        );
    }
}
