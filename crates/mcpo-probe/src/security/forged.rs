//! Consent that the user never gave: another site submits the form in the user's browser.

use reqwest::Method;
use url::Url;

use super::{
    context::{AttackContext, parameter},
    outcome::{AttackOutcome, AttackResult, summarize},
};
use crate::{
    html_form::{Form, SubmitButton},
    http::{Answer, HttpClient, RequestError},
};

/// The most pages before the consent page.
const MAX_HOPS: usize = 8;

/// Submits the attacker's own form in the user's browser, from the attacker's site.
pub async fn attempt(context: &AttackContext<'_>) -> AttackResult {
    let attacker = context.http.without_state();
    let Some((page, form)) = consent_page(context, &attacker).await? else {
        return Ok(AttackOutcome::Skipped(
            "no page with a consent form was found".to_owned(),
        ));
    };
    let Ok(action) = page.join(&form.action) else {
        return Ok(AttackOutcome::Skipped(
            "the form has no valid action".to_owned(),
        ));
    };
    let mut fields = form.fields.clone();
    if let Some(SubmitButton::Button { name, value }) = form.agreement() {
        fields.push((name.to_owned(), value.to_owned()));
    }
    let request = context.http.browse(Method::POST, &action)?;
    let request = request.header("origin", "https://attacker.example");
    let sent = context.http.send(request.form(&fields)).await?;
    let code = sent.location().and_then(|url| parameter(&url, "code"));
    Ok(match code {
        Some(_) => AttackOutcome::Failed("a code for a form sent from another site".to_owned()),
        None => AttackOutcome::Passed(summarize(&sent)),
    })
}

/// Returns the consent page that the attacker gets in their own browser.
async fn consent_page(
    context: &AttackContext<'_>,
    attacker: &HttpClient,
) -> Result<Option<(Url, Form)>, RequestError> {
    let start = context.request()?.url;
    let origin = start.origin();
    let mut page = attacker.send(attacker.browse(Method::GET, &start)?).await?;
    for _ in 0..MAX_HOPS {
        if let Some(location) = page.location() {
            if location.origin() != origin {
                return Ok(None);
            }
            page = attacker
                .send(attacker.browse(Method::GET, &location)?)
                .await?;
            continue;
        }
        let mut forms = Form::all(&page.text()).into_iter().filter(|form| form.post);
        let Some(form) = forms.find(|form| form.password.is_some() || form.says_yes()) else {
            return Ok(None);
        };
        if form.password.is_none() {
            return Ok(Some((page.url, form)));
        }
        match sign_in(context, attacker, &page, &form).await? {
            Some(next) => page = next,
            None => return Ok(None),
        }
    }
    Ok(None)
}

async fn sign_in(
    context: &AttackContext<'_>,
    attacker: &HttpClient,
    page: &Answer,
    form: &Form,
) -> Result<Option<Answer>, RequestError> {
    let (Some(field), Some(password)) = (&form.password, context.password) else {
        return Ok(None);
    };
    let Ok(action) = page.url.join(&form.action) else {
        return Ok(None);
    };
    let mut fields = form.fields.clone();
    fields.push((field.clone(), password.expose().to_owned()));
    let request = attacker.browse(Method::POST, &action)?;
    let origin = page.url.origin().ascii_serialization();
    let request = request.header("origin", origin).form(&fields);
    attacker.send(request).await.map(Some)
}
