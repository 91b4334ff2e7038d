//! The configuration of a probe.

use std::time::Duration;

use mcpo_common::{
    error::{Failure, Outcome},
    secret::Secret,
};
use serde_json::{Map, Value};
use url::Url;

use crate::{
    contract::Locked,
    credentials::{ClientKey, Credentials},
    http::Connection,
    profile::{Client, Profile},
    redact::Secrets,
    store::Store,
    target::Target,
};

/// How the client identifies itself to the authorization server, as far as the user chose.
#[derive(Debug)]
pub enum Identity {
    /// A client that was registered by hand.
    Preregistered {
        /// The client id.
        id: String,
        /// The client secret, if the client has one.
        secret: Option<Secret>,
        /// For `private_key_jwt`, instead of a secret.
        key: Option<ClientKey>,
    },
    /// By the document at this URL if the server supports documents, otherwise by registration.
    Document(Url),
    /// As the client does: by its document if the server supports documents, otherwise by
    /// registration.
    AsClient,
}

/// How the server is restarted.
#[derive(Debug)]
pub enum Restart {
    /// With this shell command.
    Command(String),
    /// By the user, who presses enter afterwards.
    ByHand,
}

/// Who completes the sign-in and consent pages.
#[derive(Debug)]
pub enum Person {
    /// The probe fills in the forms itself.
    Forms {
        /// For sign-in forms that ask for a user name and a password.
        user: Option<String>,
        /// For sign-in forms. Without it, the probe stops at such a form.
        password: Option<Secret>,
        /// Where the server sends the code.
        redirect_uri: Url,
    },
    /// The user, in their own browser.
    Browser,
}

/// The validated configuration of a probe. [`Plan::new`] returns the default probe; the caller
/// changes fields afterwards.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent option of the command"
)]
#[non_exhaustive]
pub struct Plan {
    /// The server.
    pub target: Target,
    /// How the client identifies itself.
    pub identity: Identity,
    /// Who completes the pages.
    pub person: Person,
    /// The tool to call, instead of one that is safe to call automatically.
    pub tool: Option<String>,
    /// The arguments of `tool`.
    pub arguments: Option<Map<String, Value>>,
    /// Time limit for one response.
    pub timeout: Duration,
    /// Time limit for the response to a refresh.
    pub refresh_timeout: Duration,
    /// The imitated client.
    pub(crate) profile: Profile,
    /// Whether the server is also attacked, to find security holes.
    pub security: bool,
    /// Whether the checks that send invalid tokens are skipped.
    pub only_valid_tokens: bool,
    /// Whether two refreshes are sent at the same time.
    pub concurrent_refresh: bool,
    /// The stores whose published rules are checked.
    pub stores: Vec<Store>,
    /// How the server is restarted, to check that clients stay connected.
    pub restart: Option<Restart>,
    /// How long to send nothing before the first response is timed.
    pub cold: Option<Duration>,
    /// How the server is reached, and what is added to requests.
    pub connection: Connection,
    /// Whether the report includes headers and bodies.
    pub detailed: bool,
    /// Whether the report has the contract of the server, for a lock file.
    pub records_contract: bool,
    /// The contract that the server must keep.
    pub locked: Option<Locked>,
    /// Credentials of earlier probes. The probe tests those of the issuer it finds and uses them
    /// instead of signing in again.
    pub kept: Vec<Credentials>,
}

impl Plan {
    /// Returns the default probe to `target` as `client`.
    pub fn new(target: impl Into<Target>, client: Client) -> Outcome<Self> {
        let profile = client.profile()?;
        let redirect_uri = profile.redirect_uris().next();
        let redirect_uri = redirect_uri.ok_or_else(|| Failure::new("no redirect URI"))?;
        Ok(Self {
            target: target.into(),
            identity: Identity::AsClient,
            person: Person::Forms {
                user: None,
                password: None,
                redirect_uri,
            },
            tool: None,
            arguments: None,
            timeout: profile.response_timeout(),
            refresh_timeout: profile.refresh_timeout(),
            profile,
            security: false,
            only_valid_tokens: false,
            concurrent_refresh: false,
            stores: Vec::new(),
            restart: None,
            cold: None,
            connection: Connection::default(),
            detailed: false,
            records_contract: false,
            locked: None,
            kept: Vec::new(),
        })
    }

    /// Remembers the secrets of the plan, which the server may repeat.
    pub(crate) fn remember_secrets(&self, secrets: &Secrets) {
        if let Target::Url(url) = &self.target {
            secrets.url(url);
        }
        if let Person::Forms {
            password: Some(password),
            ..
        } = &self.person
        {
            secrets.cut("password", password.expose());
        }
        if let Identity::Preregistered {
            secret: Some(secret),
            ..
        } = &self.identity
        {
            secrets.cut("client_secret", secret.expose());
        }
        for (name, value) in &self.connection.headers {
            secrets.request_header(name, value);
        }
    }

    /// Sets the user name and password for the server's sign-in form.
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
