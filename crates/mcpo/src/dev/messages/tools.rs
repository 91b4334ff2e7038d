//! The tools that a server reports, and how a change affected them.

use std::collections::BTreeMap;

use mcpo_probe::{Changes, Contract};
use serde_json::Value;

/// The prefix of the line that reports the tools, in the datagram that reports that the server is
/// ready.
const NOTICE: &str = "X_MCPO_TOOLS=";
/// The prefix of the line with the definitions of the tools, as one JSON array. Servers leave it
/// out if it is too long for a datagram.
const DEFINITIONS: &str = "X_MCPO_DEFINITIONS=";

/// Tools by name, with fingerprints to detect changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tools {
    states: BTreeMap<String, State>,
    /// The definitions, if the server has reported them.
    contract: Option<Contract>,
}

/// Fingerprints of a tool's schema and of its descriptions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State {
    schema: String,
    words: String,
}

impl Tools {
    /// Parses a line of a notice, if it is the one that lists the tools: `name:schema:words`,
    /// separated by spaces.
    pub fn read(line: &str) -> Option<Self> {
        let text = line.strip_prefix(NOTICE)?;
        let tools = text.split_ascii_whitespace().filter_map(|tool| {
            let mut parts = tool.rsplitn(3, ':');
            let (words, schema, name) = (parts.next()?, parts.next()?, parts.next()?);
            let state = State {
                schema: schema.to_owned(),
                words: words.to_owned(),
            };
            // The name is shown in a terminal later.
            let plain = name.chars().all(|c| c.is_ascii_graphic());
            plain.then(|| (name.to_owned(), state))
        });
        Some(Self {
            states: tools.collect(),
            contract: None,
        })
    }

    /// Parses a line of a notice, if it has the definitions of the tools. Returns true if it has.
    pub fn define(&mut self, line: &str) -> bool {
        let Some(text) = line.strip_prefix(DEFINITIONS) else {
            return false;
        };
        let tools: Option<Vec<Value>> = serde_json::from_str(text).ok();
        self.contract = tools.map(|tools| Contract::of_tools(&tools));
        true
    }

    /// Returns what the differences from `before` mean for clients, or `None` if that is unknown.
    pub fn contract_changes_since(&self, before: &Self) -> Option<Changes> {
        let (then, now) = (before.contract.as_ref()?, self.contract.as_ref()?);
        Some(then.changes_to(now))
    }

    /// Returns the names of the tools.
    pub fn names(&self) -> Vec<&str> {
        self.states.keys().map(String::as_str).collect()
    }

    /// Returns all tools in a short text.
    pub fn describe(&self) -> Option<String> {
        (!self.states.is_empty()).then(|| names(self.states.keys()))
    }

    /// Returns all tools with the digits that call them.
    pub fn numbered(&self) -> Option<String> {
        const DIGITS: usize = 9;
        let numbered = |(index, name): (usize, &String)| {
            if index < DIGITS {
                format!("{} {name}", index + 1)
            } else {
                name.clone()
            }
        };
        let all: Vec<_> = self.states.keys().enumerate().map(numbered).collect();
        let hint = "press a digit to call one";
        (!all.is_empty()).then(|| format!("{} ({hint})", names(&all)))
    }

    /// Returns a short description of the differences from `before`.
    pub fn changes_since(&self, before: &Self) -> Option<String> {
        let both = || {
            let pairs = self
                .states
                .iter()
                .map(|(name, now)| (name, now, before.states.get(name)));
            pairs.filter_map(|(name, now, then)| then.map(|then| (name, now, then)))
        };
        let added = self
            .states
            .keys()
            .filter(|name| !before.states.contains_key(*name));
        let removed = before
            .states
            .keys()
            .filter(|name| !self.states.contains_key(*name));
        let schema = both().filter(|(_, now, then)| now.schema != then.schema);
        let words = both().filter(|(_, now, then)| now.schema == then.schema && now != then);
        let groups: [(&str, Vec<&String>); 4] = [
            ("added", added.collect()),
            ("removed", removed.collect()),
            (
                "changed arguments or results:",
                schema.map(|(name, ..)| name).collect(),
            ),
            (
                "changed descriptions:",
                words.map(|(name, ..)| name).collect(),
            ),
        ];
        let effects: Vec<_> = groups
            .into_iter()
            .filter(|(_, tools)| !tools.is_empty())
            .map(|(what, tools)| format!("{what} {}", names(tools)))
            .collect();
        (!effects.is_empty()).then(|| effects.join("; "))
    }
}

/// Formats a list that fits on a line or two.
fn names<'a>(all: impl IntoIterator<Item = &'a String>) -> String {
    const SHOWN: usize = 12;
    let all: Vec<_> = all.into_iter().map(String::as_str).collect();
    match all.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{} and {more} more", all[..SHOWN].join(", ")),
        _ => all.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(text: &str) -> Tools {
        Tools::read(&format!("{NOTICE}{text}")).unwrap()
    }

    #[test]
    fn the_effect_of_a_change_on_tools_is_described() {
        let before = tools("greet:1:1 whoami:1:1 old:1:1");
        assert_eq!(before.describe().unwrap(), "greet, old, whoami");
        let numbered = before.numbered().unwrap();
        assert!(
            numbered.starts_with("1 greet, 2 old, 3 whoami ("),
            "{numbered}"
        );
        let after = tools("greet:2:1 whoami:1:2 new:1:1");
        assert_eq!(
            after.changes_since(&before).unwrap(),
            "added new; removed old; changed arguments or results: greet; \
             changed descriptions: whoami"
        );
        assert_eq!(after.changes_since(&after), None);
    }

    #[test]
    fn the_meaning_of_a_change_is_known_if_the_server_reports_definitions() {
        let defined = |definition: &str| {
            let mut tools = tools("greet:1:1");
            assert!(tools.define(&format!("X_MCPO_DEFINITIONS=[{definition}]")));
            tools
        };
        let before = defined(r#"{"name": "greet", "inputSchema": {"type": "object"}}"#);
        let after = defined(
            r#"{"name": "greet", "inputSchema": {"type": "object", "required": ["name"]}}"#,
        );
        let changes = after.contract_changes_since(&before).unwrap();
        assert_eq!(changes.summary(), "1 breaking change");
        assert!(after.contract_changes_since(&tools("greet:1:1")).is_none());
        assert!(defined("{").contract_changes_since(&before).is_none());
        assert!(!tools("greet:1:1").define("READY=1"));
    }

    #[test]
    fn only_tool_notices_without_control_characters_are_read() {
        assert_eq!(Tools::read("READY=1"), None);
        assert_eq!(tools("\u{1b}[2J:1:1 broken"), Tools::default());
        assert_eq!(tools("a:b:1:2").describe().unwrap(), "a:b");
    }
}
