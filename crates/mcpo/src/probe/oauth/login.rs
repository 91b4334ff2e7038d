//! One whole authorization: from a challenge to tokens.

use std::collections::HashMap;

use url::Url;

use super::{
    callback::{Code, UnverifiedCallback},
    challenge::Challenge,
    listener::Listener,
    pages::{self, Lost},
    registration::{self, Client},
    request::AuthorizationRequest,
    resource::{self, Resource},
    scopes::Scopes,
    server::{self, AuthorizationServer},
    token::{self, Tokens},
};
use crate::probe::{
    args::{Identity, Person, Plan},
    check::{Fault, Log, Pending, Step},
    http::Exchange,
    rules,
    secret::Secret,
};

/// What a successful authorization leaves in the client's hands.
#[derive(Debug)]
pub struct Grant {
    pub access: Secret,
    pub refresh: Option<Secret>,
    /// What was asked for, or granted if the server said so.
    pub scopes: Scopes,
    server: AuthorizationServer,
    client: Client,
    resource: String,
}

/// Authorizes, as often as the walk needs it, and remembers the clients it registered.
pub struct Login<'p> {
    exchange: &'p Exchange,
    plan: &'p Plan,
    listener: Option<Listener>,
    /// Keyed by issuer: what one server handed out is never shown to another.
    clients: HashMap<String, Client>,
}

impl<'p> Login<'p> {
    pub const fn new(
        exchange: &'p Exchange,
        plan: &'p Plan,
        listener: Option<Listener>,
        clients: HashMap<String, Client>,
    ) -> Self {
        Self {
            exchange,
            plan,
            listener,
            clients,
        }
    }

