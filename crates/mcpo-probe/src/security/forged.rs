//! Consent that the user never gave: another site submits the form in the user's browser.

use reqwest::Method;
use url::Url;

use super::{
    finding::{Finding, Held, told},
    lab::{Lab, parameter},
};
use crate::{
    html_form::{Form, Press},
    http::{Answer, Exchange, Trouble},
};

/// The most pages before the consent page.
const HOPS: usize = 8;

/// Submits the attacker's own form in the user's browser, from the attacker's site.
pub async fn attempt(lab: &Lab<'_>) -> Finding {
    let attacker = lab.exchange.stranger();
    let Some((page, form)) = consent_page(lab, &attacker).await? else {
        return Ok(Held::Skipped(
            "no page with a consent form was found".to_owned(),
        ));
    };
    let Ok(action) = page.join(&form.action) else {
        return Ok(Held::Skipped("the form has no valid action".to_owned()));
    };
    let mut fields = form.fields.clone();
    if let Some(Press::Button { name, value }) = form.agreement() {
        fields.push((name.to_owned(), value.to_owned()));
    }
    let request = lab.exchange.browse(Method::POST, &action)?;
    let request = request.header("origin", "https://attacker.example");
    let sent = lab.exchange.send(request.form(&fields)).await?;
    let code = sent.location().and_then(|url| parameter(&url, "code"));
    Ok(match code {
        Some(_) => Held::No("a code for a form sent from another site".to_owned()),
        None => Held::Yes(told(&sent)),
    })
}

/// Returns the consent page that the attacker gets in their own browser.
async fn consent_page(lab: &Lab<'_>, attacker: &Exchange) -> Result<Option<(Url, Form)>, Trouble> {
    let start = lab.request()?.url;
    let origin = start.origin();
    let mut page = attacker.send(attacker.browse(Method::GET, &start)?).await?;
    for _ in 0..HOPS {
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
        match sign_in(lab, attacker, &page, &form).await? {
            Some(next) => page = next,
            None => return Ok(None),
        }
    }
    Ok(None)
}

async fn sign_in(
    lab: &Lab<'_>,
    attacker: &Exchange,
    page: &Answer,
    form: &Form,
) -> Result<Option<Answer>, Trouble> {
    let (Some(field), Some(password)) = (&form.password, lab.password) else {
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
