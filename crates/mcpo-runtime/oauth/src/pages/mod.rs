//! The HTML pages for users. They work without scripts, and all values are escaped.

mod brand;
mod color;
mod content;
mod install_links;
mod logo;
mod theme;
mod tool_list;

use axum::response::{IntoResponse, Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue, StatusCode, header};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use self::theme::Theme;
pub(crate) use self::{
    brand::Brand,
    color::Color,
    content::{
        ConsentPage, ErrorPage, HandoverPage, LandingPage, Link, NoticePage, Page, Permission,
        SignInPage,
    },
    install_links::InstallLinks,
    logo::is_data_url,
    tool_list::ToolList,
};
pub use self::{
    brand::ServerCard,
    install_links::id_of,
    logo::Logo,
    tool_list::{ToolDirectory, ToolSummary, ToolViewer, ToolsFuture},
};
use crate::{base::error_chain::chain, net::link_url::LinkUrl};

/// The paths of the icon. Browsers request the first one by themselves.
pub(crate) const ICON_PATHS: [&str; 2] = ["/favicon.ico", "/favicon.svg"];

/// The templates, and what all pages show: the name of the service and its brand.
pub(crate) struct Pages {
    environment: Environment<'static>,
    card: ServerCard,
    /// The logo as a data URL.
    logo: Option<String>,
    icon: Logo,
    style: String,
    /// The source in a policy that allows [`Self::style`].
    style_source: String,
    privacy: Option<LinkUrl>,
    support: Option<LinkUrl>,
}

/// The allowed targets of the forms on a page (CSP `form-action`).
#[derive(Clone, Copy)]
enum FormAction {
    Nowhere,
    OwnPages,
    Anywhere,
}

impl FormAction {
    const fn directive(self) -> &'static str {
        match self {
            Self::Nowhere => "form-action 'none'; ",
            Self::OwnPages => "form-action 'self'; ",
            Self::Anywhere => "",
        }
    }
}

/// How long a browser may keep a page (`Cache-Control`).
#[derive(Clone, Copy)]
enum Caching {
    Never,
    /// Only in the browser: a shared cache may ignore `Vary` and send the page to an MCP client.
    Briefly,
}

impl Caching {
    const fn directive(self) -> &'static str {
        match self {
            Self::Never => "no-store",
            Self::Briefly => "private, max-age=300",
        }
    }
}

#[derive(Serialize)]
struct Context<'a, P> {
    service: &'a str,
    logo: Option<&'a str>,
    icon: &'static str,
    style: &'a str,
    privacy: Option<&'a LinkUrl>,
    support: Option<&'a LinkUrl>,
    #[serde(flatten)]
    page: &'a P,
}