    /// From a challenge to tokens; `held` are the scopes that must not be lost on the way.
    pub async fn authorize(
        &mut self,
        log: &mut Log<'_>,
        challenge: &Challenge,
        held: &Scopes,
    ) -> Step<Grant> {
        let resource = resource::discover(self.exchange, log, &self.plan.target, challenge).await?;
        let server = server::discover(self.exchange, log, &resource.issuer).await?;
        let client = self.client(log, &server).await?;
        let scopes = held.union(&wanted_scopes(challenge, &resource, &server));
        let (code, verifier) = self.code(log, &server, &client, &resource, &scopes).await?;
        let pending = log.begin(&rules::TOKEN);
        let parameters = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", client.redirect_uri.as_str()),
            ("code_verifier", verifier.expose()),
            ("resource", resource.identifier.as_str()),
        ];
        let tokens = match token::request(self.exchange, &server, &client, parameters).await {
            Ok(tokens) => tokens,
            Err(fault) => return Err(pending.fail(log, fault)),
        };
        pending.pass(log, &tokens.summary);
        check_caching(log, &tokens);
        Ok(Grant {
            access: tokens.access,
            refresh: tokens.refresh,
            scopes: tokens.scopes.unwrap_or(scopes),
            server,
            client,
            resource: resource.identifier,
        })
    }

    /// Trades the refresh token for new tokens.
    pub async fn refresh(&self, grant: &mut Grant) -> Result<Option<String>, Fault> {
        let Some(refresh) = &grant.refresh else {
            return Ok(None);
        };
        let parameters = vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose()),
            ("resource", grant.resource.as_str()),
        ];
        let tokens =
            token::request(self.exchange, &grant.server, &grant.client, parameters).await?;
        grant.access = tokens.access;
        // A server that does not rotate sends none: the old one stays good.
        grant.refresh = tokens.refresh.or_else(|| grant.refresh.take());
        Ok(Some(tokens.summary))
    }

    async fn client(&mut self, log: &mut Log<'_>, server: &AuthorizationServer) -> Step<Client> {
        if let Some(client) = self.clients.get(&server.issuer) {
            log.begin(&rules::REGISTRATION)
                .pass(log, format!("known to this issuer as {}", client.id));
            return Ok(client.clone());
        }
        let redirect_uri = match (&self.listener, &self.plan.person) {
            (Some(listener), _) => &listener.redirect_uri,
            (None, Person::Forms { redirect_uri, .. }) => redirect_uri,
            (None, Person::Browser) => {
                let pending = log.begin(&rules::REGISTRATION);
                return Err(pending.could_not_run(
                    log,
                    "no port is free for the browser's answer",
                    "",
                ));
            }
        };
        // A client registered by hand belongs to the first issuer it was used with.
        let identity = match &self.plan.identity {
            Identity::Preregistered { .. } if !self.clients.is_empty() => &Identity::Register,
            identity => identity,
        };
        let client =
            registration::register(self.exchange, log, server, identity, redirect_uri).await?;
        self.clients.insert(server.issuer.clone(), client.clone());
        Ok(client)
    }

    async fn code(
        &self,
        log: &mut Log<'_>,
        server: &AuthorizationServer,
        client: &Client,
        resource: &Resource,
        scopes: &Scopes,
    ) -> Step<(Code, Secret)> {
        let pending = log.begin(&rules::AUTHORIZATION);
        let request = match AuthorizationRequest::new(server, client, &resource.identifier, scopes)
        {
            Ok(request) => request,
            Err(error) => {
                return Err(pending.could_not_run(log, format!("no random numbers: {error}"), ""));
            }
        };
        let callback = match (&self.listener, &self.plan.person) {
            (Some(listener), _) => {
                self.by_browser(log, pending, listener, &request.url)
                    .await?
            }
            (None, Person::Forms { password, .. }) => {
                self.by_forms(
                    log,
                    pending,
                    &request.url,
                    password.as_ref(),
                    &client.redirect_uri,
                )
                .await?
            }
            (None, Person::Browser) => {
                return Err(pending.could_not_run(log, "no listener for the browser's answer", ""));
            }
        };
        let code = callback.verify(log, &request, server)?;
        Ok((code, request.verifier))
    }

    async fn by_forms(
        &self,
        log: &mut Log<'_>,
        pending: Pending,
        start: &Url,
        password: Option<&Secret>,
        redirect_uri: &Url,
    ) -> Step<UnverifiedCallback> {
        match pages::walk(self.exchange, start, password, redirect_uri).await {
            Ok(arrival) => {
                let pages = match arrival.pages {
                    0 => "redirected at once".to_owned(),
                    1 => "through 1 page".to_owned(),
                    pages => format!("through {pages} pages"),
                };
                pending.pass(log, pages);
                Ok(arrival.callback)
            }
            Err(lost) => Err(self.lost(log, pending, lost)),
        }
    }

    fn lost(&self, log: &mut Log<'_>, pending: Pending, lost: Lost) -> crate::probe::check::Stop {
        let expected = "a redirect, or a page with a form";
        let fault = match lost {
            Lost::PasswordNeeded => {
                log.suggest(format!(
                    "MCPO_PROBE_PASSWORD=… mcpo probe {}",
                    self.plan.target
                ));
                return pending.could_not_run(
                    log,
                    "the sign-in page asks for a password, and none was given",
                    "put it into MCPO_PROBE_PASSWORD, or sign in yourself with --browser",
                );
            }
            Lost::PasswordRefused => {
                log.suggest(format!(
                    "MCPO_PROBE_PASSWORD=… mcpo probe {}",
                    self.plan.target
                ));
                return pending.could_not_run(
                    log,
                    "the sign-in page did not take the password",
                    "check MCPO_PROBE_PASSWORD",
                );
            }
            Lost::DeadEnd(seen) => {
                log.suggest(format!("mcpo probe --browser {}", self.plan.target));
                return pending.could_not_run(log, seen, "sign in yourself with --browser");
            }
            Lost::Trouble(url, trouble) => {
                Fault::new(format!("{url}: {trouble}"), expected, trouble.hint())
            }
            Lost::Refused(seen) => Fault::new(
                seen,
                expected,
                "answer an authorization request with a page or a redirect",
            ),
            Lost::TooManyHops => Fault::new(
                "pages and redirects without end",
                expected,
                "lead back to the redirect URI",
            ),
        };
        pending.fail(log, fault)
    }

    async fn by_browser(
        &self,
        log: &mut Log<'_>,
        pending: Pending,
        listener: &Listener,
        start: &Url,
    ) -> Step<UnverifiedCallback> {
        match listener.visit(start).await {
            Ok(Some(callback)) => {
                pending.pass(log, "the browser came back");
                Ok(callback)
            }
            Ok(None) => Err(pending.could_not_run(
                log,
                "the browser did not come back within 5 minutes",
                "",
            )),
            Err(error) => {
                let hint = "without a browser here, leave out --browser";
                Err(pending.could_not_run(
                    log,
                    format!("no browser could be opened: {error}"),
                    hint,
                ))
            }
        }
    }
}

/// The challenge's scopes, else the resource's, else none; and a refresh token where one is offered.
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

fn check_caching(log: &mut Log<'_>, tokens: &Tokens) {
    let pending = log.begin(&rules::TOKEN_CACHING);
    let value = tokens.cache_control.as_deref().unwrap_or_default();
    if value.to_lowercase().contains("no-store") {
        pending.pass(log, format!("Cache-Control: {value}"));
    } else {
        let seen = if value.is_empty() {
            "no Cache-Control".to_owned()
        } else {
            format!("Cache-Control: {value}")
        };
        let hint = "add the header to every answer of the token endpoint";
        pending.warn(log, Fault::new(seen, "Cache-Control: no-store", hint));
    }
}
