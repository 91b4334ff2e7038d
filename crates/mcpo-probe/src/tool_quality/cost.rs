//! What the list of tools costs in the context of a model.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::tokens::estimate_tokens;

/// The size of a list of tools, as a client gives it to a model.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenCost {
    /// The bytes of the names, descriptions and schemas of the arguments, as compact JSON.
    pub bytes: usize,
    /// The estimated number of tokens.
    pub tokens: usize,
    /// The share of each known context.
    pub shares: Vec<ContextShare>,
}

/// The share of a context that a list of tools takes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ContextShare {
    /// The models with this context.
    pub models: &'static str,
    /// The tokens of the context.
    pub context: usize,
    /// The share in percent.
    pub percent: f64,
    /// Whether clients of these models load so many tools only on demand, or not at all.
    pub is_large: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Context {
    models: String,
    tokens: usize,
    /// How many tokens these models need for each estimated token, in percent.
    tokens_percent: usize,
    /// From this share on, in percent, clients do not load the whole list at the start.
    large_percent: f64,
    #[serde(rename = "sources")]
    _sources: Vec<Source>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    #[serde(rename = "for")]
    _fact: String,
    #[serde(rename = "url")]
    _url: String,
    #[serde(rename = "date")]
    _date: String,
}

static CONTEXTS: LazyLock<Vec<Context>> =
    // The file is compiled in, and a test parses it.
    LazyLock::new(|| serde_json::from_str(include_str!("contexts.json")).unwrap_or_default());

impl TokenCost {
    pub(super) fn of(tools: &[Value]) -> Self {
        let text = model_text(tools);
        let tokens = estimate_tokens(&text);
        let shares = CONTEXTS.iter().map(|context| {
            #[expect(clippy::cast_precision_loss, reason = "the numbers are far below 2^52")]
            let percent = (tokens * context.tokens_percent) as f64 / context.tokens as f64;
            ContextShare {
                models: &context.models,
                context: context.tokens,
                percent,
                is_large: percent > context.large_percent,
            }
        });
        Self {
            bytes: text.len(),
            tokens,
            shares: shares.collect(),
        }
    }
}

/// Returns what a model gets of the tools, as compact JSON: name, description, and the schema of the
/// arguments.
fn model_text(tools: &[Value]) -> String {
    let given = tools.iter().map(|tool| {
        let members = ["name", "description", "inputSchema"];
        let members = members.into_iter().filter_map(|name| {
            let value = tool.get(name)?;
            Some((name.to_owned(), value.clone()))
        });
        Value::Object(members.collect::<Map<_, _>>())
    });
    json!(given.collect::<Vec<_>>()).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{CONTEXTS, TokenCost, model_text};

    #[test]
    fn models_get_no_annotations_and_no_output_schema() {
        let tool = json!({"name": "a", "title": "A", "description": "d", "inputSchema": {"type": "object"},
            "outputSchema": {"type": "object"}, "annotations": {"readOnlyHint": true}, "_meta": {"x": 1}});
        let text = model_text(&[tool]);
        let text: serde_json::Value = serde_json::from_str(&text).unwrap();
        let wanted = json!([{"name": "a", "description": "d", "inputSchema": {"type": "object"}}]);
        assert_eq!(text, wanted);
    }

    #[test]
    fn a_large_list_is_large_only_in_small_contexts() {
        assert_eq!(CONTEXTS.len(), 2);
        let tool = json!({"name": "a", "description": "Lists the words of a page. ".repeat(5_000)});
        let cost = TokenCost::of(&[tool]);
        let large: Vec<bool> = cost.shares.iter().map(|share| share.is_large).collect();
        assert_eq!(large, [true, false], "{cost:?}");
    }
}
