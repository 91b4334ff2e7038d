//! What the first server prints when it is ready: its address, who may use it, how to try it, and
//! how to add it to clients.

use mcpo_common::ui::Ui;
use serde_json::json;

use super::reporter::HELP;
use crate::dev::messages::tools::Tools;

/// The facts for the text, which are known before the first server starts.
#[derive(Clone, Debug, Default)]
pub struct Welcome {
    /// The name of the server.
    pub name: String,
    /// The URL to type into a client: the public one, if there is one.
    pub connector: String,
    /// Where the connector can be used, if it is not public.
    pub audience: Option<&'static str>,
    /// The password that was generated for this run.
    pub password: Option<String>,
    /// Whether a tunnel leads to the server.
    pub is_tunnelled: bool,
}

impl Welcome {
    /// Prints where the server is, who may use it, and what it offers.
    pub fn print_facts(&self, ui: &Ui, sign_in: &str, tools: &Tools) {
        match self.audience {
            Some(audience) => ui.step("Connector", format_args!("{} {audience}", self.connector)),
            None => ui.step("Connector", &self.connector),
        }
        ui.step("Sign-in", sign_in);
        if let Some(password) = &self.password {
            ui.step(
                "Password",
                format_args!(
                    "{password}   (generated; set ADMIN_PASSWORD in .env to choose another)"
                ),
            );
        }
        let tools = tools.describe();
        ui.step("Tools", tools.as_deref().unwrap_or("none"));
    }

    /// Prints what the user can do next. `has_keys` is true if the user can press keys.
    pub fn print_next_steps(&self, ui: &Ui, has_keys: bool) {
        if has_keys {
            ui.step(
                "Try",
                "press t to call a tool, p to check that claude.ai can connect",
            );
        }
        if self.is_tunnelled {
            claude_steps(ui);
        } else if ui.is_terminal() {
            self.clients(ui);
        }
        if has_keys {
            ui.step("Keys", HELP);
        }
    }

    /// Prints the next step for each client.
    fn clients(&self, ui: &Ui) {
        let Self {
            name, connector, ..
        } = self;
        if self.audience.is_some() {
            ui.step("Connect", "claude.ai: stop mcpo, and run mcpo dev --tunnel");
        } else {
            ui.step(
                "Connect",
                "claude.ai: add the connector's URL in its settings",
            );
        }
        ui.detail("Claude Code:");
        ui.detail(format_args!(
            "  claude mcp add --transport http {name} {connector}"
        ));
        ui.detail("VS Code:");
        let definition = json!({ "name": name, "type": "http", "url": connector });
        ui.detail(format_args!("  code --add-mcp '{definition}'"));
        ui.detail("Cursor, in ~/.cursor/mcp.json:");
        let definition = json!({ "mcpServers": { name: { "url": connector } } });
        ui.detail(format_args!("  {definition}"));
    }
}

/// Prints the steps to add the connector in claude.ai.
fn claude_steps(ui: &Ui) {
    ui.say("\nAdd it to claude.ai:");
    ui.say("  1. Settings → Connectors → Add custom connector");
    ui.say(
        "  2. Enter any name and the connector's URL from above (the /mcp at the end matters), Add",
    );
    ui.say("  3. Connect, sign in, and allow access");
    ui.say("  4. In a chat, turn the connector on and ask for one of its tools\n");
}
