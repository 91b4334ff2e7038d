//! Browser sessions: a sealed cookie identifies a browser and its signed-in user. Forms are valid
//! only in the browser that they were shown in.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::{
    base::{
        clock::Timestamp,
        random,
        seal::{Purpose, Sealable, appended},
    },
    login::Subject,
    net::throttle::KnownBrowserId,
    oauth::{base_url::BaseUrl, error::OAuthError, fingerprint::Fingerprint},
    state::App,
};

/// How long a browser counts as known after a sign-in. Browsers keep cookies for at most 400 days.
const KNOWN_LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// How long a browser stays signed in.
const SESSION_LIFETIME: Duration = Duration::from_secs(8 * 60 * 60);
/// How long a form may stay open before it is sent.
const FORM_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// The content of the session cookie of one browser.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Browser {
    id: [u8; 16],
    signed_in: Option<Subject>,
    expires_at: Timestamp,
    /// The server that created the cookie. Another server with the same keys has other users.
    /// Cookies of earlier versions do not name their server, so their users must sign in again.
    #[serde(default, deserialize_with = "appended")]
    issuer: Option<Fingerprint>,
}

impl Sealable for Browser {
    const PURPOSE: Purpose = Purpose::Browser;
}

/// The content of a second cookie, which outlives the session and shows that a user has signed in
/// with this browser before. The cookie grants nothing. It only makes sure that failed attempts of
/// other browsers do not slow this one down.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct KnownBrowser {
    issuer: Fingerprint,
    id: KnownBrowserId,
    expires_at: Timestamp,
}

impl Sealable for KnownBrowser {
    const PURPOSE: Purpose = Purpose::KnownBrowser;
}

/// The content of the hidden form field: the request that the form belongs to, and the browser that
/// it was shown in.
#[derive(Serialize, Deserialize)]
pub(crate) struct Form {
    kind: FormKind,
    browser: [u8; 16],
    /// The query of the authorization request. It is verified again.
    pub(crate) query: String,
    expires_at: Timestamp,
}

/// The kind of form. One kind cannot be sent in place of another.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FormKind {
    SignIn,
    Consent,
}

impl Sealable for Form {
    const PURPOSE: Purpose = Purpose::Form;
}

/// The reason why a form is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FormError {
    /// The form is from this server, and the flow can start again with this query.
    Unusable(Unusable, String),
    /// The form is not from this server.
    Forged,
}

/// The reason why a form of this server is no longer usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// The form was shown more than [`FORM_LIFETIME`] ago.
    Expired,
    /// A user has signed in with this browser since then, for example in another tab, or the form
    /// was shown in another browser.
    Superseded,
}

impl Browser {
    /// Returns the browser that sent these headers, if its cookie is valid.
    pub(crate) fn from_headers(headers: &HeaderMap, app: &App, base: &BaseUrl) -> Option<Self> {
        let browser: Self = sealed_cookie(headers, cookie_name(base), app)?;
        let is_good = browser.expires_at > app.now() && browser.issuer == Some(issuer(base));
        is_good.then_some(browser)
    }

    /// Creates a browser for the first visit or after a sign-in. The id is always new, because an
    /// attacker may have planted the old one.
    pub(crate) fn new(
        app: &App,
        base: &BaseUrl,
        signed_in: Option<Subject>,
    ) -> Result<Self, OAuthError> {
        Ok(Self {
            id: random::bytes()?,
            signed_in,
            expires_at: app.now().plus(SESSION_LIFETIME),
            issuer: Some(issuer(base)),
        })
    }

    /// Returns the signed-in user, if the sign-in is still valid.
    pub(crate) fn subject(&self, app: &App) -> Option<Subject> {
        let subject = self.signed_in.as_ref()?;
        let counts = subject.is_current(&app.credential_versions)
            && !subject
                .upstream
                .is_some_and(|id| app.upstream.is_refused(id));
        counts.then(|| subject.clone())
    }

    pub(crate) const fn id(&self) -> [u8; 16] {
        self.id
    }

    pub(crate) fn has_id(&self, id: &[u8; 16]) -> bool {
        self.id.ct_eq(id).into()
    }

