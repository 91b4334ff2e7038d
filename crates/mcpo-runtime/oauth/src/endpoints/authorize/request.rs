//! Verifies the authorization request (OAuth 2.1 §4.1.1). The order matters: nothing is redirected
//! to a URI before the URI is known to belong to the client.

use axum::response::Response;
use http::StatusCode;
use url::Url;

use crate::endpoints::responses::see_other;
use crate::{
    base::seal::MAX_SEALED_LEN,
    net::client_ip::ClientIp,
    oauth::{
        base_url::BaseUrl,
        client::{Client, ClientError},
        error::{ErrorCode, OAuthError},
        fingerprint::Fingerprint,
        params::Params,
        pkce::Challenge,
        redirect_uri::RedirectUri,
        scope::{OFFLINE_ACCESS, Scopes},
    },
    pages::{ErrorPage, HandoverPage, Link},
    state::App,
};

/// The longest query of an authorization request, in bytes. Forms carry the query sealed, which
/// makes it one third longer.
const MAX_QUERY_LEN: usize = 11 * 1024;
const _: () = assert!(MAX_QUERY_LEN / 3 * 4 + 256 < MAX_SEALED_LEN);

/// A verified request, which may be shown to the user.
#[derive(Debug)]
pub(crate) struct AuthorizationRequest {
    pub(crate) client: Client,
    pub(crate) back: ReturnPath,
    pub(crate) challenge: Challenge,
    pub(crate) scopes: Scopes,
    /// The canonical resource; `None` if the request named none.
    pub(crate) resource: Option<String>,
}

/// The verified way back to the client.
#[derive(Clone, Debug)]
pub(crate) struct ReturnPath {
    pub(crate) client_name: String,
    /// Whether the owner of this server has configured the client.
    is_configured: bool,
    pub(crate) redirect_uri: RedirectUri,
    pub(crate) state: Option<String>,
}

/// Why a request is refused, and where that is shown.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The client or its redirect URI is unknown, so the error is shown to the user and not sent to
    /// a client.
    Page(OAuthError),
    /// The error is sent to the client.
    Redirect(Box<ErrorRedirect>),
}

/// An error and the client to send it to.
#[derive(Debug)]
pub(crate) struct ErrorRedirect {
    back: ReturnPath,
    error: OAuthError,
}

impl AuthorizationRequest {
    /// Verifies the query of an authorization request from `sender`.
    pub(crate) async fn verify(
        app: &App,
        unverified_query: &str,
        sender: ClientIp,
    ) -> Result<Self, Refusal> {
        if unverified_query.len() > MAX_QUERY_LEN {
            return Err(Refusal::Page(OAuthError::invalid_request(format!(
                "The link is longer than {MAX_QUERY_LEN} characters."
            ))));
        }
        let params = Params::parse(unverified_query.as_bytes()).map_err(Refusal::Page)?;
        let verified = verify_client(app, &params, sender).await;
        let (client, redirect_uri) = verified.map_err(Refusal::Page)?;
        let back = ReturnPath {
            client_name: client.name.clone(),
            is_configured: client.is_configured,
            redirect_uri,
            state: params.get("state").map(str::to_owned),
        };
        match verify_rest(app, &params) {
            Ok((challenge, scopes, resource)) => Ok(Self {
                client,
                back,
                challenge,
                scopes,
                resource,
            }),
            Err(error) => {
                tracing::warn!(client = ?client.key, error = error.code.as_str(),
                    reason = %error.description, "authorization request refused");
                Err(Refusal::Redirect(Box::new(ErrorRedirect { back, error })))
            }
        }
    }

    pub(crate) fn redirect_fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.back.redirect_uri.as_str())
    }
}

async fn verify_client(
    app: &App,
    params: &Params,
    sender: ClientIp,
) -> Result<(Client, RedirectUri), OAuthError> {
    let id = params.require("client_id")?;
    let may_fetch = || app.limits.allows_document(sender.source());
    let client = app.clients.find(id, &app.keys, app.now(), &may_fetch).await;
    let client = client.map_err(|error| match error {
        ClientError::Document(error) => OAuthError::invalid_client(format!(
            "The program that sent you here describes itself in a document, but {error}."
        )),
        _ => {
            OAuthError::invalid_client("This server does not know the program that sent you here.")
        }
    })?;
    let redirect_uri = RedirectUri::verify(&client.redirect_uris, params.get("redirect_uri"));
    let redirect_uri = redirect_uri.ok_or_else(|| {
        OAuthError::invalid_request(
            "The address to send you back to is not one that the program has registered.",
        )
    })?;
    Ok((client, redirect_uri))
}

fn verify_rest(
    app: &App,
    params: &Params,
) -> Result<(Challenge, Scopes, Option<String>), OAuthError> {
    if params.require("response_type")? != "code" {
        return Err(OAuthError::new(
            ErrorCode::UnsupportedResponseType,
            "response_type must be code",
        ));
    }
    // A missing method means `plain` (RFC 7636 §4.3), which exposes the verifier.
    let challenge = params.require("code_challenge")?;
    if params.get("code_challenge_method") != Some("S256") {
        return Err(OAuthError::invalid_request(
            "code_challenge_method must be S256",
        ));
    }
    let challenge = Challenge::parse(challenge).ok_or_else(|| {
        OAuthError::invalid_request("code_challenge must be a SHA-256 digest in base64url")
    })?;
    let resource = verify_resource(app, params.get("resource"))?;
    let scopes = granted_scopes(app, params.get("scope"))?;
    Ok((challenge, scopes, resource))
}

