//! Guessing a password takes longer and longer.

use reqwest::StatusCode;

use super::{
    finding::{Finding, Held, told},
    lab::Lab,
    rules,
};
use crate::walk::{check::Log, http::Trouble, oauth::Form};

/// As many guesses as nobody mistypes.
const GUESSES: usize = 30;

const REFUSALS: [StatusCode; 3] = [
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::LOCKED,
    StatusCode::FORBIDDEN,
];

pub async fn check(lab: &Lab<'_>, log: &mut Log<'_>) {
    rules::LOCKOUT.check(log, guess(lab)).await;
}

async fn guess(lab: &Lab<'_>) -> Finding {
    let Some(password) = lab.password else {
        return Ok(Held::Skipped(
            "no password was given for the walk".to_owned(),
        ));
    };
    for number in 1..=GUESSES {
        let Some(answer) = attempt(lab, &format!("wrong guess {number}")).await? else {
            return Ok(Held::Skipped(
                "the first page asks for no password".to_owned(),
            ));
        };
        if REFUSALS.contains(&answer.status) {
            return Ok(Held::Yes(format!("{} at guess {number}", told(&answer))));
        }
    }
    // Pages may say it in words: then the right password has to wait too.
    let open = match attempt(lab, password.expose()).await? {
        Some(answer) if answer.status.is_success() => !Form::all(&answer.text())
            .iter()
            .any(|form| form.password.is_some()),
        Some(answer) => answer.status.is_redirection(),
        None => false,
    };
    Ok(Held::when(
        !open,
        if open {
            format!("{GUESSES} guesses one after another, and the right one was let in at once")
        } else {
            format!("after {GUESSES} guesses the right password has to wait too")
        },
    ))
}

/// One password, by a browser that was never here.
async fn attempt(
    lab: &Lab<'_>,
    password: &str,
) -> Result<Option<crate::walk::http::Answer>, Trouble> {
    let stranger = lab.exchange.stranger();
    let request = stranger.browse(reqwest::Method::GET, &lab.request()?.url)?;
    let mut page = stranger.send(request).await?;
    // Sign-in may live at an address of its own.
    for _ in 0..5 {
        let Some(location) = page
            .location()
            .filter(|url| url.origin() == page.url.origin())
        else {
            break;
        };
        page = stranger
            .send(stranger.browse(reqwest::Method::GET, &location)?)
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
    let request = stranger.browse(reqwest::Method::POST, &action)?;
    let origin = page.url.origin().ascii_serialization();
    stranger
        .send(request.header("origin", origin).form(&fields))
        .await
        .map(Some)
}
