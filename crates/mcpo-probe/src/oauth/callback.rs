//! The redirect back to the client, and whether it can be trusted.

use mcpo_common::secret::Secret;
use url::Url;

use super::{refusal, request::AuthorizationRequest, server::AuthorizationServer};
use crate::{
    check::{Fault, Log, Step},
    rules,
};

/// The query of the redirect, before it is verified.
#[derive(Debug)]
pub struct UnverifiedCallback {
    state: Option<Secret>,
    iss: Option<String>,
    code: Option<Secret>,
    error: Option<String>,
    description: Option<String>,
}

/// A code from the expected issuer, for the request that was made.
#[derive(Debug)]
pub struct Code(Secret);

impl Code {
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl UnverifiedCallback {
    /// Reads `location` if it is the redirect URI with a response in its query.
    pub fn at(location: &Url, redirect_uri: &Url) -> Option<Self> {
        let mut bare = location.clone();
        bare.set_query(redirect_uri.query());
        bare.set_fragment(None);
        if bare != *redirect_uri {
            return None;
        }
        let get = |name: &str| {
            let mut pairs = location.query_pairs();
            pairs
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
        };
        Some(Self {
            state: get("state").map(Secret::new),
            iss: get("iss"),
            code: get("code").map(Secret::new),
            error: get("error"),
            description: get("error_description"),
        })
    }

    /// Verifies the state, then the issuer. Only then an error is shown or a code is used.
    pub fn verify(
        self,
        log: &mut Log<'_>,
        request: &AuthorizationRequest,
        server: &AuthorizationServer,
    ) -> Step<Code> {
        self.verify_state(log, request)?;
        self.verify_issuer(log, server)?;
        let pending = rules::AUTHORIZATION.begin();
        let expected = "a code";
        if let Some(error) = self.error {
            let words = format!("{error} {}", self.description.unwrap_or_default());
            log.note_refusal(&words);
            let seen = format!("error={words}");
            let hint = refusal::fix(&words, &request.url);
            let hint = hint.as_deref().unwrap_or("see the server's log");
            return Err(pending.fail(log, Fault::new(seen, expected, hint)));
        }
        let Some(code) = self.code else {
            let hint = "send code, state and iss to the redirect URI";
            return Err(pending.fail(
                log,
                Fault::new("neither code nor error in the redirect", expected, hint),
            ));
        };
        Ok(Code(code))
    }

    fn verify_state(&self, log: &mut Log<'_>, request: &AuthorizationRequest) -> Step<()> {
        let pending = rules::STATE.begin();
        let seen = match &self.state {
            Some(state) if *state == request.state => {
                pending.pass(log, "the one that was sent");
                return Ok(());
            }
            Some(_) => "a different state than was sent",
            None => "no state",
        };
        let hint = "send state back unchanged, for any length and any characters";
        Err(pending.fail(
            log,
            Fault::new(seen, "the state of the request, byte for byte", hint),
        ))
    }

    /// Applies the table of MCP's authorization specification: `iss` announced or not, present or
    /// not. The comparison is byte for byte.
    fn verify_issuer(&self, log: &mut Log<'_>, server: &AuthorizationServer) -> Step<()> {
        let pending = rules::CALLBACK_ISSUER.begin();
        let expected = format!("iss={}", server.issuer);
        match (server.announces_iss, self.iss.as_deref()) {
            (_, Some(iss)) if iss == server.issuer => pending.pass(log, iss),
            (_, Some(_)) => {
                // In an attack, the value comes from the attacker: it is not shown.
                let hint = "set iss to the issuer of the metadata, spelled identically";
                return Err(
                    pending.fail(log, Fault::new("a different issuer in iss", expected, hint))
                );
            }
            (true, None) => {
                let seen = "no iss, though the metadata announces it";
                let hint =
                    "send iss, or set authorization_response_iss_parameter_supported to false";
                return Err(pending.fail(log, Fault::new(seen, expected, hint)));
            }
            (false, None) => pending.pass(log, "neither announced nor sent"),
        }
        Ok(())
    }
}
