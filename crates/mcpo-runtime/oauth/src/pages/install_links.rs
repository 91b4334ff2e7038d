//! Links that add this server to a client, and the name under which they add it.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde::Serialize;
use serde_json::json;

/// The characters that `encodeURIComponent` escapes, and those that HTML or a shell would
/// interpret.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// The name of a server whose own name has no usable character.
const DEFAULT_ID: &str = "mcp-server";
/// The longest id. Some clients put it in front of the names of tools, which must stay short.
const MAX_ID_LEN: usize = 40;

/// The links of one server.
#[derive(Debug, Serialize)]
pub(crate) struct InstallLinks {
    /// Opens the dialog for a custom connector, with name and address filled in.
    claude: String,
    /// <https://cursor.com/docs/mcp/install-links>
    cursor: String,
    /// <https://code.visualstudio.com/api/extension-guides/ai/mcp>, MCP installation URL.
    vs_code: String,
    vs_code_insiders: String,
    /// The argument of `code --add-mcp`.
    vs_code_json: String,
    /// The entry in Cursor's `mcp.json`.
    cursor_json: String,
}

impl InstallLinks {
    /// Creates the links for the server with this name and id at `address`.
    pub(crate) fn new(title: &str, id: &str, address: &str) -> Self {
        let cursor_entry = json!({ "url": address });
        let vs_code_json = json!({ "name": id, "type": "http", "url": address }).to_string();
        let cursor_config = STANDARD.encode(cursor_entry.to_string());
        Self {
            claude: format!(
                "https://claude.ai/customize/connectors?modal=add-custom-connector\
                 &connectorName={}&connectorUrl={}",
                escape(title),
                escape(address)
            ),
            cursor: format!(
                "cursor://anysphere.cursor-deeplink/mcp/install?name={}&config={}",
                escape(id),
                escape(&cursor_config)
            ),
            vs_code: format!("vscode:mcp/install?{}", escape(&vs_code_json)),
            vs_code_insiders: format!("vscode-insiders:mcp/install?{}", escape(&vs_code_json)),
            vs_code_json,
            cursor_json: json!({ "mcpServers": { id: cursor_entry } }).to_string(),
        }
    }
}

fn escape(text: &str) -> String {
    percent_encode(text.as_bytes(), ESCAPED).to_string()
}

/// Returns the name under which clients add the server `name`: lower-case ASCII letters, digits and
/// single hyphens. Shells and all clients accept it.
#[must_use]
pub fn id_of(name: &str) -> String {
    let mut id = String::new();
    for character in name.chars() {
        if character.is_ascii_alphanumeric() {
            let _ = write!(id, "{}", character.to_ascii_lowercase());
        } else if !id.is_empty() && !id.ends_with('-') {
            id.push('-');
        }
    }
    id.truncate(MAX_ID_LEN);
    let id = id.trim_end_matches('-');
    if id.is_empty() { DEFAULT_ID } else { id }.to_owned()
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use serde_json::Value;

    use super::*;

    const ADDRESS: &str = "https://a.example/mcp";

    fn decoded(text: &str) -> String {
        percent_decode_str(text).decode_utf8().unwrap().into_owned()
    }

    #[test]
    fn links_contain_the_name_and_address_as_each_client_reads_them() {
        let links = InstallLinks::new("Acme & \"Sons\"", "acme", ADDRESS);
        let query = links.cursor.split_once("install?").unwrap().1;
        let (name, config) = query.split_once("&config=").unwrap();
        assert_eq!(name, "name=acme");
        let config = STANDARD.decode(decoded(config)).unwrap();
        let config: Value = serde_json::from_slice(&config).unwrap();
        assert_eq!(config, json!({ "url": ADDRESS }));
        for (link, scheme) in [
            (&links.vs_code, "vscode:"),
            (&links.vs_code_insiders, "vscode-insiders:"),
        ] {
            let config = link.strip_prefix(&format!("{scheme}mcp/install?")).unwrap();
            let config: Value = serde_json::from_str(&decoded(config)).unwrap();
            assert_eq!(
                config,
                json!({ "name": "acme", "type": "http", "url": ADDRESS })
            );
        }
        let claude = url::Url::parse(&links.claude).unwrap();
        let pairs: Vec<_> = claude.query_pairs().collect();
        assert_eq!(
            pairs[1..],
            [
                ("connectorName".into(), "Acme & \"Sons\"".into()),
                ("connectorUrl".into(), ADDRESS.into())
            ]
        );
    }

    #[test]
    fn ids_are_safe_in_shells_and_clients() {
        for (name, id) in [
            ("my-service", "my-service"),
            ("Acme Tools (beta)", "acme-tools-beta"),
            ("$(rm -rf ~)", "rm-rf"),
            ("--header", "header"),
            ("日本", DEFAULT_ID),
            ("", DEFAULT_ID),
        ] {
            assert_eq!(id_of(name), id, "{name}");
        }
        assert_eq!(id_of(&"x".repeat(100)).len(), MAX_ID_LEN);
    }
}
