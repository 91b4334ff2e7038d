//! One complete authorization: from a challenge to tokens.

use std::collections::HashMap;

use mcpo_common::secret::Secret;
use url::Url;

use super::{
    callback::Code,
    challenge::Challenge,
    grant::{Grant, Reached},
    registration,
    request::AuthorizationRequest,
    resource::{self, Resource},
    server::{self, AuthorizationServer},
    token::{self, Refusal, Tokens},
    user_agent::UserAgent,
};
use crate::{
    check::{Fault, Log, Step},
    credentials::{AuthMethod, Credentials, RegisteredClient, Scopes, now},
    http::HttpClient,
    plan::{Identity, Plan},
    rules,
};

/// The response to a refresh.
#[derive(Debug)]
pub struct Refreshed {
    /// The new tokens in a few words, for the report.
    pub summary: String,
    /// Why other clients cannot read the response.
    pub warning: Option<Fault>,
}

/// Authorizes as often as the probe needs it, and remembers the registered clients.
pub struct Login<'p> {
    http: &'p HttpClient,
    plan: &'p Plan,
    target: &'p Url,
    user_agent: UserAgent<'p>,
    /// Keyed by issuer: credentials from one server are never sent to another.
    clients: HashMap<String, RegisteredClient>,
    /// Whether the kept credentials were tried; they are tried only once.
    resumed: bool,
}

impl<'p> Login<'p> {
    pub fn new(
        http: &'p HttpClient,
        plan: &'p Plan,
        target: &'p Url,
        user_agent: UserAgent<'p>,
    ) -> Self {
        Self {
            http,
            plan,
            target,
            user_agent,
            clients: HashMap::new(),
            resumed: false,
        }
    }

    /// Finds the resource and the authorization server of a challenge.
    pub async fn reach(&self, log: &mut Log<'_>, challenge: &Challenge) -> Step<Reached> {
        let target = self.target;
        let resource =
            resource::discover(self.http, log, target, challenge, &self.plan.profile).await?;
        let server =
            server::discover(self.http, log, target, &resource, &self.plan.profile).await?;
        Ok(Reached { resource, server })
    }

    /// Returns the credentials that an earlier probe left for this resource and issuer, on the
    /// first call.
    pub fn take_kept(&mut self, reached: &Reached) -> Option<Credentials> {
        let named = match &self.plan.identity {
            Identity::Preregistered { id, .. } => Some(id.as_str()),
            Identity::Document(url) => Some(url.as_str()),
            Identity::AsClient => None,
        };
        let redirect_uri = self.user_agent.redirect_uri();
        let kept = self.plan.kept.iter().find(|kept| {
            kept.issuer == reached.server.issuer
                && kept.resource == reached.resource.identifier
                && kept.profile == self.plan.profile.name
                && kept.client.suits(redirect_uri, named)
        });
        let kept = kept.filter(|_| !std::mem::replace(&mut self.resumed, true))?;
        let mut client = kept.client.clone();
        client.redirect_uri = redirect_uri.clone();
        self.clients.insert(kept.issuer.clone(), client);
        Some(kept.clone())
    }

    /// Forgets the client that the issuer no longer knows.
    pub fn forget(&mut self, issuer: &str) {
        self.clients.remove(issuer);
    }

