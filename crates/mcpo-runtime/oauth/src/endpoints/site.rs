//! The pages for users who open an address of this server in a browser: what the server is and how
//! to add it to a client, its icon, and notices at addresses that belong to a sign-in.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};

use super::navigation::{for_program, is_navigation};
use crate::{
    oauth::{base_url::BaseUrl, paths},
    pages::{InstallLinks, LandingPage, Link, NoticePage, ToolList},
    state::App,
};

/// The policy of the icon. An SVG that is opened as a page must not run scripts.
const ICON_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// Shows the page about this server, with the address that the request used.
pub async fn landing(app: &App, base: &BaseUrl) -> Response {
    let tools = if app.lists_openly() {
        app.tools.tools(None).await.and_then(ToolList::new)
    } else {
        None
    };
    let card = app.pages.card();
    let address = base.resource();
    app.pages.landing(&LandingPage {
        address: &address,
        id: &card.id,
        version: card.version.as_deref(),
        description: card.description.as_deref(),
        is_public: !base.is_loopback(),
        sign_in: sign_in(app),
        tools,
        links: InstallLinks::new(&card.title, &card.id, &address),
    })
}

/// Returns where users sign in, as the end of a sentence.
fn sign_in(app: &App) -> Option<String> {
    if let Some(external) = &app.external {
        Some(format!("at {}", external.issuer()))
    } else if app.login.is_anonymous() {
        None
    } else if let Some(provider) = app.login.provider() {
        Some(format!("with {}", provider.name))
    } else {
        Some("on a page of this server".to_owned())
    }
}

/// Responds to requests for all other paths. Programs get a 404 without a body.
pub(crate) async fn fallback(
    State(app): State<Arc<App>>,
    Extension(base): Extension<BaseUrl>,
    request: Request,
) -> Response {
    if !is_navigation(request.method(), request.headers()) {
        return for_program(request.method(), StatusCode::NOT_FOUND);
    }
    if request.uri().path() == paths::HOME {
        return landing(&app, &base).await;
    }
    let page = NoticePage {
        title: "There is no page at this address",
        what: format!("The address of this MCP server is {}.", base.resource()),
        link: Some(link_to(paths::HOME)),
    };
    app.pages.notice(StatusCode::NOT_FOUND, &page)
}

/// Serves the icon that browsers show next to the title of a page.
pub(crate) async fn icon(State(app): State<Arc<App>>) -> Response {
    let icon = app.pages.icon();
    let headers: [(HeaderName, HeaderValue); 4] = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(icon.media_type()),
        ),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=3600"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(ICON_POLICY),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    (headers, icon.bytes().clone()).into_response()
}

/// Responds to a GET of an address that accepts only a form. A user may have opened it from the
/// history of the browser.
pub(crate) async fn form_without_request(
    State(app): State<Arc<App>>,
    request: Request,
) -> Response {
    if !is_navigation(request.method(), request.headers()) {
        let allow = [(
            header::ALLOW,
            HeaderValue::from_static(Method::POST.as_str()),
        )];
        return for_program(request.method(), (StatusCode::METHOD_NOT_ALLOWED, allow));
    }
    let page = NoticePage {
        title: "Start in your client",
        what: format!(
            "This page is one step of signing in to {}. It opens by itself after you add this \
             server to a client, such as Claude, and connect there.",
            app.pages.service()
        ),
        link: Some(link_to(paths::MCP)),
    };
    app.pages.notice(StatusCode::OK, &page)
}

/// Refuses `/mcp/` in a browser, with the right address. Returns `None` for a program.
pub(crate) fn trailing_slash(app: &App, base: &BaseUrl, request: &Request) -> Option<Response> {
    if !is_navigation(request.method(), request.headers()) {
        return None;
    }
    let page = NoticePage {
        title: "There is no page at this address",
        what: format!(
            "The address of this MCP server is {}, without a slash at the end.",
            base.resource()
        ),
        link: Some(link_to(paths::MCP)),
    };
    Some(app.pages.notice(StatusCode::NOT_FOUND, &page))
}

fn link_to(path: &str) -> Link {
    Link {
        label: "How to add this server".to_owned(),
        location: path.to_owned(),
    }
}
