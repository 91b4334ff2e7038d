//! Client profiles: what a real client sends, how long it waits, and what it would show.
//!
//! The facts are data, one file per client; no other code knows a client by name.

mod request_headers;
mod sources;
mod user_agents;

use std::{collections::BTreeMap, time::Duration};

use mcpo_common::{
    error::{Failure, Outcome},
    shell,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::{Host, Url};

pub use self::{
    request_headers::{CanSend, RequestHeaders},
    sources::FactSource,
    user_agents::UserAgents,
};

/// The clients that the probe can imitate.
#[expect(
    missing_docs,
    reason = "doc comments are shown by `mcpo probe --help`; these names need none"
)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Client {
    /// claude.ai, Claude Desktop and the mobile apps
    #[cfg_attr(feature = "clap", value(name = "claude"))]
    #[default]
    ClaudeAi,
    ClaudeCode,
    #[cfg_attr(feature = "clap", value(name = "chatgpt"))]
    ChatGpt,
    #[cfg_attr(feature = "clap", value(name = "vscode"))]
    VsCode,
    Cursor,
    /// MCP Inspector, which runs in a browser
    Inspector,
    Codex,
    GeminiCli,
    CopilotCli,
    Goose,
    #[cfg_attr(feature = "clap", value(name = "librechat"))]
    LibreChat,
    #[cfg_attr(feature = "clap", value(name = "n8n"))]
    N8n,
}

/// One client.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The `--as` value that selects it.
    #[serde(skip)]
    pub name: &'static str,
    /// The name that its users know.
    pub title: String,
    /// Its metadata document, used if the server supports both `none` and documents.
    pub document: Option<Url>,
    /// The body of its registration, without the method for the token endpoint.
    pub registration: Map<String, Value>,
    seconds: Seconds,
    /// The only ports that it connects to on public hosts; empty if no limit is known.
    #[serde(default)]
    pub ports: Vec<u16>,
    /// What it sends as `User-Agent`.
    #[serde(default)]
    pub user_agent: UserAgents,
    /// The library that reads the documents of OAuth, as `name@version`, if it is known.
    pub library: Option<String>,
    /// The documents that the client reads with its own code instead.
    #[serde(default)]
    pub library_except: Vec<String>,
    /// The MCP versions that it offers, newest first; empty if they are unknown.
    #[serde(default)]
    pub protocol_versions: Vec<String>,
    /// Whether `resource` in the metadata must be the address exactly as the user typed it.
    #[serde(default)]
    pub exact_resource: bool,
    /// Whether `resource` is sent as URL parsers print it: a bare host gets a slash.
    #[serde(default)]
    pub resource_as_url: bool,
    /// Whether `prompt=consent` is sent with `offline_access`.
    #[serde(default)]
    pub consents_again: bool,
    /// The length of its `state`, if it is longer than usual.
    pub state_characters: Option<usize>,
    /// The origin of its scripts, if it runs in a browser.
    pub browser_origin: Option<String>,
    /// Where its requests come from, if that is published.
    addresses: Option<Addresses>,
    /// Which headers of its user's choice the client sends, if that is known.
    pub request_headers: Option<RequestHeaders>,
    /// How to add a server to it.
    add: String,
    /// How to add a local server that the client starts.
    add_command: Option<String>,
    /// How to try a server on this machine, if the client is on another one.
    add_here: Option<String>,
    /// What its user sees if a step fails.
    pub(crate) shows: Shows,
    /// Where the members of this profile come from.
    #[serde(default)]
    pub sources: BTreeMap<String, FactSource>,
}

/// The published addresses of a client that runs on its vendor's servers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Addresses {
    /// For a sentence: `allow {are}`.
    are: String,
    /// Where they are published, and when that page was read.
    #[serde(rename = "source")]
    _source: Url,
    #[serde(rename = "date")]
    _date: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seconds {
    request: u64,
    refresh: u64,
}

/// What its user sees if a step fails.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shows {
    pub(crate) unreachable: String,
    pub(crate) before_sign_in: String,
    pub(crate) registration: String,
    pub(crate) sign_in: String,
    pub(crate) token: String,
    pub(crate) connect: String,
    pub(crate) tools: String,
    pub(crate) call: String,
    pub(crate) refresh: String,
    #[serde(default)]
    pub(crate) browser: String,
}

