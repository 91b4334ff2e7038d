//! `tools/list` with all its pages, and one `tools/call`.

use std::time::Instant;

use mcpo_common::text::clean;
use serde_json::{Map, Value, json};

use super::{
    arguments::{self, Choice},
    pages::{pages, request},
    rpc::{Call, WireFormat},
    server::McpServer,
};
use crate::{
    check::{Fault, Log, Pending, Step},
    observations::ToolCall,
    rules,
};

const TOOLS: (&str, &str) = ("tools/list", "tools");

/// Lists all tools, page by page.
pub async fn list(
    peer: &mut impl McpServer,
    log: &mut Log<'_>,
    wire_format: &WireFormat,
) -> Step<Vec<Value>> {
    let pending = rules::TOOLS_LIST.begin();
    let (pending, tools) = pages(peer, log, pending, wire_format, TOOLS).await?;
    log.seen.tools = Some(tools.clone());
    judge(log, pending, tools)
}

/// Checks that older clients find the same tools as newer ones.
pub async fn compare(
    peer: &mut impl McpServer,
    log: &mut Log<'_>,
    older: Option<&WireFormat>,
    tools: &[Value],
) -> Step<()> {
    let pending = rules::BOTH_FORMS.begin();
    let Some(older) = older else {
        pending.skip(log, "the server supports only one protocol form");
        return Ok(());
    };
    let (pending, found) = pages(peer, log, pending, older, TOOLS).await?;
    let sorted = |tools: &[Value]| {
        let mut names: Vec<String> = tools.iter().map(|tool| name(tool).to_owned()).collect();
        names.sort();
        names
    };
    if sorted(&found) == sorted(tools) {
        pending.pass(log, "find the same tools");
        return Ok(());
    }
    let seen = sorted(&found).join(", ");
    let hint = "offer the same tools to clients of 2025-11-25 and older";
    Err(pending.fail(log, Fault::new(seen, sorted(tools).join(", "), hint)))
}

/// Checks the tools. Clients drop the whole list because of one tool that they cannot read.
fn judge(log: &mut Log<'_>, pending: Pending, tools: Vec<Value>) -> Step<Vec<Value>> {
    let mut names = std::collections::HashSet::new();
    for tool in &tools {
        let name = name(tool);
        let fault = if name.is_empty() {
            Fault::new(tool.to_string(), "a name", "name every tool")
        } else if tool.pointer("/inputSchema/type").and_then(Value::as_str) != Some("object") {
            let hint = r#"describe the arguments as a JSON Schema with "type": "object", even if there are none"#;
            Fault::new(
                format!("{name}: inputSchema is {}", tool["inputSchema"]),
                "an object schema",
                hint,
            )
        } else if !names.insert(name) {
            Fault::new(
                format!("two tools named {name}"),
                "each name once",
                "rename one of the two",
            )
        } else {
            continue;
        };
        return Err(pending.fail(log, fault));
    }
    if tools.is_empty() {
        let hint =
            "offer a tool: claude.ai shows such a server as connected, but has no tool to call";
        pending.warn(log, Fault::new("no tools", "at least one tool", hint));
    } else {
        let names: Vec<&str> = tools.iter().map(name).collect();
        let noun = if names.len() == 1 { "tool" } else { "tools" };
        pending.pass(log, format!("{} {noun}: {}", names.len(), names.join(", ")));
    }
    Ok(tools)
}

fn name(tool: &Value) -> &str {
    tool.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// Calls the tool that the user named, or one that is safe to call automatically.
pub async fn call_one(
    peer: &mut impl McpServer,
    log: &mut Log<'_>,
    wire_format: &WireFormat,
    tools: &[Value],
    wanted: Option<(&str, Option<&Map<String, Value>>)>,
) -> Step<()> {
    let pending = rules::TOOLS_CALL.begin();
    let choice = match wanted {
        None => arguments::choose(tools),
        Some((name, arguments)) => {
            let Some(tool) = tools.iter().find(|tool| self::name(tool) == name) else {
                let names: Vec<&str> = tools.iter().map(self::name).collect();
                let hint = format!("the tools of the server: {}", names.join(", "));
                let because = format!("the server has no tool named {name}");
                return Err(pending.could_not_run(log, because, hint));
            };
            arguments::named(tool, arguments)
        }
    };
    let Choice {
        tool,
        arguments,
        invented,
    } = match choice {
        Ok(choice) => choice,
        Err(because) => {
            pending.skip(log, because);
            return Ok(());
        }
    };
    let name = name(tool);
    let call = Call {
        name: Some(name.to_owned()),
        mirrored: arguments::mirrored(tool, &arguments),
        ..Call::new("tools/call", json!({"name": name, "arguments": arguments}))
    };
    let since = Instant::now();
    let (pending, result) = request(
        peer,
        log,
        pending,
        wire_format,
        &call,
        "a result with content",
    )
    .await?;
    log.seen.calls.push(ToolCall {
        tool: name.to_owned(),
        result: result.clone(),
        elapsed: since.elapsed(),
    });
    // A result can contain secrets, such as the environment of a local server.
    let said = clean(&log.recorder().secrets.hide(said(&result)));
    let has_arguments = !arguments.is_empty();
    let shown = if has_arguments {
        format!("{name} {}", Value::Object(arguments))
    } else {
        name.to_owned()
    };
    match weigh(&result, &shown, &said, has_arguments) {
        Ok(text) => pending.pass(log, text),
        Err(fault) if invented && is_error(&result) => {
            let hint = format!(
                "mcpo invented the arguments; pass better ones: --tool {name} --args '{{…}}'"
            );
            pending.warn(log, Fault::new(fault.seen, fault.expected, hint));
        }
        Err(fault) => return Err(pending.fail(log, fault)),
    }
    Ok(())
}

fn is_error(result: &Value) -> bool {
    result.get("isError") == Some(&Value::Bool(true))
}

/// Returns the text of a good result.
fn weigh(result: &Value, shown: &str, said: &str, has_arguments: bool) -> Result<String, Fault> {
    let text = format!("{shown}: {said}");
    if is_error(result) {
        let hint = if has_arguments {
            "fix the tool, or pass other arguments: the text is its own error message"
        } else {
            "fix the tool: the text is its own error message"
        };
        return Err(Fault::new(text, "a result without isError", hint));
    }
    if !result.get("content").is_some_and(Value::is_array) {
        let hint = "answer with a content array, even if there is structuredContent";
        let seen = format!("{shown}: {result}");
        return Err(Fault::new(seen, "a content array", hint));
    }
    Ok(text)
}

/// Returns the text of a result, or the types of its content.
fn said(result: &Value) -> String {
    let content = result
        .get("content")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let parts = content
        .iter()
        .map(|part| match part.get("text").and_then(Value::as_str) {
            Some(text) => text.to_owned(),
            None => format!(
                "[{}]",
                part.get("type").and_then(Value::as_str).unwrap_or("?")
            ),
        });
    parts.collect::<Vec<_>>().join(" ")
}
