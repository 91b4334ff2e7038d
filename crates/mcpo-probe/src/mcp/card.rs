//! The server card: what a server says about itself for clients to show.

use mcpo_common::text::clean_to;
use serde_json::Value;

use crate::{
    check::{Fault, Log},
    rules,
};

/// JSON pointer to the server's info in the stateless form.
const STATELESS_INFO: &str = "/_meta/io.modelcontextprotocol~1serverInfo";
/// JSON pointer to the server's info in the form with sessions.
const SESSION_INFO: &str = "/serverInfo";
/// How many characters of the title and the instructions are shown.
const SHOWN: usize = 60;

/// Checks the results of `server/discover` and `initialize`, if there are any. A missing part is a
/// warning, because clients connect anyway.
pub fn check(log: &mut Log<'_>, discovered: Option<&Value>, initialized: Option<&Value>) {
    let pending = rules::SERVER_CARD.begin();
    let answers = [("server/discover", discovered), ("initialize", initialized)];
    let answers = answers
        .into_iter()
        .filter_map(|(method, result)| Some((method, Card::read(result?))));
    let answers: Vec<_> = answers.collect();
    let missing: Vec<_> = answers
        .iter()
        .map(|(method, card)| (method, card.missing()))
        .filter(|(_, missing)| !missing.is_empty())
        .map(|(method, missing)| format!("{method} without {}", missing.join(", ")))
        .collect();
    if missing.is_empty() {
        let seen = answers.first().map(|(_, card)| card.summary());
        pending.pass(log, seen.unwrap_or_default());
        return;
    }
    let expected =
        "instructions, and a title, version and icon (https: or data:) in the server's info";
    let hint = "set them in the server's info: clients show title and icon to people, and give the \
                instructions to the model";
    pending.warn(log, Fault::new(missing.join("; "), expected, hint));
}

/// The card in one result.
struct Card<'r> {
    title: &'r str,
    version: &'r str,
    instructions: &'r str,
    /// The number of icons that clients may load.
    icons: usize,
}

impl<'r> Card<'r> {
    fn read(result: &'r Value) -> Self {
        let info = result.pointer(STATELESS_INFO);
        let info = info.or_else(|| result.pointer(SESSION_INFO));
        let text = |value: Option<&'r Value>| value.and_then(Value::as_str).unwrap_or_default();
        let icons = info.and_then(|info| info["icons"].as_array());
        Self {
            title: text(info.map(|info| &info["title"])),
            version: text(info.map(|info| &info["version"])),
            instructions: text(result.get("instructions")),
            icons: icons.map_or(0, |icons| {
                icons.iter().filter(|icon| is_loadable(icon)).count()
            }),
        }
    }

    fn missing(&self) -> Vec<&'static str> {
        let parts = [
            ("instructions", !self.instructions.trim().is_empty()),
            ("title", !self.title.trim().is_empty()),
            ("version", !self.version.trim().is_empty()),
            ("icon", self.icons > 0),
        ];
        let missing = parts.into_iter().filter(|(_, is_there)| !is_there);
        missing.map(|(part, _)| part).collect()
    }

    fn summary(&self) -> String {
        let icons = match self.icons {
            1 => "1 icon".to_owned(),
            icons => format!("{icons} icons"),
        };
        format!(
            "{} {}, {icons}; instructions: {}",
            clean_to(self.title, SHOWN),
            self.version,
            clean_to(self.instructions, SHOWN)
        )
    }
}

/// Clients load no other schemes (MCP 2025-11-25, Icons).
fn is_loadable(icon: &Value) -> bool {
    let source = icon["src"].as_str().unwrap_or_default();
    source.starts_with("https://") || source.starts_with("data:image/")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Card;

    #[test]
    fn missing_card_fields_are_named() {
        let info = json!({
            "name": "x", "title": "X", "version": "1.0.0",
            "icons": [{ "src": "http://example.com/icon.png" }, { "src": "data:image/svg+xml,x" }],
        });
        let whole = json!({ "instructions": "Use it.", "serverInfo": info });
        assert_eq!(Card::read(&whole).missing(), [""; 0]);
        assert_eq!(
            Card::read(&whole).summary(),
            "X 1.0.0, 1 icon; instructions: Use it."
        );
        let stateless = json!({
            "instructions": "Use it.", "_meta": { "io.modelcontextprotocol/serverInfo": info },
        });
        assert_eq!(Card::read(&stateless).missing(), [""; 0]);
        let bare = json!({ "instructions": " ", "serverInfo": {
            "name": "x", "version": "1", "icons": [{ "src": "javascript:alert(1)" }] } });
        assert_eq!(
            Card::read(&bare).missing(),
            ["instructions", "title", "icon"]
        );
    }
}
