//! Checks that nothing makes clients sign in to a server that requires no token.

use serde::Deserialize;
use url::Url;

use crate::{
    check::{Fault, Log, Pending},
    http::HttpClient,
    oauth::well_known,
};

/// A metadata document of either kind.
#[derive(Deserialize)]
struct Metadata {
    resource: Option<String>,
    issuer: Option<String>,
}

/// Asks the well-known addresses that clients ask. claude.ai signs in wherever it finds metadata,
/// even if the endpoint itself answers without a token.
pub async fn judge(http: &HttpClient, log: &mut Log<'_>, pending: Pending, target: &Url) {
    let open = "answers without a token: open to everyone";
    let mut addresses = well_known::of_resource(target);
    let mut origin = target.clone();
    origin.set_path("/");
    origin.set_query(None);
    addresses.extend(well_known::of_issuer(&origin));
    for address in &addresses {
        if is_metadata(http, address).await {
            let seen = format!("{open}; but there is OAuth metadata at {address}");
            let expected = "either 401 with a challenge, or no OAuth metadata on this host";
            let hint = "require a token, or serve the MCP endpoint on another host than the \
                        authorization server: claude.ai makes its users sign in wherever it finds \
                        metadata";
            return pending.warn(log, Fault::new(seen, expected, hint));
        }
    }
    if http.is_public() {
        let expected = "a sign-in, or tools that everyone on the internet may call";
        let hint = "require a token, unless the server is meant for everyone";
        return pending.warn(log, Fault::new(open, expected, hint));
    }
    pending.pass(log, open);
}

async fn is_metadata(http: &HttpClient, address: &Url) -> bool {
    let Ok(answer) = http.fetch(address).await else {
        return false;
    };
    let metadata = answer.json::<Metadata>().ok();
    let metadata = metadata.filter(|_| answer.status.is_success());
    metadata.is_some_and(|metadata| metadata.resource.or(metadata.issuer).is_some())
}
