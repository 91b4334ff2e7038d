//! Lists and calls tools without the checks of a probe, for tools that try a server.

use std::{
    fmt,
    time::{Duration, Instant},
};

use mcpo_common::text::clean;
use serde_json::{Map, Value, json};
use url::Url;

use crate::{
    check::{Log, Quiet, Step, Verdict},
    credentials::Credentials,
    flow,
    http::{HttpClient, RequestError},
    mcp::{self, Call, McpClient, Reply, WireFormat},
    oauth::Login,
    plan::Plan,
};

/// The most pages of a list of tools.
const MAX_PAGES: usize = 100;

/// Why a tool was not called, or did not return a result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// The client could not sign in, or the server is unreachable: the tool was not called.
    NotSent(String),
    /// The server answered with a JSON-RPC error.
    Rejected {
        /// The code of the error.
        code: i64,
        /// The message of the error.
        message: String,
    },
    /// The connection ended before the server answered, as it does if a tool ends the process.
    Interrupted(String),
    /// The server answered with something else than a JSON-RPC response.
    Unusable(String),
}

impl fmt::Display for CallError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent(because) | Self::Interrupted(because) | Self::Unusable(because) => {
                formatter.write_str(because)
            }
            Self::Rejected { code, message } => write!(formatter, "{message} (error {code})"),
        }
    }
}

impl std::error::Error for CallError {}

/// A tool call and its result.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ToolCallReport {
    /// The name of the tool.
    pub tool: String,
    /// The arguments.
    pub arguments: Map<String, Value>,
    /// The `CallToolResult`, or why there is none.
    pub result: Result<Value, CallError>,
    /// The time until the answer, without the time to sign in.
    pub elapsed: Duration,
}

impl ToolCallReport {
    /// Returns true if the tool returned a result that is not an error.
    #[must_use]
    pub fn is_success(&self) -> bool {
        let result = self.result.as_ref();
        result.is_ok_and(|result| result.get("isError") != Some(&Value::Bool(true)))
    }

    /// Returns the text of the result or of the error. Other content is named by its type.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.result {
            Err(error) => error.to_string(),
            Ok(result) => {
                let content = result["content"].as_array().map(Vec::as_slice);
                let parts = content.unwrap_or_default().iter().map(|part| {
                    let kind = || format!("[{}]", part["type"].as_str().unwrap_or("?"));
                    part["text"].as_str().map_or_else(kind, str::to_owned)
                });
                parts.collect::<Vec<_>>().join("\n")
            }
        }
    }
}

/// A client that signs in when the server asks for it, and keeps its token.
#[derive(Debug)]
pub struct ToolClient<'p> {
    plan: &'p Plan,
    target: &'p Url,
    credentials: Option<Credentials>,
}

impl<'p> ToolClient<'p> {
    /// Creates a client of the server at `target`. It uses the kept credentials of `plan`, or else
    /// signs in as `plan` says.
    #[must_use]
    pub fn new(plan: &'p Plan, target: &'p Url) -> Self {
        let mut kept = plan.kept.iter();
        let kept = kept.find(|kept| kept.profile == plan.profile.name);
        Self {
            plan,
            target,
            credentials: kept.cloned(),
        }
    }

    /// Returns the credentials for the next client.
    #[must_use]
    pub fn into_credentials(self) -> Option<Credentials> {
        self.credentials
    }

