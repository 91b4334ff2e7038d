//! `tools/list` with all its pages, and one `tools/call`.

use std::time::Instant;

use serde_json::{Map, Value, json};

use super::{
    arguments::{self, Choice},
    greeting::refused,
    peer::Peer,
    reply::Reply,
    rpc::{Call, Wire},
};
use crate::walk::{
    check::{Fault, Log, Pending, Step},
    rules,
    text::clean,
};

/// More pages than any server needs.
const PAGES: usize = 50;

/// All tools, page by page.
pub async fn list(peer: &mut Peer<'_>, log: &mut Log<'_>, wire: &Wire) -> Step<Vec<Value>> {
    let pending = rules::TOOLS_LIST.begin();
    let (pending, tools) = pages(peer, log, pending, wire).await?;
    judge(log, pending, tools)
}

/// Older clients must find what newer ones find.
pub async fn compare(
    peer: &mut Peer<'_>,
    log: &mut Log<'_>,
    older: Option<&Wire>,
    tools: &[Value],
) -> Step<()> {
    let pending = rules::BOTH_FORMS.begin();
    let Some(older) = older else {
        pending.skip(log, "the server speaks one form only");
        return Ok(());
    };
    let (pending, found) = pages(peer, log, pending, older).await?;
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

async fn pages(
    peer: &mut Peer<'_>,
    log: &mut Log<'_>,
    mut pending: Pending,
    wire: &Wire,
) -> Step<(Pending, Vec<Value>)> {
    let mut tools: Vec<Value> = Vec::new();
    let mut cursor: Option<String> = None;
    let mut first_page = None;
    for _ in 0..PAGES {
        let params = cursor
            .as_ref()
            .map_or_else(|| json!({}), |cursor| json!({"cursor": cursor}));
        let call = Call::new("tools/list", params);
        let mut page;
        (pending, page) = request(peer, log, pending, wire, &call, "a list of tools").await?;
        let Some(Value::Array(found)) = page.get_mut("tools").map(Value::take) else {
            let hint = "answer tools/list with an array of tools";
            return Err(pending.fail(log, Fault::new(page.to_string(), "a tools array", hint)));
        };
        tools.extend(found);
        let next = page.get("nextCursor").and_then(Value::as_str);
        let Some(next) = next.map(str::to_owned) else {
            return Ok((pending, tools));
        };
        let since = *first_page.get_or_insert_with(Instant::now);
        if cursor.as_ref() == Some(&next) || since.elapsed() > peer.exchange.timeout() {
            break;
        }
        cursor = Some(next);
    }
    let hint = "leave nextCursor out on the last page";
    Err(pending.fail(log, Fault::new("pages without end", "a last page", hint)))
}

/// Sends `call` and hands its result on; everything else ends the walk.
async fn request(
    peer: &mut Peer<'_>,
    log: &mut Log<'_>,
    pending: Pending,
    wire: &Wire,
    call: &Call,
    expected: &str,
) -> Step<(Pending, Value)> {
    match peer.call(log, wire, call).await?.map(|heard| heard.reply) {
        Ok(Reply::Result(result)) => Ok((pending, result)),
        Ok(reply @ (Reply::Unauthorized(_) | Reply::InsufficientScope(_))) => {
            Err(refused(log, pending, &reply))
        }
        Ok(reply) => {
            let hint = "the server's log says what broke";
            Err(pending.fail(log, Fault::new(reply.summary(), expected, hint)))
        }
        Err(trouble) => Err(pending.fail(
            log,
            Fault::new(trouble.to_string(), expected, trouble.hint()),
        )),
    }
}

/// Clients drop the whole list over one tool they cannot read.
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
                format!("{name} twice"),
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
            "offer a tool: claude.ai shows such a server as connected and has nothing to use";
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

/// Calls the tool the user named, or one that can be called without asking.
pub async fn call_one(
    peer: &mut Peer<'_>,
    log: &mut Log<'_>,
    wire: &Wire,
    tools: &[Value],
    wanted: Option<(&str, Option<&Map<String, Value>>)>,
) -> Step<()> {
    let pending = rules::TOOLS_CALL.begin();
    let choice = match wanted {
        None => arguments::choose(tools),
        Some((name, arguments)) => {
            let Some(tool) = tools.iter().find(|tool| self::name(tool) == name) else {
                let names: Vec<&str> = tools.iter().map(self::name).collect();
                let hint = format!("the server has: {}", names.join(", "));
                let because = format!("no tool is called {name}");
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
    let (pending, result) =
        request(peer, log, pending, wire, &call, "a result with content").await?;
    let said = said(&result);
    let shown = if arguments.is_empty() {
        name.to_owned()
    } else {
        format!("{name} {}", Value::Object(arguments))
    };
    let text = format!("{shown}: {said}");
    let expected = "a result without isError";
    if result.get("isError") == Some(&Value::Bool(true)) {
        if invented {
            let hint = format!(
                "the arguments were made up; name better ones: --tool {name} --args '{{…}}'"
            );
            pending.warn(log, Fault::new(text, expected, hint));
            return Ok(());
        }
        return Err(pending.fail(
            log,
            Fault::new(
                text,
                expected,
                "mend the tool: the text is its own error message",
            ),
        ));
    }
    if !result.get("content").is_some_and(Value::is_array) {
        let hint = "answer with a content array, also when there is structuredContent";
        return Err(pending.fail(
            log,
            Fault::new(format!("{shown}: {result}"), "a content array", hint),
        ));
    }
    pending.pass(log, text);
    Ok(())
}

/// The text of a result, or the kinds of what is in it.
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
    clean(&parts.collect::<Vec<_>>().join(" "))
}
