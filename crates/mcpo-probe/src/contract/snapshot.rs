//! A contract, and its text in a lock file.

use std::{collections::BTreeMap, fmt::Write as _};

use mcpo_common::text::{count, is_hidden};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::canonical::{canonical, hash};

/// The version of the format. Another version means that members have another meaning.
const FORMAT: &str = "mcpo-contract/1";

/// The tools, resources and prompts of a server, and the texts and scopes that belong to them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Contract {
    format: String,
    /// The instructions for the model; empty if there are none.
    pub(super) instructions: String,
    /// By name.
    pub(super) prompts: Entries,
    /// By URI template.
    pub(super) resource_templates: Entries,
    /// By URI.
    pub(super) resources: Entries,
    /// The scopes that the server advertises; `None` if it does not ask for a token.
    pub(super) scopes: Option<Vec<String>>,
    /// By name.
    pub(super) tools: Entries,
}

/// What a server sent, for its contract.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lists<'v> {
    pub instructions: &'v str,
    pub tools: &'v [Value],
    pub resources: &'v [Value],
    pub resource_templates: &'v [Value],
    pub prompts: &'v [Value],
    /// The protected resource metadata; `None` if the server does not ask for a token.
    pub metadata: Option<&'v Value>,
}

pub(super) type Entries = BTreeMap<String, Entry>;

/// The definition of one tool, resource or prompt.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// In canonical form.
    pub definition: Value,
    sha256: String,
}

impl Entry {
    fn new(definition: &Value) -> Self {
        let definition = canonical(definition);
        Self {
            sha256: hash(&definition),
            definition,
        }
    }
}

impl Contract {
    /// Returns the contract of a server that sent these lists. The texts contain none of `secrets`.
    pub(crate) fn of(lists: &Lists<'_>, secrets: &[&str]) -> Self {
        let secrets = &longest_first(secrets)[..];
        let clean = |values: &[Value]| {
            let values = values.iter().map(|value| hidden(value, secrets));
            values.collect::<Vec<_>>()
        };
        let resources: Vec<_> = lists.resources.iter().map(without_volatile).collect();
        let metadata = lists.metadata.map(|metadata| hidden(metadata, secrets));
        let scopes = metadata.map(|metadata| {
            let scopes = metadata["scopes_supported"]
                .as_array()
                .into_iter()
                .flatten();
            let mut scopes: Vec<_> = scopes
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect();
            scopes.sort();
            scopes.dedup();
            scopes
        });
        Self {
            format: FORMAT.to_owned(),
            instructions: without(lists.instructions, secrets),
            prompts: entries(&clean(lists.prompts), "name"),
            resource_templates: entries(&clean(lists.resource_templates), "uriTemplate"),
            resources: entries(&clean(&resources), "uri"),
            scopes,
            tools: entries(&clean(lists.tools), "name"),
        }
    }

    /// Returns a contract that consists of tools only, to compare it with another one.
    #[must_use]
    pub fn of_tools(tools: &[Value]) -> Self {
        Self {
            format: FORMAT.to_owned(),
            instructions: String::new(),
            prompts: Entries::new(),
            resource_templates: Entries::new(),
            resources: Entries::new(),
            scopes: None,
            tools: entries(tools, "name"),
        }
    }

    /// Returns the text of a lock file: JSON with sorted members, one per line. Characters that an
    /// editor or a review does not show are escaped.
    #[must_use]
    pub fn to_text(&self) -> String {
        // The members are sorted by `canonical` and by `BTreeMap`, the fields by their declaration.
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        let mut shown = String::with_capacity(text.len() + 1);
        for character in text.chars() {
            if character != '\n' && is_hidden(character) {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    let _ = write!(shown, "\\u{unit:04x}");
                }
            } else {
                shown.push(character);
            }
        }
        shown.push('\n');
        shown
    }

    /// Returns what the contract contains, such as `2 tools, 1 resource, 3 prompts`.
    #[must_use]
    pub fn summary(&self) -> String {
        let resources = self.resources.len() + self.resource_templates.len();
        let parts = [
            count(self.tools.len(), "tool"),
            count(resources, "resource"),
            count(self.prompts.len(), "prompt"),
        ];
        parts.join(", ")
    }

    /// Parses the text of a lock file.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match value["format"].as_str() {
            Some(FORMAT) => {}
            Some(other) => {
                return Err(format!("unsupported format {other:?}, expected {FORMAT:?}"));
            }
            None => return Err(format!("the member \"format\" is not {FORMAT:?}")),
        }
        let contract: Self = serde_json::from_value(value).map_err(|error| error.to_string())?;
        let lists = [
            &contract.tools,
            &contract.resources,
            &contract.resource_templates,
            &contract.prompts,
        ];
        for (name, entry) in lists.into_iter().flatten() {
            if hash(&canonical(&entry.definition)) != entry.sha256 {
                return Err(format!(
                    "the definition of {name:?} does not match its sha256"
                ));
            }
        }
        Ok(contract)
    }
}

