//! `GET /authorize`: shows the page that comes next: sign-in, consent, or an error.
//!
//! It changes nothing, so it can be requested any number of times: some clients fetch it before
//! they open the browser, and users reload the page. The sign-in form and the callback of an
//! identity provider lead back here.

mod request;

use axum::{extract::RawQuery, response::Response};

pub(crate) use self::request::{AuthorizationRequest, Refusal, return_to_client, verify_resource};
use super::{
    browser_session::{Browser, FormKind},
    extractors::PageContext,
    responses::{refused, with_cookie},
};
use crate::{
    login::{
        AuthorizationParams, LoginContext, LoginSecrets, Outcome, Page, Refusal as LoginRefusal,
        Subject,
    },
    net::throttle::Source,
    oauth::{
        base_url::BaseUrl,
        error::OAuthError,
        paths,
        scope::{DEFAULT_SCOPE, Scopes},
    },
    pages::{ConsentPage, Permission, SignInPage, ToolList, ToolViewer},
    state::App,
};

pub(crate) async fn get(context: PageContext, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let (app, base, client) = (&*context.app, &context.base, context.client);
    let request = match AuthorizationRequest::verify(app, &query, client).await {
        Ok(request) => request,
        Err(refusal) => return refusal.before_decision(app, base),
    };
    let known = context.browser();
    let page = next_page(app, base, &query, &request, known, client.source()).await;
    page.unwrap_or_else(|error| Refusal::redirect(&request, error).before_decision(app, base))
}

async fn next_page(
    app: &App,
    base: &BaseUrl,
    query: &str,
    request: &AuthorizationRequest,
    known: Option<Browser>,
    source: Source,
) -> Result<Response, OAuthError> {
    let subject = known.as_ref().and_then(|browser| browser.subject(app));
    if let (Some(browser), Some(subject)) = (&known, &subject) {
        return consent_page(app, browser, Some(subject), query, request).await;
    }
    let (browser, is_new) = match known {
        Some(browser) => (browser, false),
        None => (Browser::new(app, base, None)?, true),
    };
    // The provider knows only this server as its client and lets all MCP clients through. So the
    // user is asked about this MCP client first.
    if app.login.provider().is_some() {
        let page = consent_page(app, &browser, None, query, request).await?;
        return with_new_cookie(page, is_new, &browser, app, base);
    }
    match app.login.begin(&local_login_context(app, source)?).await {
        Outcome::Identity(identity) => {
            let subject = Subject::new(identity, None, &app.credential_versions);
            let browser = Browser::new(app, base, Some(subject.clone()))?;
            let page = consent_page(app, &browser, Some(&subject), query, request).await?;
            Ok(with_cookie(page, browser.cookie(app, base)?))
        }
        Outcome::Page(page) => {
            let page = sign_in_page(app, &browser, query, request, &page)?;
            with_new_cookie(page, is_new, &browser, app, base)
        }
        Outcome::Refusal(refusal) => Ok(refused(app, &refusal, query)),
        Outcome::Redirect(_) => {
            let refusal = LoginRefusal::unexpected(
                "the login redirects to a provider that it does not declare",
            );
            Ok(refused(app, &refusal, query))
        }
    }
}

/// Returns the context of a sign-in on this server's own pages.
pub(crate) fn local_login_context(app: &App, source: Source) -> Result<LoginContext, OAuthError> {
    Ok(LoginContext {
        source,
        now: app.now(),
        authorization: AuthorizationParams {
            callback_url: String::new(),
            state: String::new(),
            secrets: LoginSecrets::random()?,
        },
        wants_another_account: false,
    })
}

/// Renders the sign-in form. The status is always 200: clients that fetch the page first accept
/// nothing else.
pub(crate) fn sign_in_page(
    app: &App,
    browser: &Browser,
    query: &str,
    request: &AuthorizationRequest,
    page: &Page,
) -> Result<Response, OAuthError> {
    let page = SignInPage {
        client: &request.client.name,
        destination: request.back.redirect_uri.destination(),
        action: paths::SIGN_IN,
        form: browser.form(app, FormKind::SignIn, query)?,
        page: page.content(),
    };
    Ok(app.pages.sign_in(&page))
}

/// Returns the consent page, for a user who is already signed in or who signs in at the provider
/// after agreeing.
async fn consent_page(
    app: &App,
    browser: &Browser,
    subject: Option<&Subject>,
    query: &str,
    request: &AuthorizationRequest,
) -> Result<Response, OAuthError> {
    let provider = app.login.provider();
    let tools = tools_for(app, subject, &request.scopes).await;
    let (permissions, other_scopes) = permissions(app, &request.scopes, tools.is_some());
    let page = ConsentPage {
        client: &request.client.name,
        vouched_by: request.client.vouched_by.as_deref(),
        is_configured: request.client.is_configured,
        client_privacy: request.client.privacy.as_ref(),
        destination: request.back.redirect_uri.destination(),
        loopback: request.back.redirect_uri.is_loopback(),
        permissions,
        other_scopes,
        tools,
        person: subject.map(Subject::shown),
        can_sign_out: !app.login.is_anonymous(),
        provider: provider.as_ref().map(|provider| &*provider.name),
        provider_scopes: provider
            .as_ref()
            .map_or(&[][..], |provider| &provider.scopes),
        action: paths::CONSENT,
        form: browser.form(app, FormKind::Consent, query)?,
    };
    Ok(app.pages.consent(&page))
}

/// Returns the tools that a client with these scopes could use. A user who has not signed in sees
/// them only if everyone may list them.
async fn tools_for(app: &App, subject: Option<&Subject>, scopes: &Scopes) -> Option<ToolList> {
    if subject.is_none() && !app.lists_openly() {
        return None;
    }
    let viewer = subject.cloned().map(|subject| ToolViewer {
        subject,
        scopes: scopes.clone(),
    });
    let mut tools = app.tools.tools(viewer).await?;
    tools.retain(|tool| app.scopes.covers(scopes, &tool.scopes));
    ToolList::new(tools)
}

/// Returns the scopes with a description, and the names of the others. A grant also has the scopes that
/// the requested ones imply. If the page lists the tools, only configured descriptions are shown.
fn permissions<'a>(
    app: &'a App,
    scopes: &'a Scopes,
    lists_tools: bool,
) -> (Vec<Permission<'a>>, Vec<&'a str>) {
    let (mut permissions, mut others) = (Vec::new(), Vec::new());
    let is_described = |name: &str| app.scope_descriptions.contains_key(name);
    for name in scopes.iter().filter(|name| !is_described(name)) {
        if lists_tools {
            others.push(name);
            continue;
        }
        let description = match name {
            DEFAULT_SCOPE => "Use the tools of this server",
            _ => "Use",
        };
        permissions.push(Permission { name, description });
    }
    let described = app.scope_descriptions.iter();
    let granted = described.filter(|(name, _)| {
        app.scopes
            .covers(scopes, &Scopes::from_names([name.as_str()]))
    });
    permissions.extend(granted.map(|(name, description)| Permission { name, description }));
    (permissions, others)
}

fn with_new_cookie(
    response: Response,
    is_new: bool,
    browser: &Browser,
    app: &App,
    base: &BaseUrl,
) -> Result<Response, OAuthError> {
    if is_new {
        Ok(with_cookie(response, browser.cookie(app, base)?))
    } else {
        Ok(response)
    }
}
