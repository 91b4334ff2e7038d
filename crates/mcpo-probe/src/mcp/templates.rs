//! The templates of resources.

use serde_json::{Value, json};

use super::{
    pages::PAGES,
    reply::Reply,
    rpc::{Call, WireFormat},
    server::McpServer,
};
use crate::check::{Fault, Log, Step};

const METHOD: &str = "resources/templates/list";
/// The code of a method that the server does not support (JSON-RPC 2.0 §5.1).
const METHOD_NOT_FOUND: i64 = -32601;

/// Lists all templates, or returns a problem. Servers without templates need not
/// support the list (MCP server/resources, Resource Templates).
pub async fn templates(
    peer: &mut impl McpServer,
    log: &mut Log<'_>,
    wire_format: &WireFormat,
) -> Step<Result<Vec<Value>, Fault>> {
    let mut all = Vec::new();
    let mut params = json!({});
    for _ in 0..PAGES {
        let call = Call::new(METHOD, params);
        let page = match peer.call(log, wire_format, &call).await? {
            Ok(heard) => match heard.reply {
                Reply::Result(page) => page,
                Reply::Error { code, .. } if code == METHOD_NOT_FOUND && all.is_empty() => {
                    return Ok(Ok(all));
                }
                reply => return Ok(Err(fault(&reply.summary()))),
            },
            Err(error) => return Ok(Err(fault(&error.to_string()))),
        };
        let Some(templates) = page["resourceTemplates"].as_array() else {
            return Ok(Err(fault(&page.to_string())));
        };
        let is_whole = |template: &Value| {
            let has = |name: &str| template[name].as_str().is_some_and(|text| !text.is_empty());
            has("uriTemplate") && has("name")
        };
        if let Some(template) = templates.iter().find(|template| !is_whole(template)) {
            return Ok(Err(fault(&template.to_string())));
        }
        all.extend_from_slice(templates);
        let Some(cursor) = page["nextCursor"].as_str() else {
            return Ok(Ok(all));
        };
        params = json!({"cursor": cursor});
    }
    Ok(Err(fault("endless pages")))
}

fn fault(seen: &str) -> Fault {
    Fault::new(
        format!("{METHOD}: {seen}"),
        "a resourceTemplates array, each with uriTemplate and name",
        "answer with the templates, or with an empty array; omit nextCursor on the last page",
    )
}