impl Client {
    /// All clients.
    pub const ALL: [Self; 12] = [
        Self::ClaudeAi,
        Self::ClaudeCode,
        Self::ChatGpt,
        Self::VsCode,
        Self::Cursor,
        Self::Inspector,
        Self::Codex,
        Self::GeminiCli,
        Self::CopilotCli,
        Self::Goose,
        Self::LibreChat,
        Self::N8n,
    ];

    /// Returns the name of the client on the command line and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClaudeAi => "claude",
            Self::ClaudeCode => "claude-code",
            Self::ChatGpt => "chatgpt",
            Self::VsCode => "vscode",
            Self::Cursor => "cursor",
            Self::Inspector => "inspector",
            Self::Codex => "codex",
            Self::GeminiCli => "gemini-cli",
            Self::CopilotCli => "copilot-cli",
            Self::Goose => "goose",
            Self::LibreChat => "librechat",
            Self::N8n => "n8n",
        }
    }

    /// Returns the profile of this client.
    pub fn profile(self) -> Outcome<Profile> {
        let text = match self {
            Self::ClaudeAi => include_str!("claude.json"),
            Self::ClaudeCode => include_str!("claude-code.json"),
            Self::ChatGpt => include_str!("chatgpt.json"),
            Self::VsCode => include_str!("vscode.json"),
            Self::Cursor => include_str!("cursor.json"),
            Self::Inspector => include_str!("inspector.json"),
            Self::Codex => include_str!("codex.json"),
            Self::GeminiCli => include_str!("gemini-cli.json"),
            Self::CopilotCli => include_str!("copilot-cli.json"),
            Self::Goose => include_str!("goose.json"),
            Self::LibreChat => include_str!("librechat.json"),
            Self::N8n => include_str!("n8n.json"),
        };
        let mut profile: Profile = serde_json::from_str(text)
            .map_err(|error| Failure::new("failed to read the client's profile").because(&error))?;
        profile.name = self.name();
        Ok(profile)
    }
}

impl Profile {
    /// Returns how long the client waits for a response.
    pub const fn response_timeout(&self) -> Duration {
        Duration::from_secs(self.seconds.request)
    }

    /// Returns how long the client waits for a refresh.
    pub const fn refresh_timeout(&self) -> Duration {
        Duration::from_secs(self.seconds.refresh)
    }

    /// Returns the redirect URIs that the client registers; it uses the first one.
    pub fn redirect_uris(&self) -> impl Iterator<Item = Url> {
        let uris = self.registration.get("redirect_uris");
        let uris = uris.and_then(Value::as_array).into_iter().flatten();
        uris.filter_map(|uri| Url::parse(uri.as_str()?).ok())
    }

    /// Returns the path of the callback on this machine.
    pub fn callback_path(&self) -> String {
        let local = self.redirect_uris().find(is_on_loopback);
        local.map_or_else(|| "/callback".to_owned(), |url| url.path().to_owned())
    }

    /// Returns true if `redirect_uri` is the client's own; on loopback, any port matches (RFC 8252
    /// §7.3).
    pub fn owns(&self, redirect_uri: &Url) -> bool {
        self.redirect_uris().any(|own| {
            own == *redirect_uri
                || (is_on_loopback(&own)
                    && is_on_loopback(redirect_uri)
                    && own.path() == redirect_uri.path())
        })
    }

    /// Returns the addresses that its requests come from, for a sentence: `allow …`.
    pub fn addresses(&self) -> String {
        let published = self.addresses.as_ref();
        published.map_or_else(
            || "your users' addresses".to_owned(),
            |addresses| addresses.are.clone(),
        )
    }

    /// Returns the port of `url` if the client does not connect to it.
    pub fn refused_port(&self, url: &Url) -> Option<u16> {
        let port = url.port_or_known_default()?;
        (!self.ports.is_empty() && !self.ports.contains(&port)).then_some(port)
    }

    /// Returns the ports that the client connects to, as text.
    pub fn shown_ports(&self) -> String {
        let ports: Vec<String> = self.ports.iter().map(u16::to_string).collect();
        ports.join(", ")
    }

