//! What the user types, and the plan made of it once everything has been looked at.

use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value};
use url::Url;

use super::{
    http::is_loopback,
    profile::{ClientName, Profile},
    secret::Secret,
};
use crate::error::{Failure, Outcome};

/// Arguments of `mcpo probe`.
#[allow(
    clippy::struct_excessive_bools,
    reason = "flags are independent of each other"
)]
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mcpo probe http://localhost:8080/mcp
      walk a server on this machine
  MCPO_PROBE_PASSWORD=… mcpo probe https://example.com/mcp
      fill the password into the sign-in form (other users can read a command line, not this)
  mcpo probe --as cursor https://example.com/mcp
      the redirect URIs, identity and limits of another client
  mcpo probe --browser https://example.com/mcp
      sign in with your own browser, as with GitHub or Google
  mcpo probe --restart 'systemctl --user restart my-service' --concurrent-refresh http://localhost:8080/mcp
      whether clients stay connected over a redeploy
  mcpo probe --security http://localhost:8080/mcp
      attack a server of your own as well, and see whether it holds
  mcpo probe https://example.com/mcp --tool add --args '{\"a\": 1, \"b\": 2}'
      call this tool rather than the first one that can be called without asking
  mcpo probe https://example.com/mcp --client-id my-client
      use a client that was registered by hand; its secret comes from MCPO_PROBE_CLIENT_SECRET
  mcpo probe https://example.com/mcp --json | jq '.checks[] | select(.verdict == \"fail\")'
      the report for a script

Exit codes:
  0    every check passed (warnings allowed)
  1    a check failed
  2    could not run: no connection, wrong arguments, a password that was not given
  130  interrupted by Ctrl-C")]
pub struct ProbeArgs {
    /// Address of the MCP server, such as <https://example.com/mcp>.
    url: String,

    /// Client to walk as: what it sends, how long it waits, what it would show.
    #[arg(long = "as", value_name = "CLIENT", value_enum, default_value_t)]
    client: ClientName,

    /// Password for the server's sign-in form; better given as `MCPO_PROBE_PASSWORD`.
    #[arg(long, value_name = "PASSWORD")]
    password: Option<Secret>,

    /// Sign in with your own browser instead of filling the forms.
    #[arg(long, conflicts_with_all = ["password", "redirect_uri"])]
    browser: bool,

    /// Tool to call.
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,

    /// Arguments of the tool, as a JSON object.
    #[arg(long, value_name = "JSON", requires = "tool")]
    args: Option<String>,

    /// Id of a client registered by hand.
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,

    /// Secret of that client; better given as `MCPO_PROBE_CLIENT_SECRET`.
    #[arg(long, value_name = "SECRET", requires = "client_id")]
    client_secret: Option<Secret>,

    /// Client ID metadata document to be known by, where the server takes one.
    #[arg(long, value_name = "URL", conflicts_with = "client_id")]
    client_metadata_url: Option<Url>,

    /// Redirect URI to name instead of the client's own; nobody has to listen there.
    #[arg(long, value_name = "URI")]
    redirect_uri: Option<Url>,

    /// Seconds allowed for each request instead of the client's own limit; claude.ai allows 10.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,

    /// Restart the server with this shell command, and see whether tokens and client are still good.
    #[arg(long, value_name = "COMMAND", conflicts_with = "browser")]
    restart: Option<String>,

    /// The same, restarted or redeployed by you: waits for the enter key.
    #[arg(long, conflicts_with_all = ["restart", "browser"])]
    wait_redeploy: bool,

    /// Refresh twice at once, as claude.ai does.
    #[arg(long, conflicts_with = "browser")]
    concurrent_refresh: bool,

    /// Attack the server too, to see whether it holds; for servers of your own.
    #[arg(long)]
    security: bool,

    /// Attack a server that is not on this machine: it is yours.
    #[arg(long, requires = "security")]
    yes: bool,

    /// Print the report as one JSON document.
    #[arg(long)]
    json: bool,
}

/// How the client is known to the authorization server, as far as the user decided it.
#[derive(Debug)]
pub enum Identity {
    /// Registered by hand.
    Preregistered { id: String, secret: Option<Secret> },
    /// Described by a document at this URL, where that is taken; registered otherwise.
    Document(Url),
    /// As the client does it: by its document where that is taken, registered otherwise.
    AsClient,
}

