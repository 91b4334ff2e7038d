//! The sign-in and consent pages.

use html5gum::{Token, Tokenizer};
use reqwest::Method;
use url::Url;

use super::{
    context::{AttackContext, parameter, with},
    forged,
    outcome::{AttackOutcome, AttackResult, summarize},
    registration, rules,
};
use crate::{
    check::Log,
    credentials::RegisteredClient,
    http::{Answer, RequestError},
};

/// A script that breaks out of an attribute and out of text; harmless, and never there by chance.
const SCRIPT: &str = "\"'><script>probe(1)</script>";

pub async fn check(context: &AttackContext<'_>, log: &mut Log<'_>) {
    rules::PAGE_CONSENT.check(log, consent(context)).await;
    rules::PAGE_FRAMING.check(log, framing(context)).await;
    rules::PAGE_COOKIES.check(log, cookies(context)).await;
    rules::PAGE_CACHING.check(log, caching(context)).await;
    rules::PAGE_CORS.check(log, cors(context)).await;
    rules::PAGE_FORGED
        .check(log, forged::attempt(context))
        .await;
    rules::PAGE_SCRIPT_IN_STATE
        .check(log, reflected(context, "state"))
        .await;
    rules::PAGE_SCRIPT_IN_SCOPE
        .check(log, reflected(context, "scope"))
        .await;
    rules::PAGE_SCRIPT_IN_ERROR
        .check(log, reflected(context, "client_id"))
        .await;
    rules::PAGE_SCRIPT_IN_REDIRECT
        .check(log, reflected(context, "redirect_uri"))
        .await;
    rules::PAGE_SCRIPT_IN_NAME
        .check(log, script_in_name(context))
        .await;
}

/// Fetches a page as a new browser would: without cookies.
async fn page(context: &AttackContext<'_>, url: &Url) -> Result<Answer, RequestError> {
    let request = context.http.request(Method::GET, url)?;
    context
        .http
        .send(request.header("accept", "text/html"))
        .await
}

async fn first_page(context: &AttackContext<'_>) -> Result<Option<Answer>, RequestError> {
    let answer = page(context, &context.request()?.url).await?;
    Ok(Some(answer).filter(|answer| answer.status.is_success()))
}

fn elsewhere() -> AttackOutcome {
    let because = "the authorization endpoint shows no page";
    AttackOutcome::Skipped(because.to_owned())
}

/// Requires a page before the first code. A user who was never asked cannot have agreed, and anyone
/// can register a client.
async fn consent(context: &AttackContext<'_>) -> AttackResult {
    let answer = page(context, &context.request()?.url).await?;
    let own = context.redirect_uri;
    let code = answer
        .location()
        .filter(|url| url.path() == own.path() && url.host() == own.host());
    let given = code.and_then(|url| parameter(&url, "code")).is_some();
    Ok(AttackOutcome::when(
        !given,
        if given {
            "a code at once, without a page"
        } else {
            "a page comes first"
        },
    ))
}

async fn framing(context: &AttackContext<'_>) -> AttackResult {
    let Some(answer) = first_page(context).await? else {
        return Ok(elsewhere());
    };
    let frames = answer
        .header("x-frame-options")
        .unwrap_or_default()
        .to_uppercase();
    let policy = answer.header("content-security-policy").unwrap_or_default();
    let ancestors = policy
        .split(';')
        .find_map(|part| part.trim().strip_prefix("frame-ancestors"));
    let held = match ancestors {
        Some(ancestors) => matches!(ancestors.trim(), "'none'" | "'self'"),
        None => matches!(frames.as_str(), "DENY" | "SAMEORIGIN"),
    };
    let seen = match (ancestors, frames.as_str()) {
        (Some(ancestors), _) => format!("frame-ancestors{ancestors}"),
        (None, "") => "neither frame-ancestors nor X-Frame-Options".to_owned(),
        (None, frames) => format!("X-Frame-Options: {frames}"),
    };
    Ok(AttackOutcome::when(held, seen))
}