    /// Lists all tools, with their schemas.
    pub async fn tools(&mut self) -> Result<Vec<Value>, CallError> {
        let mut tools = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let params = cursor.map_or_else(|| json!({}), |cursor| json!({ "cursor": cursor }));
            let (result, _) = self.call(&Call::new("tools/list", params)).await;
            let mut result = result?;
            if let Value::Array(page) = result["tools"].take() {
                tools.extend(page);
            }
            cursor = result["nextCursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return Ok(tools);
            }
        }
        Err(CallError::Unusable(format!(
            "the list of tools has more than {MAX_PAGES} pages; omit nextCursor on the last one"
        )))
    }

    /// Calls a tool of [`Self::tools`].
    pub async fn call_tool(
        &mut self,
        tool: &Value,
        arguments: Map<String, Value>,
    ) -> ToolCallReport {
        let name = tool["name"].as_str().unwrap_or_default();
        let call = Call {
            name: Some(name.to_owned()),
            mirrored: mcp::mirrored(tool, &arguments),
            ..Call::new(
                "tools/call",
                json!({ "name": name, "arguments": arguments }),
            )
        };
        let (result, elapsed) = self.call(&call).await;
        ToolCallReport {
            tool: name.to_owned(),
            arguments,
            result,
            elapsed,
        }
    }

    /// Sends a request. If the server asks for a token or for more scopes, signs in and sends the
    /// request again.
    async fn call(&mut self, call: &Call) -> (Result<Value, CallError>, Duration) {
        let mut quiet = Quiet;
        let mut log = Log::new(&mut quiet, self.plan);
        let began = Instant::now();
        match Box::pin(self.try_call(&mut log, call)).await {
            Ok((result, elapsed)) => (result, elapsed),
            Err(_) => {
                let because = reason(log);
                (Err(CallError::NotSent(because)), began.elapsed())
            }
        }
    }

    async fn try_call(
        &mut self,
        log: &mut Log<'_>,
        call: &Call,
    ) -> Step<(Result<Value, CallError>, Duration)> {
        let http = flow::connect(self.plan, log, self.target).await?;
        if let Some(kept) = self.credentials.as_ref().filter(|kept| kept.is_fresh()) {
            let token = Some(&kept.access);
            let (reply, elapsed) = timed(&http, self.target, token, call).await;
            if !reply.as_ref().is_ok_and(Reply::is_refusal) {
                return Ok((result_of(reply), elapsed));
            }
        }
        let login = Login::new(
            &http,
            self.plan,
            self.target,
            flow::prepare(self.plan, log).await?,
        );
        let mut peer = McpClient::new(&http, self.target, login);
        // Gets the tokens, so that the time to sign in does not count.
        let ask = Call::new("tools/list", json!({}));
        let asked = peer
            .call_authorized(log, &WireFormat::Stateless, &ask)
            .await?;
        let failed = match asked {
            Ok(asked) => match asked.reply {
                // A server without a list may have the tool.
                Reply::Result(_) | Reply::Error { .. } => None,
                reply => Some(reply.summary()),
            },
            Err(error) => Some(error.to_string()),
        };
        if let Some(because) = failed {
            return Ok((Err(CallError::NotSent(because)), Duration::ZERO));
        }
        let began = Instant::now();
        let replied = peer
            .call_authorized(log, &WireFormat::Stateless, call)
            .await?;
        let elapsed = began.elapsed();
        if let Some(grant) = &peer.grant {
            self.credentials = Some(grant.credentials(self.plan.profile.name));
        }
        Ok((result_of(replied.map(|replied| replied.reply)), elapsed))
    }
}

async fn timed(
    http: &HttpClient,
    target: &Url,
    token: Option<&mcpo_common::secret::Secret>,
    call: &Call,
) -> (Result<Reply, RequestError>, Duration) {
    let began = Instant::now();
    let replied = mcp::call(http, target, &WireFormat::Stateless, token, call).await;
    (replied.map(|replied| replied.reply), began.elapsed())
}

fn result_of(reply: Result<Reply, RequestError>) -> Result<Value, CallError> {
    match reply {
        Ok(Reply::Result(result)) => Ok(result),
        Ok(Reply::Error { code, message, .. }) => Err(CallError::Rejected { code, message }),
        Ok(reply) if reply.is_refusal() => Err(CallError::NotSent(reply.summary())),
        Ok(reply) => Err(CallError::Unusable(reply.summary())),
        Err(error) if error.is_no_connection() => Err(CallError::NotSent(error.to_string())),
        Err(error) => Err(CallError::Interrupted(error.to_string())),
    }
}

/// Returns why the client could not sign in: the last check that did not pass.
fn reason(log: Log<'_>) -> String {
    let checks = log.into_parts().checks;
    let failed = checks.iter().rev().find_map(|check| {
        let because = match &check.verdict {
            Verdict::Fail => &check.fault.seen,
            Verdict::CouldNotRun { because } => because,
            _ => return None,
        };
        let hint = &check.fault.hint;
        Some(if hint.is_empty() {
            format!("{}: {because}", check.rule.title)
        } else {
            format!("{}: {because} ({hint})", check.rule.title)
        })
    });
    clean(&failed.unwrap_or_else(|| "the server did not let the client sign in".to_owned()))
}