    /// Returns how to add the server at `url` to this client under the name `server`.
    pub fn add(&self, server: &str, url: &str, is_here: bool) -> String {
        let text = self.add_here.as_ref().filter(|_| is_here);
        let text = text.unwrap_or(&self.add).replace("{server}", server);
        // A URL in a text is between quotation marks of JSON, which a shell may read first.
        let plain = url.replace('\'', "%27").replace('\\', "%5C");
        // A URL may contain braces too, so nothing is replaced in it.
        if text.contains("{quoted_url}") {
            text.replace("{quoted_url}", &shell::quoted(&plain))
        } else {
            text.replace("{url}", &plain)
        }
    }

    /// Returns how to add the local server that `command` starts under the name `server`.
    pub fn add_command(&self, server: &str, command: &str) -> String {
        self.add_command.as_ref().map_or_else(
            || {
                format!(
                    "add this command to the MCP servers of {}: {command}",
                    self.title
                )
            },
            |text| {
                let text = text.replace("{server}", server);
                text.replace("{command}", command)
            },
        )
    }
}

fn is_on_loopback(url: &Url) -> bool {
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    here && url.scheme() == "http"
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::Client;

    #[cfg(feature = "clap")]
    #[test]
    fn command_line_values_are_the_client_names() {
        use clap::ValueEnum as _;
        assert_eq!(Client::value_variants(), Client::ALL);
        for client in Client::ALL {
            let value = client.to_possible_value();
            assert_eq!(value.unwrap().get_name(), client.name());
        }
    }

    #[test]
    fn every_profile_is_complete() {
        for name in Client::ALL {
            let profile = name.profile().unwrap();
            let uris = profile.registration["redirect_uris"].as_array().unwrap();
            assert_eq!(profile.redirect_uris().count(), uris.len(), "{name:?}");
            assert!(profile.registration["client_name"].is_string(), "{name:?}");
            for is_here in [false, true] {
                let url = "https://example.com/mcp?a=b&c=it's";
                let add = profile.add("demo", url, is_here);
                // A server on this machine must be deployed first for clients that run elsewhere.
                if add == "mcpo deploy" {
                    continue;
                }
                let shown = "https://example.com/mcp?a=b&c=it%27s";
                // Texts and files have the URL in sentences and quotation marks.
                let is_command = !add.starts_with("in ") && !add.contains('"');
                assert_eq!(add.contains(&format!("'{shown}'")), is_command, "{add}");
                assert!(add.contains(shown), "{add}");
                assert!(!add.contains("my-service"), "{add}");
                assert!(!add.contains("{server}") && !add.contains("url}"), "{add}");
            }
            assert!(!profile.name.is_empty() && !profile.response_timeout().is_zero());
        }
    }

    #[test]
    fn each_fact_has_a_source_with_a_valid_date() {
        for name in Client::ALL {
            let profile = name.profile().unwrap();
            let facts = [
                ("ports", !profile.ports.is_empty()),
                ("user_agent", profile.user_agent.mcp.is_some()),
                ("library", profile.library.is_some()),
                ("request_headers", profile.request_headers.is_some()),
                ("protocol_versions", !profile.protocol_versions.is_empty()),
            ];
            for (fact, is_known) in facts {
                let has_source = profile.sources.contains_key(fact);
                assert_eq!(has_source, is_known, "{name:?}: {fact}");
            }
            for (member, source) in &profile.sources {
                assert!(source.is_valid(), "{name:?}: {member}: {source:?}");
            }
        }
    }

    #[test]
    fn loopback_redirects_match_any_port_but_only_their_path() {
        let code = Client::ClaudeCode.profile().unwrap();
        let owns = |url: &str| code.owns(&Url::parse(url).unwrap());
        assert!(owns("http://localhost:1/callback") && owns("http://127.0.0.1:2/callback"));
        assert!(!owns("http://localhost:1/other") && !owns("https://localhost:1/callback"));
        let claude = Client::ClaudeAi.profile().unwrap();
        assert!(!claude.owns(&Url::parse("http://localhost:1/callback").unwrap()));
    }
}