    /// Returns the value of the `Set-Cookie` header.
    pub(crate) fn cookie(&self, app: &App, base: &BaseUrl) -> Result<HeaderValue, OAuthError> {
        set_cookie(cookie_name(base), self, self.expires_at, app, base)
    }

    /// Creates a form for this browser.
    pub(crate) fn form(
        &self,
        app: &App,
        kind: FormKind,
        query: &str,
    ) -> Result<String, OAuthError> {
        let form = Form {
            kind,
            browser: self.id,
            query: query.to_owned(),
            expires_at: app.now().plus(FORM_LIFETIME),
        };
        Ok(app.keys.seal(&form)?)
    }
}

impl Form {
    /// Opens a submitted form, if it was shown in `browser`.
    pub(crate) fn open(
        unverified: Option<&str>,
        kind: FormKind,
        browser: Option<&Browser>,
        app: &App,
    ) -> Result<Self, FormError> {
        let form: Self = unverified
            .and_then(|text| app.keys.open(text).ok())
            .ok_or(FormError::Forged)?;
        if form.kind != kind {
            return Err(FormError::Forged);
        }
        if form.expires_at <= app.now() {
            Err(FormError::Unusable(Unusable::Expired, form.query))
        } else if browser.is_some_and(|browser| browser.has_id(&form.browser)) {
            Ok(form)
        } else {
            Err(FormError::Unusable(Unusable::Superseded, form.query))
        }
    }
}

impl KnownBrowser {
    /// Returns the browser that sent these headers, if a user has signed in with it before.
    pub(crate) fn from_headers(headers: &HeaderMap, app: &App, base: &BaseUrl) -> Option<Self> {
        let known: Self = sealed_cookie(headers, known_cookie_name(base), app)?;
        let is_good = known.expires_at > app.now() && known.issuer == issuer(base);
        is_good.then_some(known)
    }

    /// Creates the state for a browser in which a user has just signed in.
    pub(crate) fn new(app: &App, base: &BaseUrl) -> Result<Self, OAuthError> {
        Ok(Self {
            issuer: issuer(base),
            id: random::bytes()?,
            expires_at: app.now().plus(KNOWN_LIFETIME),
        })
    }

    pub(crate) const fn id(&self) -> KnownBrowserId {
        self.id
    }

    /// Returns the value of the `Set-Cookie` header.
    pub(crate) fn cookie(&self, app: &App, base: &BaseUrl) -> Result<HeaderValue, OAuthError> {
        set_cookie(known_cookie_name(base), self, self.expires_at, app, base)
    }
}

fn issuer(base: &BaseUrl) -> Fingerprint {
    Fingerprint::of(base.as_str())
}

fn sealed_cookie<T: Sealable>(headers: &HeaderMap, name: &str, app: &App) -> Option<T> {
    let unverified = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let mut ours = unverified.filter(|(key, _)| *key == name);
    ours.find_map(|(_, text)| app.keys.open(text).ok())
}

fn set_cookie<T: Sealable>(
    name: &str,
    content: &T,
    expires_at: Timestamp,
    app: &App,
    base: &BaseUrl,
) -> Result<HeaderValue, OAuthError> {
    let value = app.keys.seal(content)?;
    let secure = if base.is_https() { "; Secure" } else { "" };
    let seconds = expires_at.since(app.now()).as_secs();
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    HeaderValue::from_str(&text).map_err(|_| crate::base::seal::SealError.into())
}

/// `__Host-` binds the cookie to this host and to https (RFC 6265bis §4.1.3.2); on loopback
/// there is no https to bind it to.
const fn cookie_name(base: &BaseUrl) -> &'static str {
    if base.is_https() {
        "__Host-mcpo"
    } else {
        "mcpo"
    }
}

const fn known_cookie_name(base: &BaseUrl) -> &'static str {
    if base.is_https() {
        "__Host-mcpo-known"
    } else {
        "mcpo-known"
    }
}

/// Returns true if a page of another site sent the form. `SameSite` already withholds the cookie
/// from such a page; this check also protects browsers without `SameSite`.
pub(crate) fn is_cross_site(headers: &HeaderMap, app: &App) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let foreign_origin = headers.contains_key(header::ORIGIN)
        && !text("origin").is_some_and(|origin| app.bases.is_own_origin(origin));
    let foreign_site =
        text("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none"));
    foreign_origin || foreign_site
}
