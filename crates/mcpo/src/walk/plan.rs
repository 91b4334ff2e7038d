//! What a walk needs to know.

use std::{net::IpAddr, time::Duration};

use reqwest::header::{HeaderName, HeaderValue};
use rustls::pki_types::CertificateDer;
use serde_json::{Map, Value};
use url::Url;

use super::{
    credentials::Credentials,
    oauth::ClientKey,
    profile::{ClientName, Profile},
    secret::Secret,
};
use crate::error::{Failure, Outcome};

/// How the client is known to the authorization server, as far as the user decided it.
#[derive(Debug)]
pub enum Identity {
    /// Registered by hand.
    Preregistered {
        id: String,
        secret: Option<Secret>,
        /// For `private_key_jwt`, instead of a secret.
        key: Option<ClientKey>,
    },
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
        /// For sign-in forms that ask for a name besides the password.
        user: Option<String>,
        password: Option<Secret>,
        redirect_uri: Url,
    },
    /// The user, in their own browser.
    Browser,
}

/// What the user adds to how requests are made.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// Sent with every request to the target's own origin, and to no other.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Cookies that the person's browser has already, and for which origin.
    pub cookies: Vec<(Url, String)>,
    /// Certificate authorities to trust besides the usual ones.
    pub roots: Vec<CertificateDer<'static>>,
    /// Names and where they are, instead of what DNS says.
    pub resolve: Vec<(String, IpAddr)>,
}

/// Everything the walk needs to know, checked. [`Plan::new`] gives the default walk; what is to be
/// different is set afterwards.
#[derive(Debug)]
pub struct Plan {
    /// The address of the MCP endpoint.
    pub target: Url,
    pub identity: Identity,
    pub person: Person,
    /// The tool to call, instead of one that can be called without asking.
    pub tool: Option<String>,
    pub arguments: Option<Map<String, Value>>,
    /// How long the server may take for one answer.
    pub timeout: Duration,
    /// How long it may take for new tokens.
    pub refresh_timeout: Duration,
    pub profile: Profile,
    pub security: bool,
    pub concurrent_refresh: bool,
    pub restart: Option<Restart>,
    /// How long the server is to be left alone before its first answer is timed.
    pub cold: Option<Duration>,
    /// How the server is reached, and what is added to requests.
    pub connection: Connection,
    /// Whether headers and bodies are wanted in the report.
    pub detailed: bool,
    /// What earlier walks left. Those of the issuer that is found are checked for being good still,
    /// and used instead of signing in again.
    pub kept: Vec<Credentials>,
}

impl Plan {
    /// The default walk to `target`, as `client` makes it.
    pub fn new(target: Url, client: ClientName) -> Outcome<Self> {
        let profile = client.profile()?;
        let redirect_uri = profile.redirect_uris().next();
        let redirect_uri = redirect_uri.ok_or_else(|| Failure::new("no redirect URI"))?;
        Ok(Self {
            target,
            identity: Identity::AsClient,
            person: Person::Forms {
                user: None,
                password: None,
                redirect_uri,
            },
            tool: None,
            arguments: None,
            timeout: profile.patience(),
            refresh_timeout: profile.refresh_patience(),
            profile,
            security: false,
            concurrent_refresh: false,
            restart: None,
            cold: None,
            connection: Connection::default(),
            detailed: false,
            kept: Vec::new(),
        })
    }

    /// Fills these into the server's sign-in form.
    pub fn sign_in_with(&mut self, user: Option<String>, password: Secret) {
        if let Person::Forms {
            user: name,
            password: held,
            ..
        } = &mut self.person
        {
            *name = user;
            *held = Some(password);
        }
    }
}
