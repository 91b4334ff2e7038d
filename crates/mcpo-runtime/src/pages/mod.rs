//! The pages that a person sees: plain HTML, readable without scripts, every value escaped.

mod logo;

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

pub(crate) use self::logo::{Logo, LogoError};
use crate::{oauth_error::chain, random};

/// The sign-in form.
#[derive(Serialize)]
pub(crate) struct SignInPage<'a> {
    pub(crate) client: &'a str,
    /// Where the client has the browser sent back to.
    pub(crate) destination: String,
    pub(crate) action: &'static str,
    pub(crate) form: String,
    pub(crate) page: &'a crate::login::Page,
}

/// The question whether a client may have access.
#[derive(Serialize)]
pub(crate) struct ConsentPage<'a> {
    pub(crate) client: &'a str,
    /// The host whose document says so, if there is one.
    pub(crate) vouched_by: Option<&'a str>,
    pub(crate) destination: String,
    pub(crate) loopback: bool,
    pub(crate) scopes: Vec<ScopeLine<'a>>,
    /// Who is signed in; nobody yet if people sign in at a provider.
    pub(crate) person: Option<&'a str>,
    pub(crate) provider: Option<&'a str>,
    pub(crate) provider_scopes: &'a [String],
    pub(crate) action: &'static str,
    pub(crate) form: String,
}

/// A scope and what it means.
#[derive(Serialize)]
pub(crate) struct ScopeLine<'a> {
    pub(crate) name: &'a str,
    pub(crate) description: &'a str,
}

/// The last page before a program that is not in the browser: a redirect to it would leave the
/// page before standing there as if nothing had happened.
#[derive(Serialize)]
pub(crate) struct HandoverPage<'a> {
    pub(crate) client: &'a str,
    pub(crate) location: &'a str,
}

/// Something that cannot go on, and what the person can do.
#[derive(Serialize)]
pub(crate) struct ErrorPage {
    pub(crate) title: &'static str,
    pub(crate) what: String,
    pub(crate) remedy: &'static str,
    pub(crate) link: Option<Link>,
}

/// Where the person can go from a page.
#[derive(Serialize)]
pub(crate) struct Link {
    pub(crate) label: String,
    pub(crate) location: String,
}

/// A page with the template it is for.
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

/// The templates, and the name of the service that stands above each page.
pub(crate) struct Pages {
    environment: Environment<'static>,
    service: String,
    logo: Option<Logo>,
}

/// Where the forms of a page may lead (CSP `form-action`).
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

    /// The name that stands above each page.
    pub(crate) fn service(&self) -> &str {
        &self.service
    }

    /// The sign-in form. Always 200: clients that look at the page first take nothing else. Its
    /// answer leads to the consent form on this server, and no further.
    pub(crate) fn sign_in(&self, page: &SignInPage<'_>) -> Response {
        self.page(StatusCode::OK, page, FormAction::OwnPages)
    }

    /// The consent form. Chromium applies `form-action` to every redirect after a form was sent,
    /// also to those of the client's own callback: to a page elsewhere, or to an app by its scheme.
    /// Where the client leads the browser is not for this server to restrict.
    pub(crate) fn consent(&self, page: &ConsentPage<'_>) -> Response {
        self.page(StatusCode::OK, page, FormAction::Anywhere)
    }

    /// A page that leads to a program outside of the browser.
    pub(crate) fn handover(&self, page: &HandoverPage<'_>) -> Response {
        self.page(StatusCode::OK, page, FormAction::Nowhere)
    }

    /// A page that says why it cannot go on.
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

/// What every page carries: not cached, not framed, not guessed at, and nothing loaded.
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
        // The URL of the page is the authorization request; it is nobody else's business.
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("same-origin"),
        ),
    ]
}