impl Pages {
    /// Prepares the pages of the server with this card. The logo of the brand replaces the icon of
    /// the card.
    pub(crate) fn new(card: ServerCard, brand: Brand) -> Result<Self, minijinja::Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|name| {
            if name == "style.css" {
                AutoEscape::None
            } else {
                AutoEscape::Html
            }
        });
        for (name, template) in [
            ("style.css", include_str!("style.css")),
            ("layout.html", include_str!("layout.html")),
            ("landing.html", include_str!("landing.html")),
            ("clients.html", include_str!("clients.html")),
            ("tools.html", include_str!("tools.html")),
            ("sign_in.html", include_str!("sign_in.html")),
            ("consent.html", include_str!("consent.html")),
            ("handover.html", include_str!("handover.html")),
            ("error.html", include_str!("error.html")),
            ("notice.html", include_str!("notice.html")),
        ] {
            environment.add_template(name, template)?;
        }
        let theme = Theme::new(brand.accent);
        let style = environment
            .get_template("style.css")?
            .render(minijinja::value::Serde(&theme))?;
        let (style, style_source) = with_source(&style);
        let logo = brand.logo.or_else(|| card.icon.clone());
        Ok(Self {
            environment,
            logo: logo.as_ref().map(Logo::data_url),
            icon: logo.unwrap_or_else(|| Logo::of_letter(&card.title, &theme)),
            card,
            style,
            style_source,
            privacy: brand.privacy,
            support: brand.support,
        })
    }

    /// Returns the name of the service.
    pub(crate) fn service(&self) -> &str {
        &self.card.title
    }

    pub(crate) const fn card(&self) -> &ServerCard {
        &self.card
    }

    /// Returns the icon of the server: its logo or, without one, its first letter.
    pub(crate) const fn icon(&self) -> &Logo {
        &self.icon
    }

    /// Renders the page about this server.
    pub(crate) fn landing(&self, page: &LandingPage<'_>) -> Response {
        let mut response = self.page(StatusCode::OK, page, FormAction::Nowhere, Caching::Briefly);
        let accept = HeaderValue::from_static("Accept");
        response.headers_mut().append(header::VARY, accept);
        response
    }

    /// Renders the sign-in form. The status is always 200, because clients that fetch the page
    /// first accept nothing else. The form only leads to the consent form on this server.
    pub(crate) fn sign_in(&self, page: &SignInPage<'_>) -> Response {
        self.page(StatusCode::OK, page, FormAction::OwnPages, Caching::Never)
    }

    /// Renders the consent form. Chromium applies `form-action` to every redirect after a form was
    /// sent, including redirects from the client's own callback to another site or to an app. This
    /// server cannot restrict where the client redirects the browser.
    pub(crate) fn consent(&self, page: &ConsentPage<'_>) -> Response {
        self.page(StatusCode::OK, page, FormAction::Anywhere, Caching::Never)
    }

    /// Renders a page that opens a program outside of the browser.
    pub(crate) fn handover(&self, page: &HandoverPage<'_>) -> Response {
        self.page(StatusCode::OK, page, FormAction::Nowhere, Caching::Never)
    }

    /// Renders an error page.
    pub(crate) fn error(&self, status: StatusCode, page: &ErrorPage) -> Response {
        self.page(status, page, FormAction::Nowhere, Caching::Never)
    }

    /// Renders a page at an address that users are not expected to open.
    pub(crate) fn notice(&self, status: StatusCode, page: &NoticePage) -> Response {
        self.page(status, page, FormAction::Nowhere, Caching::Never)
    }

    fn page<P: Page>(
        &self,
        status: StatusCode,
        page: &P,
        form_action: FormAction,
        caching: Caching,
    ) -> Response {
        match self.render(page) {
            Ok(html) => {
                let embedded = if self.logo.is_some() { "data: " } else { "" };
                let policy = format!(
                    "default-src 'none'; style-src {}; img-src {embedded}'self'; \
                     {}frame-ancestors 'none'; base-uri 'none'",
                    self.style_source,
                    form_action.directive()
                );
                (status, headers(&policy, caching), html).into_response()
            }
            Err(error) => {
                tracing::error!(error = %chain(&error), "cannot render a page");
                let policy = "default-src 'none'; frame-ancestors 'none'";
                let headers = headers(policy, Caching::Never);
                let text = "Internal error. Please try again.".to_owned();
                (StatusCode::INTERNAL_SERVER_ERROR, headers, text).into_response()
            }
        }
    }

    fn render<P: Page>(&self, page: &P) -> Result<String, minijinja::Error> {
        let context = Context {
            service: &self.card.title,
            logo: self.logo.as_deref(),
            icon: ICON_PATHS[usize::from(self.icon.is_svg())],
            style: &self.style,
            privacy: self.privacy.as_ref(),
            support: self.support.as_ref(),
            page,
        };
        self.environment
            .get_template(P::TEMPLATE)?
            .render(minijinja::value::Serde(context))
    }
}

/// Returns a style sheet as a browser reads it, and its source expression (CSP 3, `hash-source`). A
/// checkout on Windows may have other line ends, which the parser of HTML replaces before the style
/// is hashed.
fn with_source(style: &str) -> (String, String) {
    let style = style.replace("\r\n", "\n");
    let digest = STANDARD.encode(Sha256::digest(&style));
    (style, format!("'sha256-{digest}'"))
}

/// Returns the headers of every page: no framing, no content sniffing, no external resources.
fn headers(policy: &str, caching: Caching) -> [(HeaderName, HeaderValue); 6] {
    let policy = HeaderValue::from_str(policy)
        .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"));
    [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (header::CONTENT_SECURITY_POLICY, policy),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static(caching.directive()),
        ),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        // The URL of the page contains the authorization request and must not leak to other sites.
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("same-origin"),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::with_source;

    #[test]
    fn the_hash_of_the_style_does_not_depend_on_line_ends() {
        assert_eq!(with_source("a {\r\n}\r\n"), with_source("a {\n}\n"));
    }
}
