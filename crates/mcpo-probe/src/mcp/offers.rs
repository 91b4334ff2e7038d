//! Resources and prompts, which a server can offer in addition to tools.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use url::Url;

use super::{
    pages::{pages, request},
    rpc::{Call, WireFormat},
    server::McpServer,
    templates::templates,
};
use crate::{
    check::{Fault, Log, Step},
    rules,
};

/// Lists all resources and their templates, and reads the first resource.
pub async fn resources(
    peer: &mut impl McpServer,
    log: &mut Log<'_>,
    wire_format: &WireFormat,
    capabilities: &Value,
) -> Step<()> {
    let pending = rules::RESOURCES.begin();
    if !capabilities["resources"].is_object() {
        log.seen.resources = Some(Vec::new());
        log.seen.resource_templates = Some(Vec::new());
        pending.skip(log, "the server offers none");
        return Ok(());
    }
    let list = ("resources/list", "resources");
    let (pending, all) = pages(peer, log, pending, wire_format, list).await?;
    log.seen.resources = Some(all.clone());
    if let Some(fault) = all.iter().find_map(misnamed) {
        return Err(pending.fail(log, fault));
    }
    let templates = match templates(peer, log, wire_format).await? {
        Ok(templates) => {
            let shown = match templates.len() {
                0 => String::new(),
                1 => ", 1 template".to_owned(),
                number => format!(", {number} templates"),
            };
            log.seen.resource_templates = Some(templates);
            shown
        }
        Err(fault) => {
            pending.warn(log, fault);
            return Ok(());
        }
    };
    let Some(first) = all.first() else {
        pending.pass(log, format!("none listed{templates}"));
        return Ok(());
    };
    let uri = text(first, "uri");
    let call = Call {
        name: Some(header_text(uri)),
        ..Call::new("resources/read", json!({"uri": uri}))
    };
    let expected = "a result with contents";
    let (pending, result) = request(peer, log, pending, wire_format, &call, expected).await?;
    let contents = result.get("contents").and_then(Value::as_array);
    let readable = |part: &Value| {
        part["uri"].is_string() && (part["text"].is_string() || part["blob"].is_string())
    };
    if contents.is_some_and(|parts| !parts.is_empty() && parts.iter().all(readable)) {
        pending.pass(
            log,
            format!("{}{templates}; {uri} can be read", count(&all, "resource")),
        );
        return Ok(());
    }
    let hint = "answer resources/read with contents, each with its uri and text or blob";
    let fault = Fault::new(
        format!("{uri}: {result}"),
        "contents with uri and text",
        hint,
    );
    Err(pending.fail(log, fault))
}

fn misnamed(resource: &Value) -> Option<Fault> {
    let seen = resource.to_string();
    if Url::parse(text(resource, "uri")).is_err() {
        let hint = "give every resource an absolute URI";
        return Some(Fault::new(seen, "a uri with a scheme", hint));
    }
    let nameless = text(resource, "name").is_empty();
    nameless.then(|| Fault::new(seen, "a name", "name every resource"))
}

/// Lists all prompts and gets one that needs no arguments.
pub async fn prompts(
    peer: &mut impl McpServer,
    log: &mut Log<'_>,
    wire_format: &WireFormat,
    capabilities: &Value,
) -> Step<()> {
    let pending = rules::PROMPTS.begin();
    if !capabilities["prompts"].is_object() {
        log.seen.prompts = Some(Vec::new());
        pending.skip(log, "the server offers none");
        return Ok(());
    }
    let list = ("prompts/list", "prompts");
    let (pending, all) = pages(peer, log, pending, wire_format, list).await?;
    log.seen.prompts = Some(all.clone());
    if let Some(nameless) = all.iter().find(|prompt| text(prompt, "name").is_empty()) {
        let fault = Fault::new(nameless.to_string(), "a name", "name every prompt");
        return Err(pending.fail(log, fault));
    }
    // The response of a prompt to invented arguments says nothing about the server.
    let Some(prompt) = all.iter().find(|prompt| !needs_arguments(prompt)) else {
        let seen = if all.is_empty() {
            "none listed".to_owned()
        } else {
            format!("{}, each requires arguments", count(&all, "prompt"))
        };
        pending.pass(log, seen);
        return Ok(());
    };
    let name = text(prompt, "name");
    let call = Call {
        name: Some(header_text(name)),
        ..Call::new("prompts/get", json!({"name": name, "arguments": {}}))
    };
    let expected = "a result with messages";
    let (pending, result) = request(peer, log, pending, wire_format, &call, expected).await?;
    let messages = result.get("messages").and_then(Value::as_array);
    let usable = |message: &Value| {
        let role = message["role"].as_str();
        matches!(role, Some("user" | "assistant")) && message["content"].is_object()
    };
    if messages.is_some_and(|messages| messages.iter().all(usable)) {
        pending.pass(
            log,
            format!("{}; {name} can be fetched", count(&all, "prompt")),
        );
        return Ok(());
    }
    let hint = "answer prompts/get with messages, each with role user or assistant and one content";
    let fault = Fault::new(
        format!("{name}: {result}"),
        "messages with role and content",
        hint,
    );
    Err(pending.fail(log, fault))
}

fn needs_arguments(prompt: &Value) -> bool {
    let mut arguments = prompt["arguments"].as_array().into_iter().flatten();
    arguments.any(|argument| argument["required"] == json!(true))
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn count(all: &[Value], noun: &str) -> String {
    let plural = if all.len() == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", all.len())
}

/// Returns `name` as a header value: unchanged, or its base64 as MCP 2026-07-28 spells it.
fn header_text(name: &str) -> String {
    let plain = name.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && name.trim() == name;
    if plain {
        name.to_owned()
    } else {
        format!("=?base64?{}?=", STANDARD.encode(name))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_that_are_invalid_in_headers_are_encoded() {
        assert_eq!(super::header_text("a://b c"), "a://b c");
        assert_eq!(super::header_text("ü"), "=?base64?w7w=?=");
    }
}
