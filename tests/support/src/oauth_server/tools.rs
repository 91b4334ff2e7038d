//! The description of the server, and its tools.

use serde_json::{Value, json};

use super::{Fault, state::State};

/// Returns the server information for display.
pub fn server_info(state: &State) -> Value {
    let mut info = json!({
        "name": state.text("test-server"),
        "title": "Test server",
        "version": "1.2.3",
        "description": "Adds numbers and says who is signed in.",
        "websiteUrl": "https://server.example",
        "icons": [{"src": "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E"}],
    });
    match state.settings.fault {
        Some(Fault::NoTitle) => info["title"] = Value::Null,
        Some(Fault::IconOverHttp) => info["icons"][0]["src"] = "http://example.com/i.png".into(),
        _ => {}
    }
    if let Some(fault) = state.settings.store_fault {
        fault.change_info(&mut info);
    }
    info
}

/// Returns the instructions for the model.
pub fn instructions(state: &State) -> Value {
    if state.has(Fault::NoInstructions) {
        Value::Null
    } else {
        state.text("Add numbers.").into()
    }
}

/// Returns one of two pages of tools.
pub fn list(state: &State, message: &Value) -> Result<Value, Value> {
    let annotations = json!({"readOnlyHint": true, "destructiveHint": false, "idempotentHint": true,
        "openWorldHint": false});
    let whoami = json!({
        "name": state.text("whoami"),
        "title": "Who am I",
        "description": "Says which user is signed in.",
        "inputSchema": {"type": "object"},
        "outputSchema": {"type": "object", "required": ["name"],
            "properties": {"name": {"type": "string"}, "visits": {"type": "integer"}}},
        "annotations": annotations,
    });
    let add = json!({
        "name": "add",
        "title": "Add numbers",
        "description": "Adds two whole numbers and returns the sum.",
        "inputSchema": {"type": "object", "required": ["a", "b"], "properties": {
            "a": {"type": "integer", "description": "The first number."},
            "b": {"type": "integer", "description": "The second number."}}},
        "outputSchema": {"type": "object", "required": ["sum"],
            "properties": {"sum": {"type": "integer"}}},
        "annotations": annotations,
    });
    match state.settings.fault {
        Some(Fault::ToolsListError) => {
            return Err(json!({"code": -32603, "message": "no database"}));
        }
        Some(Fault::ToolsNotAList) => return Ok(json!({"tools": {"whoami": {}}})),
        Some(Fault::ToolWithoutSchema) => return Ok(json!({"tools": [{"name": "whoami"}]})),
        Some(Fault::ToolTwice) => return Ok(json!({"tools": [whoami, whoami]})),
        Some(Fault::NoTools) => return Ok(json!({"tools": []})),
        Some(Fault::EndlessTools) => {
            return Ok(json!({"tools": [], "nextCursor": state.fresh("page")}));
        }
        _ => {}
    }
    if state.has(Fault::OlderClientsFindLess) && message.pointer("/params/_meta").is_none() {
        return Ok(json!({"tools": [add]}));
    }
    let (mut first, mut second) = (vec![add], vec![whoami]);
    if let Some(fault) = state.settings.store_fault {
        fault.change_tools(&mut first, &mut second);
    }
    match message.pointer("/params/cursor") {
        None => Ok(json!({"tools": first, "nextCursor": "2"})),
        Some(_) => Ok(json!({"tools": second})),
    }
}

/// Calls a tool.
pub fn call(state: &State, message: &Value) -> Result<Value, Value> {
    let arguments = &message["params"]["arguments"];
    let (text, structured) = match message["params"]["name"].as_str().unwrap_or_default() {
        "add" => match (arguments["a"].as_i64(), arguments["b"].as_i64()) {
            (Some(a), Some(b)) => ((a + b).to_string(), json!({"sum": a + b})),
            _ => return Err(json!({"code": -32602, "message": "a and b are integers"})),
        },
        _ => (
            state.text("you are local"),
            json!({"name": "local", "visits": 3}),
        ),
    };
    match state.settings.fault {
        Some(Fault::ToolError) => {
            Ok(json!({"isError": true, "content": [{"type": "text", "text": "no API key is set"}]}))
        }
        Some(Fault::ToolRpcError) => {
            Err(json!({"code": -32603, "message": "panicked at src/main.rs"}))
        }
        Some(Fault::ToolWithoutContent) => Ok(json!({"structuredContent": {}})),
        _ => {
            let content = json!([{"type": "text", "text": text}]);
            let mut result = json!({"content": content, "structuredContent": structured});
            if let Some(fault) = state.settings.store_fault {
                fault.change_result(&mut result);
            }
            Ok(result)
        }
    }
}
