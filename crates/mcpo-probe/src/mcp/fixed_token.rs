//! Recognizes a server that wants a fixed header, such as a token, instead of OAuth.

use serde_json::json;
use url::Url;

use super::{
    handshake::{initialize_call, negotiated},
    reply::{Reply, Unauthorized},
    rpc::{self, Call, WireFormat},
};
use crate::{
    check::{Fault, Log, Pending},
    http::{HttpClient, RequestError},
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
    /// The request got no response. The text says why.
    Unknown(String),
}

/// Sends the first requests again without the headers that the user added. With them, the server
/// answers in `wire_format`, and `answers_list` is true if it has a list of tools.
pub async fn without_headers(
    http: &HttpClient,
    target: &Url,
    wire_format: &WireFormat,
    answers_list: bool,
) -> WithoutHeaders {
    let Some(http) = http.without_added_headers() else {
        return WithoutHeaders::Same;
    };
    match first_refusal(&http, target, wire_format, answers_list).await {
        Ok(None) => WithoutHeaders::Same,
        Ok(Some(Reply::Unauthorized(Unauthorized {
            challenge: Some(challenge),
            ..
        }))) if challenge.unverified_metadata.is_some() => WithoutHeaders::SignIn,
        Ok(Some(reply)) => WithoutHeaders::Refused(reply.summary()),
        Err(error) => WithoutHeaders::Unknown(error.to_string()),
    }
}

/// Sends the requests up to `tools/list`, and returns the first reply that is no answer. Servers may
/// answer `initialize` to everyone.
async fn first_refusal(
    http: &HttpClient,
    target: &Url,
    wire_format: &WireFormat,
    answers_list: bool,
) -> Result<Option<Reply>, RequestError> {
    let mut wire_format = wire_format.clone();
    if let WireFormat::Session { .. } = wire_format {
        let call = initialize_call();
        let heard = rpc::call(http, target, &WireFormat::Opening, None, &call).await?;
        let opened = match &heard.reply {
            Reply::Result(result) => negotiated(result, heard.session),
            _ => None,
        };
        match opened {
            Some(opened) => wire_format = opened,
            None => return Ok(Some(heard.reply)),
        }
        let initialized = Call::new("notifications/initialized", json!({}));
        rpc::call(http, target, &wire_format, None, &initialized).await?;
    }
    let list = Call::new("tools/list", json!({}));
    let heard = rpc::call(http, target, &wire_format, None, &list).await?;
    Ok(match heard.reply {
        Reply::Result(_) => None,
        Reply::Error { .. } if !answers_list => None,
        reply => Some(reply),
    })
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
    // The settings of a recognized server are about a sign-in.
    let pending = pending.without_settings();
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
