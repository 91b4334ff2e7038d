//! The parts of a text that depend on the client.

use url::Url;

use crate::profile::Profile;

/// What the texts of the files call `{addresses}`, `{redirect_uri}` and `{redirect_host}`.
#[derive(Clone, Debug, Default)]
pub struct Blanks {
    addresses: String,
    redirect_uri: String,
    redirect_host: String,
}

impl Blanks {
    /// Returns the values for the client of `profile`. It is redirected to `redirect_uri`, or else
    /// to the first URI that it registers.
    pub fn of(profile: &Profile, redirect_uri: Option<&Url>) -> Self {
        let redirect_uri = redirect_uri
            .cloned()
            .or_else(|| profile.redirect_uris().next());
        let host = redirect_uri.as_ref().and_then(Url::host_str);
        Self {
            addresses: profile.addresses(),
            redirect_host: host.unwrap_or("the host of the redirect URI").to_owned(),
            redirect_uri: redirect_uri
                .map_or_else(|| "the redirect URI".to_owned(), |uri| uri.to_string()),
        }
    }

    /// Returns `text` with the values filled in.
    pub fn fill(&self, text: &str) -> String {
        text.replace("{addresses}", &self.addresses)
            .replace("{redirect_uri}", &self.redirect_uri)
            .replace("{redirect_host}", &self.redirect_host)
    }
}
