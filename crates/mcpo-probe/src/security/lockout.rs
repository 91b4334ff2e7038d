//! Guessing a password must become slower and slower.

use reqwest::StatusCode;

use super::{
    context::AttackContext,
    outcome::{AttackOutcome, AttackResult, summarize},
    rules,
};
use crate::{check::Log, html_form::Form, http::RequestError};

/// More wrong passwords than typing errors can explain.
const GUESSES: usize = 30;

const REFUSALS: [StatusCode; 3] = [
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::LOCKED,
    StatusCode::FORBIDDEN,
];

pub async fn check(context: &AttackContext<'_>, log: &mut Log<'_>) {
    rules::LOCKOUT.check(log, guess(context)).await;
}

async fn guess(context: &AttackContext<'_>) -> AttackResult {
    let Some(password) = context.password else {
        return Ok(AttackOutcome::Skipped("no password was given".to_owned()));
    };
    for number in 1..=GUESSES {
        let Some(answer) = attempt(context, &format!("wrong guess {number}")).await? else {
            return Ok(AttackOutcome::Skipped(
                "the first page does not ask for a password".to_owned(),
            ));
        };
        if REFUSALS.contains(&answer.status) {
            return Ok(AttackOutcome::Passed(format!(
                "{} at guess {number}",
                summarize(&answer)
            )));
        }
    }
    // A page may refuse in words instead: then even the right password has to wait.
    let open = match attempt(context, password.expose()).await? {
        Some(answer) if answer.status.is_success() => !Form::all(&answer.text())
            .iter()
            .any(|form| form.password.is_some()),
        Some(answer) => answer.status.is_redirection(),
        None => false,
    };
    Ok(AttackOutcome::when(
        !open,
        if open {
            format!("after {GUESSES} wrong guesses, the right password was accepted at once")
        } else {
            format!("after {GUESSES} wrong guesses, the right password has to wait too")
        },
    ))
}

/// Tries one password in a new browser.
async fn attempt(
    context: &AttackContext<'_>,
    password: &str,
) -> Result<Option<crate::http::Answer>, RequestError> {
    let client = context.http.without_state();
    let request = client.browse(reqwest::Method::GET, &context.request()?.url)?;
    let mut page = client.send(request).await?;
    // The sign-in page may have another address.
    for _ in 0..5 {
        let Some(location) = page
            .location()
            .filter(|url| url.origin() == page.url.origin())
        else {
            break;
        };
        page = client
            .send(client.browse(reqwest::Method::GET, &location)?)
            .await?;
    }
    let forms = Form::all(&page.text());
    let Some(form) = forms
        .iter()
        .find(|form| form.password.is_some() && form.post)
    else {
        return Ok(None);
    };
    let Ok(action) = page.url.join(&form.action) else {
        return Ok(None);
    };
    let mut fields = form.fields.clone();
    let field = form.password.clone().unwrap_or_default();
    fields.push((field, password.to_owned()));
    let request = client.browse(reqwest::Method::POST, &action)?;
    let origin = page.url.origin().ascii_serialization();
    client
        .send(request.header("origin", origin).form(&fields))
        .await
        .map(Some)
}