/// Verifies the `resource` parameter. It may be missing, but must not name another resource (RFC
/// 8707 §2).
pub(crate) fn verify_resource(
    app: &App,
    unverified: Option<&str>,
) -> Result<Option<String>, OAuthError> {
    let Some(unverified) = unverified else {
        return Ok(None);
    };
    let resource = app.bases.resource(unverified).ok_or_else(|| {
        let ours = app.bases.primary().resource();
        OAuthError::new(
            ErrorCode::InvalidTarget,
            format!("the resource is not this server; use {ours}"),
        )
    })?;
    Ok(Some(resource))
}

/// Returns the requested scopes that this server supports, or the base scope if the request names
/// none (RFC 6749 §3.3).
fn granted_scopes(app: &App, unverified: Option<&str>) -> Result<Scopes, OAuthError> {
    let bad = |description: String| OAuthError::new(ErrorCode::InvalidScope, description);
    let Some(text) = unverified else {
        return Ok(app.scopes.base().clone());
    };
    let asked =
        Scopes::parse(text).map_err(|_| bad("scope is not a list of scope names".into()))?;
    let granted = asked.intersection(&app.scopes.supported());
    // `offline_access` and the scopes of OpenID do not request access to anything in particular.
    let in_particular = asked.iter().any(|name| !ASK_FOR_NOTHING.contains(&name));
    match (granted.is_empty(), in_particular) {
        (false, _) => Ok(granted),
        (true, false) => Ok(app.scopes.base().clone()),
        (true, true) => Err(bad(format!(
            "the scopes of this server are: {}",
            app.scopes.supported()
        ))),
    }
}

const ASK_FOR_NOTHING: [&str; 4] = [OFFLINE_ACCESS, "openid", "profile", "email"];

impl Refusal {
    pub(crate) fn redirect(request: &AuthorizationRequest, error: OAuthError) -> Self {
        Self::Redirect(Box::new(ErrorRedirect {
            back: request.back.clone(),
            error,
        }))
    }

    /// Returns the response to a request that may come from a link that anyone can create.
    ///
    /// A client that registered itself chose where the link leads, and the user has not agreed to
    /// that. So the browser stays on this server and the user decides (RFC 9700 §4.11.2).
    pub(crate) fn before_decision(self, app: &App, base: &BaseUrl) -> Response {
        match self {
            Self::Redirect(redirect) if !redirect.back.is_configured => redirect.page(app, base),
            other => other.after_decision(app, base),
        }
    }

    /// Returns the response to a form in which the user has decided about this client.
    pub(crate) fn after_decision(self, app: &App, base: &BaseUrl) -> Response {
        match self {
            Self::Page(error) => {
                tracing::warn!(error = error.code.as_str(), reason = %error.description,
                    "authorization request refused");
                let page = ErrorPage {
                    title: "This link does not work",
                    what: error.description.into_owned(),
                    remedy: "Go back to the program you came from, remove this server there and \
                             add it again.",
                    link: None,
                };
                app.pages.error(StatusCode::BAD_REQUEST, &page)
            }
            Self::Redirect(redirect) => {
                return_to_client(app, base, &redirect.back, redirect.parameters())
            }
        }
    }
}

impl ErrorRedirect {
    fn parameters(&self) -> [(&str, &str); 2] {
        [
            ("error", self.error.code.as_str()),
            ("error_description", &self.error.description),
        ]
    }

    /// Shows the way back to the client as a link that the user may follow.
    fn page(&self, app: &App, base: &BaseUrl) -> Response {
        let location = self.back.location(base, self.parameters());
        let page = ErrorPage {
            title: "This request cannot continue",
            what: format!(
                "The program that sent you here made a mistake: {}.",
                self.error.description
            ),
            remedy: "Nothing was changed. Go back only if you started this yourself just now.",
            link: Some(Link {
                label: format!(
                    "Back to {} ({})",
                    self.back.client_name,
                    self.back.redirect_uri.destination()
                ),
                location: location.into(),
            }),
        };
        app.pages.error(self.error.status(), &page)
    }
}

impl ReturnPath {
    /// Returns the URL that sends the browser back to the client with `parameters`.
    pub(crate) fn location<'a>(
        &'a self,
        base: &'a BaseUrl,
        parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Url {
        let state = self.state.as_deref().map(|state| ("state", state));
        let parameters = parameters
            .into_iter()
            .chain(state)
            // RFC 9207: identifies the server that sent this response.
            .chain([("iss", base.as_str())]);
        self.redirect_uri.with_query(parameters)
    }
}

/// Sends the browser back to the client. The status is 303, so that the browser sends a GET also
/// after a POST. A native client gets a page with a link instead.
pub(crate) fn return_to_client<'a>(
    app: &App,
    base: &'a BaseUrl,
    back: &'a ReturnPath,
    parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Response {
    let location = back.location(base, parameters);
    if back.redirect_uri.is_web() {
        return see_other(location.as_str());
    }
    app.pages.handover(&HandoverPage {
        client: &back.client_name,
        location: location.as_str(),
    })
}
