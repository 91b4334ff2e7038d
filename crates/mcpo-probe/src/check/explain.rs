//! Adds to a problem what the last response shows about its cause: which known server sent it, and
//! which setting of that server fixes it.

use mcpo_common::text::clean;

use super::{Check, Verdict};
use crate::{
    fingerprints::{Blanks, Explanation, Kind, Noted, Place, Traits},
    rules,
};

/// Who caused a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The server, as far as is known.
    Server,
    /// A gateway in front of the server.
    Gateway,
    /// A gateway that lets browsers through, where users have one.
    GatewayForBrowsers,
}

/// Completes a check that did not pass, and returns who caused the problem. `recent` are the
/// responses of the check.
pub fn explain(check: &mut Check, recent: &[Noted], traits: &Traits, blanks: &Blanks) -> Cause {
    match check.verdict {
        Verdict::Warn | Verdict::Fail => {
            check.settings = traits.settings(check.rule.id, blanks);
        }
        Verdict::CouldNotRun { .. } => {}
        Verdict::Pass | Verdict::Skipped { .. } => return Cause::Server,
    }
    // Attacks provoke refusals, by gateways too.
    if check.rule.security {
        return Cause::Server;
    }
    let answers = relevant(recent);
    let explained = answers
        .iter()
        .map(|answer| (*answer, traits.explain(answer)));
    let explained: Vec<_> = explained.collect();
    for (answer, explanations) in &explained {
        let mut gateways = explanations.iter();
        if let Some(gateway) = gateways.find(|explanation| explanation.kind == Kind::Gateway) {
            return blame(check, answer, gateway, blanks);
        }
    }
    for (_, explanations) in explained.iter().rev() {
        for explanation in explanations.iter().rev() {
            add_setting(check, explanation, blanks);
        }
    }
    if let Some((last, explanations)) = explained.first()
        && explanations.is_empty()
    {
        suspect_gateway(check, last, traits, blanks);
    }
    Cause::Server
}

/// Returns the responses that may have caused the verdict, the most probable first. If the last one
/// is a success, the verdict is about it. Otherwise several addresses may have been tried.
fn relevant(recent: &[Noted]) -> Vec<&Noted> {
    match recent.last() {
        Some(last) if last.status() < 400 => vec![last],
        _ => recent
            .iter()
            .rev()
            .filter(|answer| answer.status() >= 400)
            .collect(),
    }
}

/// Makes the problem one of `gateway`, because it sent the response instead of the server.
fn blame(check: &mut Check, answer: &Noted, gateway: &Explanation, blanks: &Blanks) -> Cause {
    let address = answer.url.split('?').next().unwrap_or_default();
    let seen = clean(&format!(
        "{address}: HTTP {} from {}, which is in front of the server: {}",
        answer.status(),
        gateway.name,
        gateway.says
    ));
    // The server's own settings cannot help.
    check.settings.clear();
    check.fault.hint = clean(&blanks.fill(gateway.fix));
    let is_for_users = answer.place == Place::Authorization;
    let could_not_run = matches!(check.verdict, Verdict::CouldNotRun { .. });
    if is_for_users && (gateway.is_passed_by_browsers || could_not_run) {
        check.fault.seen.clear();
        check.fault.expected.clear();
        check.verdict = Verdict::CouldNotRun { because: seen };
        if gateway.is_passed_by_browsers {
            "browsers pass this check: sign in yourself with --browser"
                .clone_into(&mut check.fault.hint);
            return Cause::GatewayForBrowsers;
        }
        return Cause::Gateway;
    }
    // Programs are refused, so the client is too.
    if could_not_run {
        check.verdict = Verdict::Fail;
        "an answer of the server itself".clone_into(&mut check.fault.expected);
    }
    check.fault.seen = seen;
    Cause::Gateway
}

/// Adds the setting for exactly this response, in place of the general one of the same software.
fn add_setting(check: &mut Check, explanation: &Explanation, blanks: &Blanks) {
    // The probe sent an invalid token, so the server has to refuse it.
    let is_asked_for =
        [rules::INVALID_TOKEN.id, rules::INVALID_REFRESH.id].contains(&check.rule.id);
    if is_asked_for && explanation.kind == Kind::Server {
        return;
    }
    let label = format!("{}: ", explanation.name);
    check
        .settings
        .retain(|setting| !setting.starts_with(&label));
    let fix = blanks.fill(explanation.fix);
    check
        .settings
        .insert(0, format!("{label}{}: {fix}", explanation.says));
}

/// Names the gateway that may have sent an error page where a client expects JSON.
fn suspect_gateway(check: &mut Check, last: &Noted, traits: &Traits, blanks: &Blanks) {
    let cause = match last.status() {
        403 | 429 => "may have refused the request: allow {addresses} there",
        502..=504 | 520..=530 => "may have got no answer from the server",
        _ => return,
    };
    let is_page_expected = matches!(last.place, Place::Authorization | Place::Any);
    if !last.is_page() || is_page_expected {
        return;
    }
    if let Some(name) = traits.gateways().first() {
        let cause = blanks.fill(cause);
        let hint = &check.fault.hint;
        check.fault.hint = clean(&format!(
            "{name}, which is in front of the server, {cause}; otherwise {hint}"
        ));
    }
}