/// How the server is started anew.
#[derive(Debug)]
pub enum Restart {
    /// By this command of a shell.
    Command(String),
    /// By the user, who presses enter when it is done.
    ByHand,
}

/// Who goes through the sign-in and consent pages.
#[derive(Debug)]
pub enum Person {
    /// The probe fills the forms itself.
    Forms {
        password: Option<Secret>,
        redirect_uri: Url,
    },
    /// The user, in their own browser.
    Browser,
}

/// Everything the walk needs to know, checked.
#[derive(Debug)]
pub struct Plan {
    pub target: Url,
    pub identity: Identity,
    pub person: Person,
    pub tool: Option<String>,
    pub arguments: Option<Map<String, Value>>,
    pub timeout: Duration,
    pub refresh_timeout: Duration,
    pub profile: Profile,
    pub security: bool,
    pub concurrent_refresh: bool,
    pub restart: Option<Restart>,
    pub json: bool,
}

impl ProbeArgs {
    pub fn into_plan(self) -> Outcome<Plan> {
        let target = target(&self.url)?;
        if self.security && !self.yes && !is_loopback(&target) {
            let hint = "add --yes if the server is your own; others may take it for an attack, which it is";
            let what = format!(
                "failed to start: --security attacks {target}, which is not on this machine"
            );
            return Err(Failure::new(what).hint(hint));
        }
        let secret = self
            .client_secret
            .or_else(|| secret_in("MCPO_PROBE_CLIENT_SECRET"));
        let identity = match (self.client_id, self.client_metadata_url) {
            (Some(id), _) => Identity::Preregistered { id, secret },
            (None, Some(url)) => Identity::Document(url),
            (None, None) => Identity::AsClient,
        };
        let profile = self.client.profile()?;
        let person = if self.browser {
            Person::Browser
        } else {
            let own = profile.redirect_uris().next();
            let redirect_uri = self.redirect_uri.or(own);
            let redirect_uri = redirect_uri.ok_or_else(|| Failure::new("no redirect URI"))?;
            let password = self.password.or_else(|| secret_in("MCPO_PROBE_PASSWORD"));
            Person::Forms {
                password,
                redirect_uri,
            }
        };
        Ok(Plan {
            target,
            identity,
            person,
            tool: self.tool,
            arguments: self.args.as_deref().map(arguments).transpose()?,
            timeout: self.timeout.unwrap_or(profile.patience()),
            refresh_timeout: self.timeout.unwrap_or(profile.refresh_patience()),
            profile,
            security: self.security,
            concurrent_refresh: self.concurrent_refresh,
            restart: match (self.restart, self.wait_redeploy) {
                (Some(command), _) => Some(Restart::Command(command)),
                (None, true) => Some(Restart::ByHand),
                (None, false) => None,
            },
            json: self.json,
        })
    }
}

fn secret_in(variable: &str) -> Option<Secret> {
    let value = std::env::var(variable).ok();
    value.filter(|value| !value.is_empty()).map(Secret::new)
}

/// The address as clients use it: with a scheme, without fragment or user info.
fn target(text: &str) -> Outcome<Url> {
    let failure = || Failure::new(format!("failed to read {text:?} as an address"));
    let hint = "type the whole address, for example: mcpo probe https://example.com/mcp";
    let url = Url::parse(text).map_err(|error| failure().because(&error).hint(hint))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(failure().hint(hint));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(failure().hint("leave out the user name: MCP clients send a bearer token"));
    }
    if url.fragment().is_some() {
        return Err(failure().hint("leave out the part after #: it is never sent (RFC 8707 §2)"));
    }
    Ok(url)
}

fn arguments(text: &str) -> Outcome<Map<String, Value>> {
    serde_json::from_str(text).map_err(|error| {
        Failure::new("failed to read --args as a JSON object")
            .because(&error)
            .hint(r#"for example: --args '{"city": "Berlin"}'"#)
    })
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text
        .parse()
        .map_err(|_| "not a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() && duration.as_secs() <= 3_600 => Ok(duration),
        _ => Err("between 0 and 3600 seconds".to_owned()),
    }
}
