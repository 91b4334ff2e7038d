//! Chooses a tool that is safe to call automatically, and its arguments.

use serde_json::{Map, Value, json};

/// A tool and its arguments.
#[derive(Debug, PartialEq)]
pub struct Choice<'t> {
    pub tool: &'t Value,
    pub arguments: Map<String, Value>,
    /// Whether the arguments were invented from the schema.
    pub invented: bool,
}

/// Chooses the first tool that takes no arguments, or else the first one whose arguments can be
/// invented. Read-only tools come first. Destructive tools and those that run only as tasks are
/// never chosen.
pub fn choose(tools: &[Value]) -> Result<Choice<'_>, String> {
    let hint = |tool: &Value, name: &str| {
        tool.pointer(&format!("/annotations/{name}"))
            .and_then(Value::as_bool)
    };
    let harmless = || {
        let plain =
            |tool: &&Value| tool.pointer("/execution/taskSupport") != Some(&json!("required"));
        let lasting = |tool: &&Value| hint(tool, "destructiveHint") == Some(true);
        tools
            .iter()
            .filter(plain)
            .filter(move |tool| !lasting(tool))
    };
    let mut choices: Vec<Choice<'_>> = harmless()
        .filter_map(|tool| named(tool, None).ok())
        .collect();
    choices.sort_by_key(|choice| {
        (
            choice.invented,
            hint(choice.tool, "readOnlyHint") != Some(true),
        )
    });
    choices.into_iter().next().ok_or_else(|| {
        if tools.is_empty() {
            "the server has no tools".to_owned()
        } else {
            "no tool is safe to call automatically; choose one with --tool and --args".to_owned()
        }
    })
}

/// Returns `tool` with the given arguments, or with invented ones.
pub fn named<'t>(
    tool: &'t Value,
    given: Option<&Map<String, Value>>,
) -> Result<Choice<'t>, String> {
    if let Some(arguments) = given {
        return Ok(Choice {
            tool,
            arguments: arguments.clone(),
            invented: false,
        });
    }
    let schema = &tool["inputSchema"];
    let required = schema
        .get("required")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut arguments = Map::new();
    for name in required.iter().filter_map(Value::as_str) {
        let property = &schema["properties"][name];
        let value = example(property).ok_or_else(|| {
            format!("mcpo cannot invent a value for its argument {name}; pass --args")
        })?;
        arguments.insert(name.to_owned(), value);
    }
    let invented = !arguments.is_empty();
    Ok(Choice {
        tool,
        arguments,
        invented,
    })
}

/// Returns a value that a simple schema allows.
fn example(schema: &Value) -> Option<Value> {
    let first = |key: &str| schema.get(key).and_then(|values| values.get(0)).cloned();
    let told = schema
        .get("const")
        .or_else(|| schema.get("default"))
        .cloned();
    if let Some(value) = told.or_else(|| first("examples")).or_else(|| first("enum")) {
        return Some(value);
    }
    let bounded = |key: &str| schema.get(key).is_some();
    match schema.get("type")?.as_str()? {
        "string" if !bounded("pattern") && !bounded("format") && !bounded("minLength") => {
            Some(json!("probe"))
        }
        "integer" | "number" if bounded("minimum") => schema.get("minimum").cloned(),
        "integer" | "number" if bounded("maximum") => schema.get("maximum").cloned(),
        "integer" | "number" => Some(json!(1)),
        "boolean" => Some(json!(false)),
        _ => None,
    }
}

/// Returns `Mcp-Param-…` headers for the arguments whose schema requires mirroring
/// (`x-mcp-header`).
pub fn mirrored(tool: &Value, arguments: &Map<String, Value>) -> Vec<(String, String)> {
    let header = |(name, value): (&String, &Value)| {
        let header = tool["inputSchema"]["properties"][name]
            .get("x-mcp-header")?
            .as_str()?
            .to_owned();
        let plain = match value {
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        let sendable = reqwest::header::HeaderName::from_bytes(header.as_bytes()).is_ok()
            && reqwest::header::HeaderValue::from_str(&plain).is_ok();
        sendable.then_some((header, plain))
    };
    arguments.iter().filter_map(header).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::choose;

    #[test]
    fn read_only_tool_is_preferred_and_destructive_one_never_called() {
        let tools = [
            json!({"name": "task", "inputSchema": {}, "execution": {"taskSupport": "required"}}),
            json!({"name": "wipe", "inputSchema": {}, "annotations": {"destructiveHint": true}}),
            json!({"name": "add", "inputSchema": {"required": ["a"], "properties": {"a": {"type": "integer", "minimum": 3}}}}),
            json!({"name": "write", "inputSchema": {}}),
            json!({"name": "read", "inputSchema": {}, "annotations": {"readOnlyHint": true}}),
        ];
        assert_eq!(choose(&tools).unwrap().tool["name"], "read");
        let add = choose(&tools[..3]).unwrap();
        assert_eq!((add.arguments["a"].clone(), add.invented), (json!(3), true));
        assert!(choose(&tools[..2]).is_err());
    }

    #[test]
    fn tool_with_an_unsupported_argument_is_not_called() {
        let tools = [
            json!({"name": "t", "inputSchema": {"required": ["d"], "properties": {"d": {"type": "string", "format": "date"}}}}),
        ];
        assert!(choose(&tools).unwrap_err().contains("--tool"));
    }
}