    /// Gets tokens from the authorization server. `held` are the current scopes, which must not be
    /// lost.
    pub async fn sign_in(
        &mut self,
        log: &mut Log<'_>,
        challenge: &Challenge,
        reached: Reached,
        held: &Scopes,
    ) -> Step<Grant> {
        let Reached { resource, server } = reached;
        let mut client = self.client(log, &server).await?;
        let scopes = held.union(&wanted_scopes(challenge, &resource, &server));
        let (code, verifier) = self.code(log, &server, &client, &resource, &scopes).await?;
        let pending = rules::TOKEN.begin();
        let mut parameters = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", client.redirect_uri.as_str()),
            ("code_verifier", verifier.expose()),
        ];
        parameters.extend(resource.parameter());
        let profile = &self.plan.profile;
        let first = token::request(self.http, &server, &client, profile, parameters.clone()).await;
        let tokens = match first {
            Ok(tokens) => {
                pending.pass_or_warn(log, &tokens.summary, tokens.warning.clone());
                tokens
            }
            Err((refusal, fault)) => {
                let strict = client.method == AuthMethod::Basic && !client.repeats_id;
                client.repeats_id = true;
                let again = if strict && refusal == Refusal::UnknownClient {
                    token::request(self.http, &server, &client, profile, parameters).await
                } else {
                    return Err(pending.fail(log, fault));
                };
                let Ok(tokens) = again else {
                    return Err(pending.fail(log, fault));
                };
                pending.warn(log, wants_id_twice(&fault));
                self.clients.insert(server.issuer.clone(), client.clone());
                tokens
            }
        };
        check_caching(log, &tokens);
        Ok(Grant {
            access: tokens.access,
            scopes: tokens.scopes.unwrap_or(scopes),
            refresh: tokens.refresh,
            expires_at: tokens
                .expires_in
                .map(|seconds| now().saturating_add(seconds)),
            server,
            client,
            resource,
        })
    }

    /// Exchanges the refresh token for new tokens; `None` if no refresh token was issued.
    pub async fn refresh(&self, grant: &mut Grant) -> Result<Option<Refreshed>, (Refusal, Fault)> {
        let Some(refresh) = &grant.refresh else {
            return Ok(None);
        };
        let mut parameters = vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose()),
        ];
        parameters.extend(grant.resource.parameter());
        // Clients wait longer for a refresh than for other requests.
        let http = self.http.with_timeout(self.plan.refresh_timeout);
        let profile = &self.plan.profile;
        let tokens =
            token::request(&http, &grant.server, &grant.client, profile, parameters).await?;
        grant.access = tokens.access;
        grant.expires_at = tokens
            .expires_in
            .map(|seconds| now().saturating_add(seconds));
        // A server that does not rotate sends no refresh token: the old one stays valid.
        grant.refresh = tokens.refresh.or_else(|| grant.refresh.take());
        Ok(Some(Refreshed {
            summary: tokens.summary,
            warning: tokens.warning,
        }))
    }

    async fn client(
        &mut self,
        log: &mut Log<'_>,
        server: &AuthorizationServer,
    ) -> Step<RegisteredClient> {
        if let Some(client) = self.clients.get(&server.issuer) {
            let seen = format!("known to this issuer as {}", client.shown_id());
            rules::REGISTRATION.begin().pass(log, seen);
            return Ok(client.clone());
        }
        // A client registered by hand belongs to the first issuer it was used with.
        let identity = match &self.plan.identity {
            Identity::Preregistered { .. } if !self.clients.is_empty() => &Identity::AsClient,
            identity => identity,
        };
        let redirect_uri = self.user_agent.redirect_uri();
        let client =
            registration::register(self.http, log, server, self.plan, identity, redirect_uri)
                .await?;
        self.clients.insert(server.issuer.clone(), client.clone());
        Ok(client)
    }

    async fn code(
        &self,
        log: &mut Log<'_>,
        server: &AuthorizationServer,
        client: &RegisteredClient,
        resource: &Resource,
        scopes: &Scopes,
    ) -> Step<(Code, Secret)> {
        let pending = rules::AUTHORIZATION.begin();
        let request = match AuthorizationRequest::new(
            server,
            client,
            resource.identifier.as_deref(),
            scopes,
            &self.plan.profile,
        ) {
            Ok(request) => request,
            Err(error) => {
                let because = format!("failed to get random numbers: {error}");
                return Err(pending.could_not_run(log, because, ""));
            }
        };
        let callback = self
            .user_agent
            .visit(self.http, log, pending, &request.url)
            .await?;
        let code = callback.verify(log, &request, server)?;
        Ok((code, request.verifier))
    }
}

/// Returns the scopes of the challenge, or else of the resource, or none. Adds `offline_access`
/// where it is offered, to get a refresh token.
fn wanted_scopes(
    challenge: &Challenge,
    resource: &Resource,
    server: &AuthorizationServer,
) -> Scopes {
    let named = if challenge.scopes.is_empty() {
        &resource.scopes
    } else {
        &challenge.scopes
    };
    if server.offers_offline_access {
        named.union(&Scopes::parse("offline_access"))
    } else {
        named.clone()
    }
}

/// Describes the fault of servers that look for the client id only in the form, even if the header
/// contains it.
fn wants_id_twice(fault: &Fault) -> Fault {
    let seen = format!("{}; but tokens if client_id is in the body too", fault.seen);
    let expected = "tokens for HTTP Basic alone (RFC 6749 §2.3.1)";
    let hint =
        "read the client's id from the Authorization header; strict clients send it nowhere else";
    Fault::new(seen, expected, hint)
}

fn check_caching(log: &mut Log<'_>, tokens: &Tokens) {
    let pending = rules::TOKEN_CACHING.begin();
    let value = tokens.cache_control.as_deref().unwrap_or_default();
    if value.to_lowercase().contains("no-store") {
        pending.pass(log, format!("Cache-Control: {value}"));
        return;
    }
    let seen = match value {
        "" => "no Cache-Control".to_owned(),
        value => format!("Cache-Control: {value}"),
    };
    let hint = "add the header to every answer of the token endpoint";
    pending.warn(log, Fault::new(seen, "Cache-Control: no-store", hint));
}
