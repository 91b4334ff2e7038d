//! What the walk needs to know, checked.

use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

use super::ProbeArgs;
use crate::{
    error::{Failure, Outcome},
    probe::{document::Document, http::is_loopback, profile::Profile, secret::Secret},
};

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
    /// What stdout carries instead of the lines for people, which then go to stderr.
    pub document: Option<Document>,
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
            document: self.document.chosen(),
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
