//! Guessing a password takes longer and longer.

use reqwest::StatusCode;

use super::{
    finding::{Finding, Held, told},
    lab::Lab,
    rules,
};
use crate::probe::{check::Log, http::Trouble, oauth::Form};

/// As many guesses as nobody mistypes.
const GUESSES: usize = 30;

pub async fn check(lab: &Lab<'_>, log: &mut Log<'_>) {
    rules::LOCKOUT.check(log, guess(lab)).await;
}

async fn guess(lab: &Lab<'_>) -> Finding {
    for number in 1..=GUESSES {
        let Some(status) = attempt(lab, number).await? else {
            return Ok(Held::Skipped(
                "the first page asks for no password".to_owned(),
            ));
        };
        if matches!(
            status.status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::LOCKED | StatusCode::FORBIDDEN
        ) {
            return Ok(Held::Yes(format!("{} at guess {number}", told(&status))));
        }
    }
    Ok(Held::No(format!(
        "{GUESSES} guesses one after another, and none was held up"
    )))
}

/// One wrong password, by a browser that was never here.
async fn attempt(
    lab: &Lab<'_>,
    number: usize,
) -> Result<Option<crate::probe::http::Answer>, Trouble> {
    let stranger = lab.exchange.stranger();
    let request = stranger.browse(reqwest::Method::GET, &lab.request()?.url)?;
    let mut page = stranger.send(request.header("accept", "text/html")).await?;
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
    fields.push((field, format!("wrong guess {number}")));
    let request = stranger.browse(reqwest::Method::POST, &action)?;
    let origin = page.url.origin().ascii_serialization();
    stranger
        .send(request.header("origin", origin).form(&fields))
        .await
        .map(Some)
}
