//! Completes the sign-in and consent pages: in the probe itself, or in the user's browser.

use reqwest::StatusCode;
use url::Url;

use super::{
    callback::UnverifiedCallback,
    listener::Listener,
    pages::{self, Arrival, Obstacles, PageError, SignIn},
    refusal,
};
use crate::{
    check::{Fault, Log, Pending, Step, Stop, Suggestion},
    http::HttpClient,
    plan::Person,
};

/// Who completes the pages, and the redirect URI at the end.
#[derive(Debug)]
pub enum UserAgent<'p> {
    /// The probe fills in the forms; nothing needs to listen at the redirect URI.
    Forms {
        sign_in: Option<SignIn<'p>>,
        redirect_uri: &'p Url,
    },
    /// The user's own browser returns to a listener.
    Browser(Listener),
}

impl<'p> UserAgent<'p> {
    pub async fn prepare(person: &'p Person, path: &str) -> std::io::Result<Self> {
        Ok(match person {
            Person::Forms {
                user,
                password,
                redirect_uri,
            } => Self::Forms {
                sign_in: SignIn::of(user.as_deref(), password.as_ref()),
                redirect_uri,
            },
            Person::Browser => Self::Browser(Listener::bind(path).await?),
        })
    }

    pub const fn redirect_uri(&self) -> &Url {
        match self {
            Self::Forms { redirect_uri, .. } => redirect_uri,
            Self::Browser(listener) => &listener.redirect_uri,
        }
    }

    /// Goes from the authorization endpoint to the redirect URI.
    pub async fn visit(
        &self,
        http: &HttpClient,
        log: &mut Log<'_>,
        pending: Pending,
        start: &Url,
    ) -> Step<UnverifiedCallback> {
        match self {
            Self::Forms {
                sign_in,
                redirect_uri,
            } => match pages::complete(http, start, *sign_in, &[redirect_uri]).await {
                Ok(arrival) => {
                    judge(log, pending, &arrival);
                    Ok(arrival.callback)
                }
                Err(lost) => Err(explain(log, pending, start, lost)),
            },
            Self::Browser(listener) => {
                log.recorder()
                    .announce("waiting for your browser to come back");
                Self::wait_for(listener, log, pending, start).await
            }
        }
    }

    /// Waits for the user's browser.
    async fn wait_for(
        listener: &Listener,
        log: &mut Log<'_>,
        pending: Pending,
        start: &Url,
    ) -> Step<UnverifiedCallback> {
        match listener.visit(start).await {
            Ok(Some(callback)) => {
                pending.pass(log, "the browser came back");
                Ok(callback)
            }
            Ok(None) => {
                let because = "the browser did not come back within 5 minutes";
                Err(pending.could_not_run(log, because, ""))
            }
            Err(error) => {
                let hint = "without a browser here, leave out --browser";
                let because = format!("no browser could be opened: {error}");
                Err(pending.could_not_run(log, because, hint))
            }
        }
    }
}

/// Records how the redirect URI was reached, and whether a browser would reach it too.
fn judge(log: &mut Log<'_>, pending: Pending, arrival: &Arrival) {
    let Obstacles { refusal, cookies } = &arrival.obstacles;
    if let Some(refusal) = refusal {
        let expected = "no form-action, or one that lists the client's redirect URI";
        let hint = "leave form-action out of the page's Content-Security-Policy, or add the origin \
                    or scheme of the client's redirect URI to it";
        // The rest of the server can still be checked.
        let _ = pending.fail(log, Fault::new(refusal, expected, hint));
    } else if let Some(problem) = cookies.first() {
        let expected =
            "cookies that browsers store and send, such as Secure; HttpOnly; SameSite=Lax";
        let hint = "set SameSite=Lax, and Secure on https";
        pending.warn(log, Fault::new(problem, expected, hint));
    } else {
        pending.pass(log, count(arrival.pages));
    }
}

fn count(pages: usize) -> String {
    match pages {
        0 => "redirected at once".to_owned(),
        1 => "through 1 page".to_owned(),
        pages => format!("through {pages} pages"),
    }
}

/// Records why the pages that begin at `request` could not be completed.
fn explain(log: &mut Log<'_>, pending: Pending, request: &Url, lost: PageError) -> Stop {
    let expected = "a redirect, or a page with a form";
    let fault = match lost {
        PageError::PasswordNeeded => {
            log.suggest(Suggestion::Password);
            let because = "the sign-in page asks for a password, but none was given";
            let hint = "set MCPO_PROBE_PASSWORD, or sign in yourself with --browser";
            return pending.could_not_run(log, because, hint);
        }
        PageError::PasswordRefused { status, alert } => {
            return password_refused(log, pending, status, alert.as_deref());
        }
        PageError::DeadEnd(seen) => {
            log.suggest(Suggestion::Browser);
            return pending.could_not_run(log, seen, "sign in yourself with --browser");
        }
        PageError::RequestError(url, request_error) => Fault::new(
            format!("{url}: {request_error}"),
            expected,
            request_error.hint(),
        ),
        PageError::Refused { seen, words } => {
            let hint = refusal::fix(&words, request).unwrap_or_else(|| {
                "answer an authorization request with a page or a redirect".to_owned()
            });
            Fault::new(seen, expected, hint)
        }
        PageError::TooManyHops => {
            let seen = "endless pages and redirects";
            Fault::new(seen, expected, "end the sign-in at the redirect URI")
        }
    };
    pending.fail(log, fault)
}

/// Reports what the page says. After too many attempts, a server refuses the right password too.
fn password_refused(
    log: &mut Log<'_>,
    pending: Pending,
    status: StatusCode,
    alert: Option<&str>,
) -> Stop {
    let words = alert.unwrap_or_default().to_lowercase();
    let waits = ["too many", "try again in", "try again later", "locked"];
    let is_throttled =
        status == StatusCode::TOO_MANY_REQUESTS || waits.iter().any(|wait| words.contains(wait));
    let quoted = alert.map_or_else(String::new, |alert| format!(": “{alert}”"));
    if is_throttled {
        let because = format!("the sign-in page accepts no password at the moment{quoted}");
        let hint = "wait, then probe again: the password may be right";
        return pending.could_not_run(log, because, hint);
    }
    log.suggest(Suggestion::Password);
    let because = format!("the sign-in page rejected the password{quoted}");
    pending.could_not_run(log, because, "check MCPO_PROBE_PASSWORD")
}
