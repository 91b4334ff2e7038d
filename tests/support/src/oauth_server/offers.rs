//! Resources and prompts.

use serde_json::{Value, json};

use super::{Fault, state::State};

pub fn answer(state: &State, method: &str, message: &Value) -> Result<Value, Value> {
    let failed = |text: &str| Err(json!({"code": -32603, "message": text}));
    Ok(match (method, state.settings.fault) {
        ("resources/list", Some(Fault::ResourcesListError)) => return failed("no database"),
        ("resources/list", Some(Fault::ResourceWithoutScheme)) => {
            json!({"resources": [{"uri": "motto", "name": "motto"}]})
        }
        ("resources/list", _) => match message.pointer("/params/cursor") {
            None => {
                let name = state.text("motto");
                json!({"resources": [{"uri": "test://motto", "name": name}], "nextCursor": "2"})
            }
            Some(_) => json!({"resources": [{"uri": "test://ü", "name": "other"}]}),
        },
        ("resources/read", Some(Fault::ResourceUnreadable)) => return failed("no such file"),
        ("resources/read", Some(Fault::ResourceWithoutText)) => json!({"contents": [{}]}),
        ("resources/read", _) => json!({"contents": [{"uri": "test://motto", "text": "hold on"}]}),
        ("prompts/list", Some(Fault::PromptWithoutName)) => json!({"prompts": [{"title": "x"}]}),
        ("prompts/list", _) => json!({"prompts": [
            {"name": "ask", "arguments": [{"name": "what", "required": true}]},
            {"name": "review", "arguments": [{"name": "how"}]},
        ]}),
        ("prompts/get", Some(Fault::PromptWithoutMessages)) => json!({"messages": ["hello"]}),
        _ => {
            json!({"messages": [{"role": "user", "content": {"type": "text", "text": "Review."}}]})
        }
    })
}