async fn cookies(context: &AttackContext<'_>) -> AttackResult {
    let Some(answer) = first_page(context).await? else {
        return Ok(elsewhere());
    };
    let secure = answer.url.scheme() == "https";
    let values = answer.headers.get_all("set-cookie").iter();
    let cookies: Vec<String> = values
        .filter_map(|value| Some(value.to_str().ok()?.to_owned()))
        .collect();
    for cookie in &cookies {
        let name = cookie.split('=').next().unwrap_or_default();
        let flags: Vec<String> = cookie
            .split(';')
            .skip(1)
            .map(|flag| flag.trim().to_lowercase())
            .collect();
        let has = |flag: &str| flags.iter().any(|held| held == flag);
        let missing = if !has("httponly") {
            "HttpOnly"
        } else if !has("samesite=lax") && !has("samesite=strict") {
            "SameSite=Lax"
        } else if secure && !has("secure") {
            "Secure"
        } else {
            continue;
        };
        return Ok(AttackOutcome::Failed(format!("{name} without {missing}")));
    }
    Ok(AttackOutcome::Passed(match cookies.len() {
        0 => "the first page sets no cookie".to_owned(),
        count => format!("{count} with every flag"),
    }))
}

async fn caching(context: &AttackContext<'_>) -> AttackResult {
    let Some(answer) = first_page(context).await? else {
        return Ok(elsewhere());
    };
    let seen = answer
        .header("cache-control")
        .unwrap_or("no Cache-Control")
        .to_owned();
    Ok(if seen.contains("no-store") || seen.contains("no-cache") {
        AttackOutcome::Passed(seen)
    } else {
        AttackOutcome::Weak(seen)
    })
}

/// Checks that scripts of other sites cannot read the pages with the user's cookies.
async fn cors(context: &AttackContext<'_>) -> AttackResult {
    let request = context.http.request(Method::GET, &context.request()?.url)?;
    let answer = context
        .http
        .send(request.header("origin", "https://attacker.example"))
        .await?;
    let readable = answer.header("access-control-allow-credentials") == Some("true")
        && answer.header("access-control-allow-origin") == Some("https://attacker.example");
    Ok(AttackOutcome::when(
        !readable,
        if readable {
            "any site can read it with cookies"
        } else {
            "not readable"
        },
    ))
}

async fn reflected(context: &AttackContext<'_>, name: &str) -> AttackResult {
    let url = &context.request()?.url;
    let value = match name {
        "redirect_uri" => format!("{}?{SCRIPT}", context.redirect_uri),
        _ => SCRIPT.to_owned(),
    };
    let answer = page(context, &with(url, name, Some(&value))).await?;
    Ok(escaped(&answer))
}

async fn script_in_name(context: &AttackContext<'_>) -> AttackResult {
    let client: Option<RegisteredClient> = registration::named(context, SCRIPT).await?;
    let Some(client) = client else {
        return Ok(AttackOutcome::Passed(
            "no client with such a name can be registered".to_owned(),
        ));
    };
    let url = context.request_for(&client)?.url;
    let answer = page(context, &url).await?;
    Ok(escaped(&answer))
}

/// Checks that the script does not run. Browsers run scripts in a response that is HTML or has no
/// content type.
fn escaped(answer: &Answer) -> AttackOutcome {
    let kind = answer
        .header("content-type")
        .unwrap_or("text/html")
        .to_lowercase();
    let runs = kind.contains("html") && has_script(&answer.text());
    let seen = if runs {
        "the script would run".to_owned()
    } else {
        summarize(answer)
    };
    AttackOutcome::when(!runs, seen)
}

/// Returns true if the script is an element of the page, not text or a value.
fn has_script(html: &str) -> bool {
    let mut inside = false;
    for token in Tokenizer::new(html) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => inside = &**tag.name == b"script",
            Token::String(text) if inside => {
                if text.starts_with(b"probe(1)") {
                    return true;
                }
            }
            _ => inside = false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{SCRIPT, has_script};

    #[test]
    fn escaped_script_is_not_detected_as_an_element() {
        let quoted = SCRIPT.replace('"', "&quot;");
        assert!(!has_script(&format!("<input value=\"{quoted}\">")));
        assert!(has_script(&format!("<input value=\"{SCRIPT}\">")) && has_script(SCRIPT));
        assert!(!has_script(&SCRIPT.replace('<', "&lt;")));
    }
}
