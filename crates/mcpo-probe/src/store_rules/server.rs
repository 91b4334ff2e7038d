//! Tests of the server as a whole: its info, its address, its documents and the probe's checks.

use serde_json::Value;
use url::Url;

use super::outcome::{Evidence, Findings, finding};
use crate::{check::Verdict, http::is_loopback, rules, target::Target};

/// Why a rule about HTTP was not checked.
const NOT_HTTP: &str = "the probe used the server over stdio, and stores list servers over HTTP";

pub fn url(evidence: &Evidence<'_>, at: &str, max: usize) -> Findings {
    let name = at.trim_start_matches('/');
    let seen = match evidence.server()?.pointer(at).and_then(Value::as_str) {
        None => Some(format!("no {name}")),
        Some(text) => {
            let url = Url::parse(text).ok();
            let usable = url.is_some_and(|url| {
                url.scheme() == "https" && url.username().is_empty() && url.password().is_none()
            });
            (!usable || text.chars().count() > max).then(|| format!("{name} is {text}"))
        }
    };
    Ok(seen.map(|seen| finding(None, seen)).into_iter().collect())
}

pub fn https_port(evidence: &Evidence<'_>) -> Findings {
    let target = match evidence.target {
        Target::Url(target) if !is_loopback(target) => target,
        _ => return Err("the server is on this machine".to_owned()),
    };
    let is_standard = target.scheme() == "https" && target.port_or_known_default() == Some(443);
    let found = (!is_standard).then(|| finding(None, format!("the URL is {target}")));
    Ok(found.into_iter().collect())
}

pub fn domain_verification(evidence: &Evidence<'_>, min: usize, max: usize) -> Findings {
    let document = match &evidence.seen.domain_verification {
        None if evidence.target.url().is_none() => return Err(NOT_HTTP.to_owned()),
        None => return Err("the probe ended before it".to_owned()),
        Some(Err(error)) => return Err(error.clone()),
        Some(Ok(document)) if document.status == 404 => {
            return Err("no token is set yet (HTTP 404)".to_owned());
        }
        Some(Ok(document)) => document,
    };
    let body = document.body.strip_suffix('\n').unwrap_or(&document.body);
    let is_token = (min..=max).contains(&body.len())
        && body.bytes().all(|byte| byte.is_ascii_graphic())
        && !body.starts_with(['{', '[', '<', '"']);
    let seen = if document.status != 200 {
        format!("HTTP {}", document.status)
    } else if document.media_type != "text/plain" {
        format!("the media type is {:?}", document.media_type)
    } else if is_token {
        return Ok(Vec::new());
    } else {
        format!("{} characters that are not one token", body.chars().count())
    };
    Ok(vec![finding(None, seen)])
}

/// The parameters of [`check`].
pub struct CheckTest<'t> {
    pub checks: &'t [String],
    pub clients: &'t [String],
    pub warnings_count: bool,
    pub unless_failed: Option<&'t str>,
    pub hint: Option<&'t str>,
}

pub fn check(evidence: &Evidence<'_>, test: &CheckTest<'_>) -> Findings {
    // Stores list servers over HTTP, so a check over stdio is not about them.
    let is_about_tools = |id: &String| id == rules::TOOLS_CALL.id;
    if evidence.target.url().is_none() && !test.checks.iter().all(is_about_tools) {
        return Err(NOT_HTTP.to_owned());
    }
    if let Some(client) = test.clients.first()
        && !test.clients.iter().any(|client| client == evidence.client)
    {
        return Err(format!("run again with --as {client}"));
    }
    let named = evidence.checks.iter();
    let named = named.filter(|check| test.checks.iter().any(|id| id == check.rule.id));
    let mut passed = false;
    let mut found = Vec::new();
    for check in named {
        match check.verdict {
            Verdict::Pass => passed = true,
            Verdict::Warn if !test.warnings_count => {}
            Verdict::Warn | Verdict::Fail => {
                let seen = format!("{}: {}", check.rule.title, check.fault.seen);
                found.push(finding(None, seen));
            }
            Verdict::Skipped { .. } | Verdict::CouldNotRun { .. } => {}
        }
    }
    if !found.is_empty() {
        return Ok(found);
    }
    match (passed, test.unless_failed) {
        (true, None) => Ok(found),
        (true, Some(reason)) => Err(reason.to_owned()),
        (false, _) => Err(test.hint.map_or_else(
            || format!("the check {} did not run", test.checks.join(", ")),
            str::to_owned,
        )),
    }
}
