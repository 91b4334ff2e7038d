//! Completes the sign-in and consent pages as a user without scripts would.

use mcpo_common::secret::Secret;
use reqwest::{Method, StatusCode, header::CONTENT_TYPE};
use url::Url;

use super::{
    browser_rules::{FormPolicy, bare, cookie_problems},
    callback::UnverifiedCallback,
    links, refusal,
};
use crate::{
    html_form::{Form, SubmitButton},
    http::{Answer, HttpClient, RequestError},
    page_text::{self, PageText},
};

/// The most pages and redirects that are followed.
const MAX_HOPS: usize = 20;

/// Why the redirect URI was not reached.
#[derive(Debug)]
pub enum PageError {
    RequestError(Box<Url>, RequestError),
    /// The page asks for a password, but none was given.
    PasswordNeeded,
    /// The page asks again: the password was wrong, or there were too many attempts.
    PasswordRefused {
        status: StatusCode,
        /// What the page says about it.
        alert: Option<String>,
    },
    /// A page without a form to continue with.
    DeadEnd(String),
    /// Neither a page to continue with nor a redirect. `words` is all that the server said.
    Refused {
        seen: String,
        words: String,
    },
    TooManyHops,
}

/// The values for a sign-in form.
#[derive(Clone, Copy, Debug)]
pub struct SignIn<'s> {
    user: &'s str,
    password: &'s Secret,
}

impl<'s> SignIn<'s> {
    /// Returns `None` without a password. The user name has a default.
    pub fn of(user: Option<&'s str>, password: Option<&'s Secret>) -> Option<Self> {
        Some(Self {
            user: user.unwrap_or("probe"),
            password: password?,
        })
    }
}

/// The end of the pages, at a redirect URI.
#[derive(Debug)]
pub struct Arrival {
    pub callback: UnverifiedCallback,
    /// The URL that the browser was sent to, with all parameters.
    pub location: Url,
    pub pages: usize,
    pub obstacles: Obstacles,
}

/// What would go wrong in a browser. The probe goes on, to see the rest of the server.
#[derive(Clone, Debug, Default)]
pub struct Obstacles {
    /// Why a browser would not get to the end.
    pub refusal: Option<String>,
    /// Cookies that a browser would drop or hold back.
    pub cookies: Vec<String>,
}

/// Goes from the authorization endpoint to one of the redirect URIs, where nothing needs to listen.
/// All pages together may take as long as three requests.
pub async fn complete(
    http: &HttpClient,
    start: &Url,
    sign_in: Option<SignIn<'_>>,
    redirect_uris: &[&Url],
) -> Result<Arrival, PageError> {
    let limit = http.timeout() * 3;
    let end = complete_pages(http, start, sign_in, redirect_uris);
    tokio::time::timeout(limit, end)
        .await
        .unwrap_or(Err(PageError::TooManyHops))
}

async fn complete_pages(
    http: &HttpClient,
    start: &Url,
    sign_in: Option<SignIn<'_>>,
    redirect_uris: &[&Url],
) -> Result<Arrival, PageError> {
    let mut pages = 0;
    let mut signed_in = false;
    let mut policy: Option<FormPolicy> = None;
    let mut obstacles = Obstacles::default();
    let mut answer = get(http, start).await?;
    for _ in 0..MAX_HOPS {
        obstacles.cookies.extend(cookie_problems(&answer));
        if let Some(location) = answer.location() {
            let refusal = policy.as_mut().and_then(|policy| policy.refusal(&location));
            obstacles.refusal = obstacles.refusal.or(refusal);
            if let Some(callback) = callback(&location, redirect_uris) {
                return Ok(Arrival {
                    callback,
                    location,
                    pages,
                    obstacles,
                });
            }
            answer = get(http, &location).await?;
            continue;
        }
        let forms = page_forms(&answer)?;
        pages += 1;
        let mut links = links::all(&answer.text(), &answer.url).into_iter();
        let link = links.find_map(|link| Some((callback(&link, redirect_uris)?, link)));
        if let Some((callback, location)) = link {
            return Ok(Arrival {
                callback,
                location,
                pages,
                obstacles,
            });
        }
        let Some((form, press)) = choose(&forms) else {
            return Err(dead_end(&answer));
        };
        let mut fields = form.fields.clone();
        if let Some(field) = &form.password {
            if !form.post {
                let seen = "a sign-in form that would put the password into the URL";
                return Err(PageError::Refused {
                    seen: seen.to_owned(),
                    words: String::new(),
                });
            }
            if signed_in {
                return Err(PageError::PasswordRefused {
                    status: answer.status,
                    alert: page_text::alert(&answer.text()),
                });
            }
            let Some(SignIn { user, password }) = sign_in else {
                return Err(PageError::PasswordNeeded);
            };
            // Browsers do not submit a form whose user name is empty.
            if let Some((_, name)) = fields.iter_mut().find(|(name, _)| form.is_typed(name)) {
                name.clear();
                name.push_str(user);
            }
            fields.push((field.clone(), password.expose().to_owned()));
            signed_in = true;
        }
        if let SubmitButton::Button { name, value } = press {
            fields.push((name.to_owned(), value.to_owned()));
        }
        let mut next = FormPolicy::of(&answer);
        let action = action(&answer.url, form)?;
        obstacles.refusal = obstacles.refusal.or_else(|| next.refusal(&action));
        policy = Some(next);
        answer = submit(http, &answer.url, action, form, &fields).await?;
    }
    Err(PageError::TooManyHops)
}

