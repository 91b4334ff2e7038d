//! Comparison of redirect URIs with the registered ones.

use url::Url;

use super::{
    Vulnerability,
    state::{Client, State},
};

/// Returns true if `asked` is registered, byte for byte; on loopback the port is ignored.
pub fn is_registered(state: &State, client: &Client, asked: &str) -> bool {
    client.redirect_uris.is_empty()
        || client.redirect_uris.iter().any(|own| {
            own == asked
                || same_on_loopback(own, asked)
                || matches_as_vulnerability(state, own, asked)
        })
        || (state.is_vulnerable_to(Vulnerability::RedirectForeign)
            && asked == "https://attacker.example/callback")
}

fn same_on_loopback(own: &str, asked: &str) -> bool {
    let (Ok(own), Ok(mut asked)) = (Url::parse(own), Url::parse(asked)) else {
        return false;
    };
    let local = own.scheme() == "http";
    local && asked.set_port(own.port()).is_ok() && own == asked
}

fn matches_as_vulnerability(state: &State, own: &str, asked: &str) -> bool {
    let (Ok(own_url), Ok(mut url)) = (Url::parse(own), Url::parse(asked)) else {
        return false;
    };
    match state.settings.vulnerability {
        Some(Vulnerability::RedirectPath) => return asked.starts_with(&format!("{own}/")),
        Some(Vulnerability::RedirectCase) => return own.eq_ignore_ascii_case(asked),
        Some(Vulnerability::RedirectQuery) => url.set_query(None),
        Some(Vulnerability::RedirectFragment) => url.set_fragment(None),
        Some(Vulnerability::RedirectPort) => drop(url.set_port(None)),
        Some(Vulnerability::RedirectUser) => drop(url.set_username("")),
        Some(Vulnerability::RedirectHost) => {
            let host = own_url.host_str().unwrap_or_default();
            return asked.starts_with(&format!("https://{host}.")) && url.path() == own_url.path();
        }
        _ => return false,
    }
    url == own_url
}
