//! The validated arguments.

use std::path::Path;

use mcpo_common::{
    error::{Failure, Outcome},
    secret::Secret,
};
use mcpo_probe::{
    Client, ClientKey, Document, Identity, Person, Plan, Restart, ServerCommand, Target,
    parse_target,
};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use serde_json::{Map, Value};

use super::{ProbeArgs, lock::LockAction};
use crate::probe::{submission::NewSubmission, watch::Watch};

/// A probe, and what to do with its report.
#[derive(Debug)]
pub struct Options {
    pub plan: Plan,
    /// The document on stdout; the readable report then goes to stderr.
    pub document: Option<Document>,
    /// Whether credentials are kept and reused.
    pub reuse: bool,
    /// Whether requests and responses are shown.
    pub traced: bool,
    /// Whether checks that passed are shown too.
    pub verbose: bool,
    pub watch: Option<Watch>,
    /// The new file or folder for the draft of the submission.
    pub submission: Option<NewSubmission>,
    /// What to do with the contract of the server.
    pub lock: LockAction,
}

impl ProbeArgs {
    pub fn into_options(self) -> Outcome<Options> {
        let target = match &self.url {
            Some(url) => Target::Url(parse_target(url)?),
            None => Target::Command(ServerCommand::new(self.command)?),
        };
        if self.security && !self.yes && !target.is_here() {
            let hint = "add --yes if you own the server; never attack the server of someone else";
            let what = format!(
                "failed to start: --security attacks {target}, which is not on this machine"
            );
            return Err(Failure::new(what).hint(hint));
        }
        let client = self.client.unwrap_or(match &target {
            Target::Url(_) => Client::default(),
            // claude.ai runs on its vendor's servers.
            Target::Command(_) => Client::ClaudeCode,
        });
        let mut plan = Plan::new(target, client)?;
        let secret = self
            .client_secret
            .or_else(|| secret_in("MCPO_PROBE_CLIENT_SECRET"));
        plan.identity = match (self.client_id, self.client_metadata_url) {
            (Some(id), _) => Identity::Preregistered {
                id,
                secret,
                key: self.client_key.as_deref().map(key).transpose()?,
            },
            (None, Some(url)) => Identity::Document(url),
            (None, None) => Identity::AsClient,
        };
        if self.browser {
            plan.person = Person::Browser;
        } else if let Person::Forms { redirect_uri, .. } = &mut plan.person
            && let Some(own) = self.redirect_uri
        {
            *redirect_uri = own;
        }
        let password = self.password.or_else(|| secret_in("MCPO_PROBE_PASSWORD"));
        if let Some(password) = password {
            plan.sign_in_with(self.user, password);
        }
        if let Some(timeout) = self.timeout {
            plan.timeout = timeout;
            plan.refresh_timeout = timeout;
        }
        plan.tool = self.tool;
        plan.arguments = self.args.as_deref().map(arguments).transpose()?;
        plan.stores = self.stores;
        let (locked, lock) = self.lock.read()?;
        plan.records_contract = matches!(lock, LockAction::Write(_));
        plan.locked = locked;
        let submission = self.submission.map(NewSubmission::new).transpose()?;
        plan.security = self.security;
        plan.only_valid_tokens = self.only_valid_tokens;
        plan.concurrent_refresh = self.concurrent_refresh;
        plan.restart = match (self.restart, self.wait_redeploy) {
            (Some(command), _) => Some(Restart::Command(command)),
            (None, true) => Some(Restart::ByHand),
            (None, false) => None,
        };
        if let Some(url) = plan.target.url() {
            plan.connection = self.connection.checked(url)?;
        }
        let document = self.document.chosen();
        plan.detailed = self.trace || document == Some(Document::Html);
        plan.cold = self.cold;
        Ok(Options {
            plan,
            document,
            reuse: self.reuse,
            traced: self.trace,
            verbose: self.verbose,
            submission,
            lock,
            watch: self.watch.map(|pause| Watch {
                pause,
                rounds: self.rounds,
                alert: self.alert,
            }),
        })
    }
}

fn key(path: &Path) -> Outcome<ClientKey> {
    let failed = || Failure::new(format!("failed to read --client-key {}", path.display()));
    let hint = "create one with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256";
    let der = PrivatePkcs8KeyDer::from_pem_file(path)
        .map_err(|error| failed().because(&error).hint(hint))?;
    // The error describes the problem, and quotes nothing of the key.
    ClientKey::from_pkcs8(der.secret_pkcs8_der())
        .map_err(|error| failed().because(&error).hint(hint))
}

fn secret_in(variable: &str) -> Option<Secret> {
    let value = std::env::var(variable).ok();
    value.filter(|value| !value.is_empty()).map(Secret::new)
}

fn arguments(text: &str) -> Outcome<Map<String, Value>> {
    serde_json::from_str(text).map_err(|error| {
        Failure::new("failed to read --args as a JSON object")
            .because(&error)
            .hint(r#"for example: --args '{"city": "Berlin"}'"#)
    })
}
