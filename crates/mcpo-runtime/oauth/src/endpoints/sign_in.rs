//! `POST /sign-in`: the submitted form of a login page. A successful sign-in redirects back to
//! `/authorize`.

use std::time::Duration;

use axum::response::Response;

use super::{
    authorize::{Refusal, local_login_context, sign_in_page},
    browser_session::{Browser, KnownBrowser},
    responses::{refused, see_other, with_cookie},
    submission::{SignInForm, Submission},
};
use crate::{
    login::{Identity, LoginContext, Outcome, Refusal as LoginRefusal, Subject, name_owner},
    net::{client_ip::ClientIp, throttle::Attempt},
    oauth::{base_url::BaseUrl, error::OAuthError, params::Params, paths},
    state::App,
};

/// The longest account name that failed attempts are counted by, in characters.
const MAX_ACCOUNT_CHARS: usize = 256;

pub(crate) async fn post(submission: Submission<SignInForm>) -> Response {
    let Submission {
        context,
        form,
        browser,
        params,
        request,
        ..
    } = submission;
    let (app, base, client) = (&*context.app, &context.base, context.client);
    let login_context = match local_login_context(app, client.source()) {
        Ok(login_context) => login_context,
        Err(error) => return Refusal::redirect(&request, error).after_decision(app, base),
    };
    let known = context.known_browser();
    let response = match attempt(app, client, known.as_ref(), &login_context, params).await {
        Outcome::Identity(identity) => {
            match name_owner::check(app.store.as_ref(), &app.clock, app.login.name(), &identity)
                .await
            {
                Ok(Ok(())) => signed_in(app, base, &form.query, known, identity),
                Ok(Err(refusal)) => Ok(refused(app, &refusal, &form.query)),
                Err(error) => Err(error.into()),
            }
        }
        Outcome::Page(page) => sign_in_page(app, &browser, &form.query, &request, &page),
        Outcome::Refusal(refusal) => Ok(refused(app, &refusal, &form.query)),
        Outcome::Redirect(_) => {
            let refusal =
                LoginRefusal::unexpected("the login redirects to a provider it does not name");
            Ok(refused(app, &refusal, &form.query))
        }
    };
    response.unwrap_or_else(|error| Refusal::redirect(&request, error).after_decision(app, base))
}

/// Passes the submitted form to the login, unless there were too many attempts. This limit applies
/// to every login, including custom ones.
async fn attempt(
    app: &App,
    client: ClientIp,
    known: Option<&KnownBrowser>,
    context: &LoginContext,
    params: Params,
) -> Outcome {
    // The form does not say which page was shown, but the first page of the login has the account
    // field.
    let page = match app.login.begin(context).await {
        Outcome::Page(page) => page,
        other => return other,
    };
    let account = page.account_field().and_then(|field| params.get(field));
    let account = account.unwrap_or_default().trim().to_lowercase();
    let account: String = account.chars().take(MAX_ACCOUNT_CHARS).collect();
    let attempt = Attempt {
        account: &account,
        source: client.source(),
        browser: known.map(KnownBrowser::id),
    };
    if let Err(wait) = app.sign_ins.attempt(attempt, context.now) {
        let seconds = wait.as_secs();
        tracing::warn!(%client, account, login = app.login.name(), seconds, "sign-in throttled");
        return Outcome::Page(page.with_problem(format!(
            "There were too many attempts. Try again in {}.",
            in_words(wait)
        )));
    }
    let outcome = app.login.resume(context, &params.into()).await;
    match &outcome {
        Outcome::Identity(_) => app.sign_ins.success(attempt),
        // The next page of a login with several steps.
        Outcome::Page(page) if !page.has_problem() => {}
        Outcome::Page(_) | Outcome::Refusal(_) | Outcome::Redirect(_) => {
            tracing::warn!(%client, account, login = app.login.name(), "sign-in failed");
        }
    }
    outcome
}

fn signed_in(
    app: &App,
    base: &BaseUrl,
    query: &str,
    known: Option<KnownBrowser>,
    identity: Identity,
) -> Result<Response, OAuthError> {
    let subject = Subject::new(identity, None, &app.credential_versions);
    tracing::info!(account = subject.id, "signed in");
    let known = match known {
        Some(known) => known,
        None => KnownBrowser::new(app, base)?,
    };
    let browser = Browser::new(app, base, Some(subject))?;
    let response = see_other(&format!("{}?{query}", paths::AUTHORIZE));
    let response = with_cookie(response, known.cookie(app, base)?);
    Ok(with_cookie(response, browser.cookie(app, base)?))
}

fn in_words(wait: Duration) -> String {
    match wait.as_secs() {
        0 | 1 => "a second".to_owned(),
        seconds @ 2..=90 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}
