//! The HTML pages for users. They work without scripts, and all values are escaped.

mod logo;

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

pub(crate) use self::logo::{Logo, LogoError};
use crate::base::{error_chain::chain, random};

/// The sign-in form.
#[derive(Serialize)]
pub(crate) struct SignInPage<'a> {
    pub(crate) client: &'a str,
    /// The place where the client receives the browser afterwards.
    pub(crate) destination: String,
    pub(crate) action: &'static str,
    pub(crate) form: String,
    pub(crate) page: &'a crate::login::PageContent,
}

/// The consent form.
#[derive(Serialize)]
pub(crate) struct ConsentPage<'a> {
    pub(crate) client: &'a str,
    /// The host of the client's metadata document, if it has one.
    pub(crate) vouched_by: Option<&'a str>,
    pub(crate) destination: String,
    pub(crate) loopback: bool,
    pub(crate) scopes: Vec<ScopeLine<'a>>,
    /// The signed-in user. `None` if the user still has to sign in at a provider.
    pub(crate) person: Option<&'a str>,
    pub(crate) provider: Option<&'a str>,
    pub(crate) provider_scopes: &'a [String],
    pub(crate) action: &'static str,
    pub(crate) form: String,
}

/// A scope and its description.
#[derive(Serialize)]
pub(crate) struct ScopeLine<'a> {
    pub(crate) name: &'a str,
    pub(crate) description: &'a str,
}

/// The last page before the browser opens another program. After a plain redirect, the browser
/// would keep showing the previous page as if nothing had happened.
#[derive(Serialize)]
pub(crate) struct HandoverPage<'a> {
    pub(crate) client: &'a str,
    pub(crate) location: &'a str,
}

/// A page that shows an error and what the user can do.
#[derive(Serialize)]
pub(crate) struct ErrorPage {
    pub(crate) title: &'static str,
    pub(crate) what: String,
    pub(crate) remedy: &'static str,
    pub(crate) link: Option<Link>,
}

/// A link on a page.
#[derive(Serialize)]
pub(crate) struct Link {
    pub(crate) label: String,
    pub(crate) location: String,
}

/// A page and its template.
pub(crate) trait Page: Serialize {
    const TEMPLATE: &'static str;
}

impl Page for SignInPage<'_> {
    const TEMPLATE: &'static str = "sign_in.html";
}
impl Page for ConsentPage<'_> {
    const TEMPLATE: &'static str = "consent.html";
}
impl Page for HandoverPage<'_> {
    const TEMPLATE: &'static str = "handover.html";
}
impl Page for ErrorPage {
    const TEMPLATE: &'static str = "error.html";
}

/// The templates, and the name of the service, which is shown on each page.
pub(crate) struct Pages {
    environment: Environment<'static>,
    service: String,
    logo: Option<Logo>,
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

#[derive(Serialize)]
struct Context<'a, P> {
    service: &'a str,
    logo: Option<&'a str>,
    nonce: String,
    #[serde(flatten)]
    page: &'a P,
}

impl Pages {
    pub(crate) fn new(service: String, logo: Option<Logo>) -> Result<Self, minijinja::Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.add_template("layout.html", include_str!("layout.html"))?;
        environment.add_template("sign_in.html", include_str!("sign_in.html"))?;
        environment.add_template("consent.html", include_str!("consent.html"))?;
        environment.add_template("handover.html", include_str!("handover.html"))?;
        environment.add_template("error.html", include_str!("error.html"))?;
        Ok(Self {
            environment,
            service,
            logo,
        })
    }

    /// Returns the name of the service.
    pub(crate) fn service(&self) -> &str {
        &self.service
    }

    /// Renders the sign-in form. The status is always 200, because clients that fetch the page
    /// first accept nothing else. The form only leads to the consent form on this server.
    pub(crate) fn sign_in(&self, page: &SignInPage<'_>) -> Response {
        self.page(StatusCode::OK, page, FormAction::OwnPages)
    }

    /// Renders the consent form. Chromium applies `form-action` to every redirect after a form was
    /// sent, including redirects from the client's own callback to another site or to an app. This
    /// server cannot restrict where the client redirects the browser.
    pub(crate) fn consent(&self, page: &ConsentPage<'_>) -> Response {
        self.page(StatusCode::OK, page, FormAction::Anywhere)
    }

    /// Renders a page that opens a program outside of the browser.
    pub(crate) fn handover(&self, page: &HandoverPage<'_>) -> Response {
        self.page(StatusCode::OK, page, FormAction::Nowhere)
    }

    /// Renders an error page.
    pub(crate) fn error(&self, status: StatusCode, page: &ErrorPage) -> Response {
        self.page(status, page, FormAction::Nowhere)
    }

    fn page<P: Page>(&self, status: StatusCode, page: &P, form_action: FormAction) -> Response {
        match self.render(page) {
            Ok((html, nonce)) => {
                let images = if self.logo.is_some() {
                    "img-src data:; "
                } else {
                    ""
                };
                let policy = format!(
                    "default-src 'none'; style-src 'nonce-{nonce}'; {images}\
                     {}frame-ancestors 'none'; base-uri 'none'",
                    form_action.directive()
                );
                (status, headers(&policy), html).into_response()
            }
            Err(error) => {
                tracing::error!(error = %chain(error.as_ref()), "cannot render a page");
                let headers = headers("default-src 'none'; frame-ancestors 'none'");
                let text = "Internal error. Please try again.".to_owned();
                (StatusCode::INTERNAL_SERVER_ERROR, headers, text).into_response()
            }
        }
    }

    fn render<P: Page>(
        &self,
        page: &P,
    ) -> Result<(String, String), Box<dyn std::error::Error + Send + Sync>> {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let nonce = URL_SAFE_NO_PAD.encode(random::bytes::<16>()?);
        let context = Context {
            service: &self.service,
            logo: self.logo.as_ref().map(Logo::url),
            nonce: nonce.clone(),
            page,
        };
        let html = self
            .environment
            .get_template(P::TEMPLATE)?
            .render(minijinja::value::Serde(context))?;
        Ok((html, nonce))
    }
}

/// Returns the headers of every page: no caching, no framing, no content sniffing, no external
/// resources.
fn headers(policy: &str) -> [(HeaderName, HeaderValue); 6] {
    let policy = HeaderValue::from_str(policy)
        .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"));
    [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
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
