//! Comparison of redirect URIs with the registered ones.

use url::Url;

use super::{
    Hole,
    state::{Client, State},
};

/// Returns true if `asked` is registered, byte for byte; on loopback the port is ignored.
pub fn is_registered(state: &State, client: &Client, asked: &str) -> bool {
    client.redirect_uris.is_empty()
        || client
            .redirect_uris
            .iter()
            .any(|own| own == asked || same_on_loopback(own, asked) || sloppy(state, own, asked))
        || (state.is_open_to(Hole::RedirectForeign) && asked == "https://attacker.example/callback")
}

fn same_on_loopback(own: &str, asked: &str) -> bool {
    let (Ok(own), Ok(mut asked)) = (Url::parse(own), Url::parse(asked)) else {
        return false;
    };
    let local = own.scheme() == "http";
    local && asked.set_port(own.port()).is_ok() && own == asked
}

fn sloppy(state: &State, own: &str, asked: &str) -> bool {
    let (Ok(own_url), Ok(mut url)) = (Url::parse(own), Url::parse(asked)) else {
        return false;
    };
    match state.settings.hole {
        Some(Hole::RedirectPath) => return asked.starts_with(&format!("{own}/")),
        Some(Hole::RedirectCase) => return own.eq_ignore_ascii_case(asked),
        Some(Hole::RedirectQuery) => url.set_query(None),
        Some(Hole::RedirectFragment) => url.set_fragment(None),
        Some(Hole::RedirectPort) => drop(url.set_port(None)),
        Some(Hole::RedirectUser) => drop(url.set_username("")),
        Some(Hole::RedirectHost) => {
            let host = own_url.host_str().unwrap_or_default();
            return asked.starts_with(&format!("https://{host}.")) && url.path() == own_url.path();
        }
        _ => return false,
    }
    url == own_url
}