fn callback(location: &Url, redirect_uris: &[&Url]) -> Option<UnverifiedCallback> {
    let mut read = redirect_uris.iter();
    read.find_map(|uri| UnverifiedCallback::at(location, uri))
}

/// Prefers a form with a password, then one whose button means yes, then any other.
fn choose(forms: &[Form]) -> Option<(&Form, SubmitButton<'_>)> {
    let mut order: Vec<&Form> = forms.iter().filter(|form| form.is_usable()).collect();
    order.sort_by_key(|form| (form.password.is_none(), !form.says_yes()));
    order
        .into_iter()
        .find_map(|form| Some((form, form.agreement()?)))
}

fn page_forms(answer: &Answer) -> Result<Vec<Form>, PageError> {
    let kind = answer.header(CONTENT_TYPE).unwrap_or_default();
    if answer.status.is_success() && !kind.contains("html") {
        let seen = format!("{}: {kind:?} instead of a page", bare(&answer.url));
        return Err(PageError::Refused {
            seen,
            words: answer.text(),
        });
    }
    let forms = if kind.contains("html") {
        Form::all(&answer.text())
    } else {
        Vec::new()
    };
    // A wrong password may be answered with 401 and the form again.
    let is_stuck = !forms.iter().any(Form::is_usable);
    if is_stuck && !answer.status.is_success() || answer.status.is_server_error() {
        return Err(PageError::Refused {
            seen: format!("{}: {}", bare(&answer.url), answer.summary()),
            words: words(answer),
        });
    }
    Ok(forms)
}

/// Explains a page without a form to continue with: an error, or a page that needs scripts.
fn dead_end(answer: &Answer) -> PageError {
    let page = page_text::summary(&answer.text());
    let words = words(answer);
    let address = bare(&answer.url);
    if refusal::is_refusal(&words) {
        let seen = format!("{address}: HTTP {}, {page}", answer.status.as_u16());
        return PageError::Refused { seen, words };
    }
    PageError::DeadEnd(format!(
        "a page without a form to continue with at {address}: {page}"
    ))
}

/// Returns what a user reads in the response.
fn words(answer: &Answer) -> String {
    let text = answer.text();
    if !answer
        .header(CONTENT_TYPE)
        .unwrap_or_default()
        .contains("html")
    {
        return text;
    }
    let PageText { title, text } = PageText::of(&text);
    format!("{title} {text}")
}

async fn get(http: &HttpClient, url: &Url) -> Result<Answer, PageError> {
    let lost = |request_error| PageError::RequestError(Box::new(bare(url)), request_error);
    let request = http.browse(Method::GET, url).map_err(lost)?;
    http.send(request).await.map_err(lost)
}

/// Returns the address that `form` submits to.
fn action(page: &Url, form: &Form) -> Result<Url, PageError> {
    page.join(&form.action).map_err(|error| {
        PageError::DeadEnd(format!("a form that leads to {:?}: {error}", form.action))
    })
}

async fn submit(
    http: &HttpClient,
    page: &Url,
    mut action: Url,
    form: &Form,
    fields: &[(String, String)],
) -> Result<Answer, PageError> {
    let lost = |request_error| PageError::RequestError(Box::new(bare(page)), request_error);
    let request = if form.post {
        http.browse(Method::POST, &action)
            .map_err(lost)?
            .form(fields)
    } else {
        action.query_pairs_mut().clear().extend_pairs(fields);
        http.browse(Method::GET, &action).map_err(lost)?
    };
    // Browsers send the origin with every form; servers use it to detect forged requests.
    let request = request.header("origin", page.origin().ascii_serialization());
    http.send(request).await.map_err(lost)
}
