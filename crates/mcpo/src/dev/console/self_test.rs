//! The requests that mcpo itself makes: how they reach the server, and how the server recognizes
//! them.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use mcpo_common::{
    error::{Failure, Outcome},
    secret::Secret,
};
use mcpo_probe::{Client, Plan};
use reqwest::header::{HeaderName, HeaderValue};
use rustls::pki_types::CertificateDer;
use url::Url;

use crate::dev::{environment::ServerEnvironment, expose::Entrypoint};

/// The variable through which a server gets the key.
const KEY_VARIABLE: &str = "MCPO_DEV_SELF_TEST";
/// The header with the key. The server reports these requests separately, and holds their log lines
/// back.
const KEY_HEADER: HeaderName = HeaderName::from_static("x-mcpo-self-test");

/// A key that only mcpo and its servers know, so that no other client can hide its requests.
#[derive(Clone, Debug)]
pub struct SelfTestKey(Secret);

impl SelfTestKey {
    /// Generates a key.
    pub fn generate() -> Outcome<Self> {
        let mut key = [0; 16];
        getrandom::fill(&mut key)
            .map_err(|error| Failure::new("failed to get random bytes").because(&error))?;
        Ok(Self(Secret::new(BASE64_URL_SAFE_NO_PAD.encode(key))))
    }

    /// Returns the variable for the server.
    pub fn variable(&self) -> (String, String) {
        (KEY_VARIABLE.to_owned(), self.0.expose().to_owned())
    }
}

/// Makes the plans of probes and tool calls.
#[derive(Clone, Debug)]
pub struct SelfTest {
    environment: ServerEnvironment,
    /// The server's address on this machine.
    here: Url,
    /// Whether the public address leads to this machine while mcpo runs.
    is_tunnelled: bool,
    /// The certificate to trust for the address on this machine.
    root: Option<CertificateDer<'static>>,
    key: SelfTestKey,
}

impl SelfTest {
    pub fn new(
        environment: ServerEnvironment,
        entrypoint: &Entrypoint,
        key: SelfTestKey,
    ) -> Outcome<Self> {
        let here = Url::parse(&entrypoint.local).map_err(|error| {
            Failure::new("failed to parse the address of the server").because(&error)
        })?;
        Ok(Self {
            environment,
            here,
            is_tunnelled: entrypoint.tunnel.is_some(),
            root: entrypoint.certificate.as_ref().map(|(der, _)| der.clone()),
            key,
        })
    }

    /// Returns the plan for a request, and the URL of the server. Reads the environment again each
    /// time, as the server does.
    pub fn plan(&self) -> Outcome<(Plan, Url)> {
        let environment = self.environment.load()?;
        let base = environment.get("BASE_URL");
        let public = base.and_then(|base| {
            let base = base.trim_end_matches('/');
            Url::parse(&format!("{base}/mcp")).ok()
        });
        // A public address may belong to another owner by now, as the addresses of tunnels do. So
        // the password and the key are sent only to this machine, or through a tunnel that mcpo
        // opened.
        let is_here = self.is_tunnelled
            || public
                .as_ref()
                .is_none_or(|public| public.origin() == self.here.origin());
        let target = public.unwrap_or_else(|| self.here.clone());
        let mut plan = Plan::new(target.clone(), Client::default())?;
        plan.connection.roots.extend(self.root.clone());
        if is_here {
            if let Ok(key) = HeaderValue::from_str(self.key.0.expose()) {
                plan.connection.headers.push((KEY_HEADER, key));
            }
            if let Some(password) = environment.get("ADMIN_PASSWORD") {
                plan.sign_in_with(None, Secret::new(password));
            }
        }
        Ok((plan, target))
    }
}

#[cfg(test)]
impl SelfTest {
    /// Returns the tests of a server at an unused address with the environment of this folder.
    pub fn of_folder(folder: &std::path::Path) -> Self {
        Self {
            environment: ServerEnvironment {
                folder: folder.to_owned(),
                decided: Vec::new(),
            },
            here: Url::parse("http://127.0.0.1:9/mcp").unwrap(),
            is_tunnelled: false,
            root: None,
            key: SelfTestKey::generate().unwrap(),
        }
    }
}
