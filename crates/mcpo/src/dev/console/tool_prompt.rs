//! The steps of trying a tool with the keyboard: choose it, edit the arguments, call it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::dev::messages::{
    command::{Command, Line},
    tool_request::ToolRequest,
    tools::Tools,
};

/// How many tools digits can choose.
const DIGITS: usize = 9;

/// Where the user is.
#[derive(Debug, Default)]
pub struct ToolPrompt {
    typing: Option<Typing>,
    /// The last arguments of each tool, as the user typed them.
    latest: BTreeMap<String, String>,
}

/// What the user types.
#[derive(Debug)]
enum Typing {
    /// The number or the name of a tool.
    Choice,
    /// The arguments of this tool.
    Arguments(Box<Value>),
}

impl ToolPrompt {
    /// Returns the commands that let the user choose a tool, if digits are not enough.
    pub fn choose(&mut self, tools: Option<&Tools>) -> Vec<Command> {
        if tools.is_none_or(|tools| tools.names().len() <= DIGITS) {
            return Vec::new();
        }
        self.typing = Some(Typing::Choice);
        edit("tool to call, by number or name: ", String::new())
    }

    /// Starts with a tool that was found.
    pub fn found(&mut self, tool: Box<Value>, arguments: Map<String, Value>) -> Vec<Command> {
        let properties = tool["inputSchema"]["properties"].as_object();
        if properties.is_none_or(Map::is_empty) {
            return vec![Command::Try(ToolRequest::Call { tool, arguments })];
        }
        let name = tool["name"].as_str().unwrap_or_default();
        let text = match self.latest.get(name) {
            Some(text) => text.clone(),
            None => Value::Object(arguments).to_string(),
        };
        let prompt = format!("{name} ");
        self.typing = Some(Typing::Arguments(tool));
        edit(&prompt, text)
    }

    /// Follows a line that the user typed. The error is a text for the user.
    pub fn typed(
        &mut self,
        text: Option<String>,
        tools: Option<&Tools>,
    ) -> Result<Vec<Command>, (String, Vec<Command>)> {
        let (Some(typing), Some(text)) = (self.typing.take(), text) else {
            return Ok(Vec::new());
        };
        match typing {
            Typing::Choice => {
                let text = text.trim();
                if text.is_empty() {
                    return Ok(Vec::new());
                }
                let names = tools.map(Tools::names).unwrap_or_default();
                let by_number = text.parse::<usize>().ok().and_then(|number| {
                    let index = number.checked_sub(1)?;
                    names.get(index)
                });
                let chosen = by_number.or_else(|| names.iter().find(|name| **name == text));
                match chosen {
                    Some(name) => Ok(vec![Command::Try(ToolRequest::Find((*name).to_owned()))]),
                    None => Err((format!("there is no tool {text}"), Vec::new())),
                }
            }
            Typing::Arguments(tool) => self.typed_arguments(tool, text),
        }
    }

    fn typed_arguments(
        &mut self,
        tool: Box<Value>,
        text: String,
    ) -> Result<Vec<Command>, (String, Vec<Command>)> {
        let name = tool["name"].as_str().unwrap_or_default().to_owned();
        match serde_json::from_str(&text) {
            Ok(Value::Object(arguments)) => {
                self.latest.insert(name, text);
                Ok(vec![Command::Try(ToolRequest::Call { tool, arguments })])
            }
            result => {
                let because = match result {
                    Err(error) => format!("the arguments are not JSON: {error}"),
                    Ok(_) => "the arguments must be a JSON object, such as {}".to_owned(),
                };
                self.typing = Some(Typing::Arguments(tool));
                Err((because, edit(&format!("{name} "), text)))
            }
        }
    }
}

fn edit(prompt: &str, text: String) -> Vec<Command> {
    vec![Command::Edit(Line {
        prompt: prompt.to_owned(),
        text,
    })]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn greet() -> Value {
        let schema = json!({ "properties": { "name": { "type": "string" } } });
        json!({ "name": "greet", "inputSchema": schema })
    }

    fn arguments() -> Map<String, Value> {
        json!({ "name": "" }).as_object().cloned().unwrap()
    }

    #[test]
    fn arguments_are_edited_until_they_are_an_object() {
        let mut prompt = ToolPrompt::default();
        let commands = prompt.found(Box::new(greet()), arguments());
        let [Command::Edit(line)] = &commands[..] else {
            panic!("{commands:?}");
        };
        assert_eq!((&*line.prompt, &*line.text), ("greet ", r#"{"name":""}"#));
        let (because, again) = prompt.typed(Some("{".into()), None).unwrap_err();
        assert!(
            because.starts_with("the arguments are not JSON"),
            "{because}"
        );
        assert!(matches!(&again[..], [Command::Edit(line)] if line.text == "{"));
        let text = r#"{"name":"Ada"}"#;
        let commands = prompt.typed(Some(text.into()), None).unwrap();
        let [Command::Try(ToolRequest::Call { arguments, .. })] = &commands[..] else {
            panic!("{commands:?}");
        };
        assert_eq!(arguments["name"], "Ada");
        // The next call starts with the same arguments.
        let commands = prompt.found(Box::new(greet()), Map::new());
        assert!(matches!(&commands[..], [Command::Edit(line)] if line.text == text));
        assert!(prompt.typed(None, None).unwrap().is_empty());
    }

    #[test]
    fn a_tool_without_arguments_is_called_at_once() {
        let tool = Box::new(json!({ "name": "whoami", "inputSchema": { "type": "object" } }));
        let commands = ToolPrompt::default().found(tool, Map::new());
        assert!(matches!(
            &commands[..],
            [Command::Try(ToolRequest::Call { .. })]
        ));
    }

    #[test]
    fn one_of_many_tools_is_chosen_by_number_or_name() {
        let list: Vec<String> = (1..=12).map(|number| format!("t{number:02}:1:1")).collect();
        let tools = Tools::read(&format!("X_MCPO_TOOLS={}", list.join(" "))).unwrap();
        for (text, expected) in [("11", Some("t11")), ("t12", Some("t12")), ("13", None)] {
            let mut prompt = ToolPrompt::default();
            assert!(matches!(
                &prompt.choose(Some(&tools))[..],
                [Command::Edit(_)]
            ));
            let commands = prompt.typed(Some(text.into()), Some(&tools));
            let found = commands.ok().and_then(|commands| match &commands[..] {
                [Command::Try(ToolRequest::Find(name))] => Some(name.clone()),
                _ => None,
            });
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