/// Returns arguments for `tool` that a user can edit: a value for each argument that is required,
/// and the defaults of the others.
#[must_use]
pub fn example_arguments(tool: &Value) -> Map<String, Value> {
    let mut arguments = mcp::named(tool, None)
        .map(|choice| choice.arguments)
        .unwrap_or_default();
    let schema = &tool["inputSchema"];
    let required = schema["required"].as_array().map(Vec::as_slice);
    for name in required
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_str)
    {
        let blank = match schema["properties"][name]["type"].as_str() {
            Some("array") => json!([]),
            Some("object") => json!({}),
            Some("integer" | "number") => json!(0),
            Some("boolean") => json!(false),
            _ => json!(""),
        };
        arguments.entry(name).or_insert(blank);
    }
    let properties = schema["properties"].as_object();
    for (name, property) in properties.into_iter().flatten() {
        if let Some(default) = property.get("default") {
            arguments
                .entry(name.clone())
                .or_insert_with(|| default.clone());
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Read as _, Write as _},
        net::TcpListener,
        thread,
    };

    use serde_json::json;
    use url::Url;

    use super::{CallError, MAX_PAGES, Reply, ToolClient, example_arguments, result_of};
    use crate::{plan::Plan, profile::Client};

    async fn tools(url: &Url) -> Result<usize, CallError> {
        let plan = Plan::new(url.clone(), Client::default()).unwrap();
        let tools = ToolClient::new(&plan, url).tools().await;
        tools.map(|tools| tools.len())
    }

    /// Answers every request with a page of a list that has no end.
    fn serve_pages(listener: &TcpListener) {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            while let Some(length) = length_of_body(&mut stream) {
                let mut body = vec![0; length];
                stream.read_exact(&mut body).unwrap();
                let page = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[],"nextCursor":"x"}}"#;
                let length = page.len();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}"
                );
                write!(stream.get_mut(), "{head}\r\n\r\n{page}").unwrap();
            }
        }
    }

    /// Reads the head of a request; `None` after the connection has closed.
    fn length_of_body(stream: &mut impl BufRead) -> Option<usize> {
        let mut length = None;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim().to_lowercase();
            if line.is_empty() {
                return length;
            }
            if let Some(text) = line.strip_prefix("content-length:") {
                length = text.trim().parse().ok();
            }
        }
    }

    #[tokio::test]
    async fn a_list_without_an_end_is_an_error_and_not_a_short_list() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let url = Url::parse(&url).unwrap();
        thread::spawn(move || serve_pages(&listener));
        let Err(CallError::Unusable(because)) = tools(&url).await else {
            panic!("a list");
        };
        assert!(because.contains(&MAX_PAGES.to_string()), "{because}");
    }

    #[tokio::test]
    async fn nothing_is_sent_to_a_server_that_does_not_run() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        drop(listener);
        let failed = tools(&Url::parse(&url).unwrap()).await;
        assert!(matches!(failed, Err(CallError::NotSent(_))), "{failed:?}");
    }

    #[test]
    fn a_response_that_is_not_of_json_rpc_does_not_mean_that_nothing_was_sent() {
        let result = result_of(Ok(Reply::Accepted));
        assert!(matches!(result, Err(CallError::Unusable(_))), "{result:?}");
    }

    #[test]
    fn example_arguments_contain_all_required_arguments_and_defaults() {
        let tool = json!({ "name": "t", "inputSchema": {
            "required": ["when", "many", "name"],
            "properties": {
                "when": { "type": "string", "format": "date" },
                "many": { "type": "array" },
                "name": { "type": "string" },
                "limit": { "type": "integer", "default": 10 },
                "other": { "type": "string" },
            },
        } });
        let arguments = serde_json::Value::from(example_arguments(&tool));
        assert_eq!(
            arguments,
            json!({ "when": "", "many": [], "name": "", "limit": 10 })
        );
        assert!(example_arguments(&json!({ "name": "t" })).is_empty());
    }
}
