//! The parts of a text that depend on the client.

use url::Url;

/// What the texts of the files call `{addresses}`, `{redirect_uri}` and `{redirect_host}`.
#[derive(Clone, Debug, Default)]
pub struct Blanks {
    addresses: String,
    redirect_uri: String,
    redirect_host: String,
}

impl Blanks {
    /// Returns the values for a client whose requests come from `addresses` (for a sentence:
    /// `allow …`) and that is redirected to `redirect_uri`.
    pub fn new(addresses: String, redirect_uri: Option<&Url>) -> Self {
        let host = redirect_uri.and_then(Url::host_str);
        Self {
            addresses,
            redirect_uri: redirect_uri
                .map_or_else(|| "the redirect URI".to_owned(), ToString::to_string),
            redirect_host: host.unwrap_or("the host of the redirect URI").to_owned(),
        }
    }

    /// Returns `text` with the values filled in.
    pub fn fill(&self, text: &str) -> String {
        text.replace("{addresses}", &self.addresses)
            .replace("{redirect_uri}", &self.redirect_uri)
            .replace("{redirect_host}", &self.redirect_host)
    }
}