fn entries(definitions: &[Value], key: &str) -> Entries {
    let named = definitions.iter().filter_map(|definition| {
        let name = definition.get(key)?.as_str()?;
        Some((name.to_owned(), Entry::new(definition)))
    });
    named.collect()
}

/// Removes what describes the current content of a resource, not the resource.
fn without_volatile(resource: &Value) -> Value {
    let mut resource = resource.clone();
    if let Some(members) = resource.as_object_mut() {
        members.remove("size");
    }
    let annotations = resource
        .get_mut("annotations")
        .and_then(Value::as_object_mut);
    if let Some(annotations) = annotations {
        annotations.remove("lastModified");
    }
    resource
}

/// Replaces the secrets in all texts and names of members.
fn hidden(value: &Value, secrets: &[&str]) -> Value {
    match value {
        Value::String(text) => without(text, secrets).into(),
        Value::Array(values) => values.iter().map(|value| hidden(value, secrets)).collect(),
        Value::Object(members) => {
            let members = members.iter();
            let members =
                members.map(|(name, value)| (without(name, secrets), hidden(value, secrets)));
            Value::Object(members.collect())
        }
        _ => value.clone(),
    }
}

/// Replaces the secrets in a text. `secrets` are sorted, see [`longest_first`].
fn without(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets {
        if text.contains(secret) {
            text = text.replace(secret, "<secret>");
        }
    }
    text
}

/// Returns the secrets in the order in which they must be replaced: a secret may contain another one.
fn longest_first<'s>(secrets: &[&'s str]) -> Vec<&'s str> {
    let mut secrets: Vec<_> = secrets
        .iter()
        .copied()
        .filter(|secret| !secret.is_empty())
        .collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Contract, Lists};

    fn contract(secrets: &[&str]) -> Contract {
        let tools = [
            json!({"name": "b", "inputSchema": {"type": "object"}}),
            json!({"name": "a", "title": "A"}),
        ];
        let lists = Lists {
            instructions: "Use \u{202e}s3cret-token.",
            tools: &tools,
            resources: &[json!({"uri": "x://y", "size": 3})],
            ..Lists::default()
        };
        Contract::of(&lists, secrets)
    }

    #[test]
    fn the_text_is_stable_and_read_again() {
        let text = contract(&["s3cret-token"]).to_text();
        assert_eq!(Contract::parse(&text).unwrap().to_text(), text);
        assert!(
            text.starts_with("{\n  \"format\": \"mcpo-contract/1\",\n"),
            "{text}"
        );
        assert!(text.ends_with("}\n") && text.find("\"a\": {") < text.find("\"b\": {"));
        assert!(text.contains("Use \\u202e<secret>."), "{text}");
        assert!(!text.contains("size") && !text.contains("s3cret"), "{text}");
    }

    #[test]
    fn no_text_of_the_file_contains_a_secret() {
        let tools = [
            json!({"name": "a s3cret-token", "s3cret-token-2": 1, "inputSchema": {
            "properties": {"s3cret-token": {"enum": ["s3cret-token-2", "s3cret\u{e9}\"x"]}}}}),
        ];
        let listed = json!({"uri": "x://s3cret-token", "uriTemplate": "x://s3cret-token/{a}", "name": "s3cret-token"});
        let lists = Lists {
            instructions: "s3cret-token-2",
            tools: &tools,
            resources: std::slice::from_ref(&listed),
            resource_templates: std::slice::from_ref(&listed),
            prompts: std::slice::from_ref(&listed),
            metadata: Some(&json!({"scopes_supported": ["s3cret-token"]})),
        };
        let secrets = ["", "s3cret-token", "s3cret-token-2", "s3cret\u{e9}\"x"];
        let text = Contract::of(&lists, &secrets).to_text();
        assert!(!text.contains("s3cret"), "{text}");
        assert!(!text.contains("<secret>-2"), "{text}");
        assert_eq!(Contract::parse(&text).unwrap().to_text(), text);
    }

    #[test]
    fn files_of_another_version_and_edited_files_are_refused() {
        let text = contract(&[]).to_text();
        for (old, new, error) in [
            (
                "contract/1",
                "contract/2",
                "unsupported format \"mcpo-contract/2\"",
            ),
            (
                "\"title\": \"A\"",
                "\"title\": \"B\"",
                "\"a\" does not match",
            ),
            ("\"scopes\"", "\"scope\"", "unknown field"),
            ("{", "[", "expected"),
        ] {
            let message = Contract::parse(&text.replacen(old, new, 1)).unwrap_err();
            assert!(message.contains(error), "{message}");
        }
    }
}
