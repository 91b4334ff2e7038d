//! Recognizes a server that wants a fixed header, such as a token, instead of OAuth.

use url::Url;

use super::{
    handshake::initialize_call,
    reply::Reply,
    rpc::{self, WireFormat},
};
use crate::{
    check::{Fault, Log, Pending},
    http::HttpClient,
    profile::{CanSend, Client, Profile},
};

/// What the server does without the headers that the user added.
pub enum WithoutHeaders {
    /// It answers in the same way, or no headers were added.
    Same,
    /// It offers a sign-in.
    SignIn,
    /// It refuses the request. The text says how.
    Refused(String),
}

/// Sends the first request again without the headers that the user added.
pub async fn without_headers(http: &HttpClient, target: &Url) -> WithoutHeaders {
    let Some(http) = http.without_added_headers() else {
        return WithoutHeaders::Same;
    };
    let call = initialize_call();
    let heard = rpc::call(&http, target, &WireFormat::Opening, None, &call).await;
    match heard.map(|heard| heard.reply) {
        Ok(Reply::Unauthorized(unauthorized)) => match unauthorized.challenge {
            Some(challenge) if challenge.unverified_metadata.is_some() => WithoutHeaders::SignIn,
            _ => WithoutHeaders::Refused("HTTP 401".to_owned()),
        },
        Ok(reply) if reply.is_forbidden() => WithoutHeaders::Refused("HTTP 403".to_owned()),
        _ => WithoutHeaders::Same,
    }
}

/// Judges a server that answers only with the headers that the user added: `refusal` is its answer
/// without them.
pub fn judge(
    http: &HttpClient,
    log: &mut Log<'_>,
    pending: Pending,
    profile: &Profile,
    refusal: &str,
) {
    let names = http.added_headers().join(", ");
    let title = &profile.title;
    let seen =
        format!("answers with {names}, and {refusal} without: the server wants a fixed header");
    let known = profile.request_headers.as_ref();
    let others = others(profile);
    let expected = "a sign-in with OAuth, which every client can use";
    match known.map(|known| known.can_send) {
        Some(CanSend::All) => pending.pass(log, format!("{seen}, which {title} can send")),
        Some(CanSend::Some) => {
            let limits = known.and_then(|known| known.limits.as_deref());
            let hint = format!(
                "{title} sends such headers only {}; others: {others}",
                limits.unwrap_or("with limits")
            );
            pending.warn(log, Fault::new(seen, expected, hint));
        }
        Some(CanSend::None) => {
            let hint = format!(
                "add a sign-in with OAuth: {title} cannot send such a header. These clients can: \
                 {others}"
            );
            // The checks of the tools still say something to users of other clients.
            pending.fail(log, Fault::new(seen, expected, hint));
        }
        None => {
            let hint = format!(
                "check whether {title} can send such a header. These clients can: {others}"
            );
            pending.warn(log, Fault::new(seen, expected, hint));
        }
    }
}

/// Returns the other clients that send every header.
fn others(profile: &Profile) -> String {
    let all = Client::ALL
        .into_iter()
        .filter_map(|client| client.profile().ok());
    let can = |other: &Profile| {
        let headers = other.request_headers.as_ref();
        headers.is_some_and(|headers| headers.can_send == CanSend::All)
    };
    let able = all.filter(|other| other.name != profile.name && can(other));
    able.map(|other| other.title).collect::<Vec<_>>().join(", ")
}
