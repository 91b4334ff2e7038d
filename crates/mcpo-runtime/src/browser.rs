//! The browser: a sealed cookie that tells one from another and remembers who signed in there,
//! and forms that are good only in the browser they were shown to.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::{
    app::App,
    base_url::BaseUrl,
    clock::Timestamp,
    grant::{Fingerprint, appended},
    login::Person,
    oauth_error::OAuthError,
    random,
    seal::{Purpose, Sealable},
    throttle::KnownBrowserId,
};

/// How long a browser is known to have signed in; browsers keep cookies for 400 days at most.
const KNOWN_LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// How long a browser stays signed in.
const SESSION_LIFETIME: Duration = Duration::from_secs(8 * 60 * 60);
/// How long a page may lie open before its form is sent.
const FORM_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// One browser, as its cookie describes it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Browser {
    id: [u8; 16],
    signed_in: Option<Person>,
    expires_at: Timestamp,
    /// The server that made the cookie: another one that shares its keys has other users. Cookies of
    /// earlier versions do not name it; their users sign in again.
    #[serde(default, deserialize_with = "appended")]
    issuer: Option<Fingerprint>,
}

impl Sealable for Browser {
    const PURPOSE: Purpose = Purpose::Browser;
}

/// A browser in which someone has signed in before, as a cookie of its own that outlives the
/// session. It grants nothing: failed attempts of other browsers do not slow this one down.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct KnownBrowser {
    issuer: Fingerprint,
    id: KnownBrowserId,
    expires_at: Timestamp,
}

impl Sealable for KnownBrowser {
    const PURPOSE: Purpose = Purpose::KnownBrowser;
}

/// What a form carries through the browser: where it belongs, and to whom it was shown.
#[derive(Serialize, Deserialize)]
pub(crate) struct Form {
    kind: FormKind,
    browser: [u8; 16],
    /// The query of the authorization request, to be verified again.
    pub(crate) query: String,
    expires_at: Timestamp,
}

/// Which form it is: one cannot be sent in place of another.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FormKind {
    SignIn,
    Consent,
}

impl Sealable for Form {
    const PURPOSE: Purpose = Purpose::Form;
}

/// Why a form is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FormError {
    /// It is ours, and the flow can start again with this query.
    Unusable(Unusable, String),
    /// It is not ours.
    Forged,
}

/// Why a form of this server cannot be used any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// It was shown more than [`FORM_LIFETIME`] ago.
    Expired,
    /// Someone has signed in in this browser since, in another tab for example; or the form was
    /// shown in another browser.
    Superseded,
}

impl Browser {
    /// The browser that sent these headers, if its cookie is one of ours and still good.
    pub(crate) fn recognise(headers: &HeaderMap, app: &App, base: &BaseUrl) -> Option<Self> {
        let browser: Self = sealed_cookie(headers, cookie_name(base), app)?;
        let is_good = browser.expires_at > app.now() && browser.issuer == Some(issuer(base));
        is_good.then_some(browser)
    }

    /// A browser that is seen for the first time, or whose sign-in replaces an older one: it
    /// never keeps the id it had before, which somebody else may have planted.
    pub(crate) fn new(
        app: &App,
        base: &BaseUrl,
        signed_in: Option<Person>,
    ) -> Result<Self, OAuthError> {
        Ok(Self {
            id: random::bytes()?,
            signed_in,
            expires_at: app.now().plus(SESSION_LIFETIME),
            issuer: Some(issuer(base)),
        })
    }

    /// Who is signed in there, if that still counts.
    pub(crate) fn person(&self, app: &App) -> Option<Person> {
        let person = self.signed_in.as_ref()?;
        let counts = person.is_current(&app.epochs)
            && !person
                .upstream
                .is_some_and(|id| app.upstream.is_refused(id));
        counts.then(|| person.clone())
    }

    pub(crate) const fn id(&self) -> [u8; 16] {
        self.id
    }

    pub(crate) fn has_id(&self, id: &[u8; 16]) -> bool {
        self.id.ct_eq(id).into()
    }

    /// The cookie, as `Set-Cookie` wants it.
    pub(crate) fn cookie(&self, app: &App, base: &BaseUrl) -> Result<HeaderValue, OAuthError> {
        set_cookie(cookie_name(base), self, self.expires_at, app, base)
    }

    /// A new form for this browser.
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
    /// Opens a form that came back, if it was shown to `browser`.
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
    /// The browser that sent these headers, if someone has signed in there.
    pub(crate) fn recognise(headers: &HeaderMap, app: &App, base: &BaseUrl) -> Option<Self> {
        let known: Self = sealed_cookie(headers, known_cookie_name(base), app)?;
        let is_good = known.expires_at > app.now() && known.issuer == issuer(base);
        is_good.then_some(known)
    }

    /// A browser in which someone has just signed in.
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

    /// The cookie, as `Set-Cookie` wants it.
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
    HeaderValue::from_str(&text).map_err(|_| crate::seal::SealError.into())
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

/// A form that was sent by a page elsewhere. `SameSite` already keeps the cookie from it; this
/// holds in browsers that do not know `SameSite` as well.
pub(crate) fn is_cross_site(headers: &HeaderMap, app: &App) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let foreign_origin = headers.contains_key(header::ORIGIN)
        && !text("origin").is_some_and(|origin| app.bases.is_own_origin(origin));
    let foreign_site =
        text("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none"));
    foreign_origin || foreign_site
}
