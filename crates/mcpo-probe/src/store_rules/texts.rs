//! The places of texts in what a server sends.

use serde_json::Value;

use super::outcome::Evidence;

/// The places that `rules.json` can name. A JSON pointer names a place in each tool.
#[cfg(test)]
pub const PLACES: &[&str] = &[
    "display-name",
    "server-info",
    "server-version",
    "website",
    "instructions",
    "tool-name",
    "tool-title",
    "tool-description",
    "schema-descriptions",
    "schema-texts",
];

/// The keywords of a schema whose strings are shown to people or given to the model.
const SHOWN: [&str; 5] = ["title", "description", "enum", "default", "examples"];

/// A text, and where it is.
pub struct Text<'e> {
    /// The tool that it belongs to.
    pub tool: Option<&'e Value>,
    /// The name of its place, for reports.
    pub place: &'e str,
    pub content: &'e str,
}

/// Returns the texts at `place`. Missing texts are left out.
pub fn at<'e>(evidence: &Evidence<'e>, place: &'e str) -> Vec<Text<'e>> {
    let server = evidence.seen.server.as_ref();
    let info = |names: &[&'e str]| {
        let texts = names.iter().filter_map(|name| {
            let text = server?.get(name)?.as_str()?;
            Some(Text {
                tool: None,
                place: name,
                content: text,
            })
        });
        texts.collect::<Vec<_>>()
    };
    match place {
        "display-name" => info(&["title", "name"]).into_iter().take(1).collect(),
        "server-info" => info(&["name", "title", "description"]),
        "server-version" => info(&["version"]),
        "website" => info(&["websiteUrl"]),
        "instructions" => vec![Text {
            tool: None,
            place,
            content: &evidence.seen.instructions,
        }],
        _ => {
            let mut texts = Vec::new();
            for tool in evidence.seen.tools.iter().flatten() {
                of_tool(tool, place, &mut texts);
            }
            texts
        }
    }
}

/// Returns the title that clients show, by the order of precedence of MCP.
pub fn title(tool: &Value) -> Option<&str> {
    let title = tool.get("title").and_then(Value::as_str);
    title.or_else(|| tool.pointer("/annotations/title")?.as_str())
}

fn of_tool<'e>(tool: &'e Value, place: &'e str, texts: &mut Vec<Text<'e>>) {
    let mut add = |place: &'e str, text: &'e str| {
        texts.push(Text {
            tool: Some(tool),
            place,
            content: text,
        });
    };
    match place {
        "tool-title" => {
            if let Some(text) = title(tool) {
                add("title", text);
            }
        }
        "schema-descriptions" | "schema-texts" => {
            let all = place == "schema-texts";
            for schema in ["inputSchema", "outputSchema"] {
                let mut found = Vec::new();
                of_schema(&tool[schema], all, &mut found);
                for text in found {
                    add(schema, text);
                }
            }
        }
        _ => {
            let (name, pointer) = match place {
                "tool-name" => ("name", "/name"),
                "tool-description" => ("description", "/description"),
                pointer => (pointer, pointer),
            };
            let text = tool.pointer(pointer).and_then(Value::as_str);
            if let Some(text) = text {
                add(name, text);
            }
        }
    }
}

/// Collects the descriptions in a schema; with `all`, every string that is shown.
fn of_schema<'e>(schema: &'e Value, all: bool, texts: &mut Vec<&'e str>) {
    match schema {
        Value::Array(schemas) => {
            for schema in schemas {
                of_schema(schema, all, texts);
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if name == "description" => texts.push(text),
                    _ if all && SHOWN.contains(&name.as_str()) && !value.is_object() => {
                        strings(value, texts);
                    }
                    _ => of_schema(value, all, texts),
                }
            }
        }
        _ => {}
    }
}

/// Collects all strings in `value`.
pub fn strings<'e>(value: &'e Value, texts: &mut Vec<&'e str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(values) => values.iter().for_each(|value| strings(value, texts)),
        Value::Object(members) => members.values().for_each(|value| strings(value, texts)),
        _ => {}
    }
}
