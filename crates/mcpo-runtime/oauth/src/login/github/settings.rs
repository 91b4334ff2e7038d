//! Settings of the GitHub login: server, app and allow-list.

use std::fmt;

use url::Url;

use super::allow_list::AllowList;
use crate::net::http_client::{HttpClient, server_url};

const SERVER: &str = "https://github.com";
const API: &str = "https://api.github.com";

/// Sign-in with GitHub.
pub struct GitHub {
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) allow_list: AllowList,
    pub(super) scopes: Vec<String>,
    pub(super) server: Url,
    pub(super) api: Url,
    pub(super) http: HttpClient,
}

/// The reason why the GitHub settings cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GitHubError {
    /// The URL is not https. Plain http is accepted only for this machine.
    #[error("is not the https URL of a server")]
    Server,
    /// A team must be written with its organization.
    #[error("has a team without its organization")]
    Team,
    /// Not a valid name of an account, an organization or a team.
    #[error("has a name that is not valid at GitHub")]
    Name,
}

impl fmt::Debug for GitHub {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("GitHub")
            .field("server", &self.server.as_str())
            .field("client_id", &self.client_id)
            .field("allowed", &self.allow_list)
            .finish_non_exhaustive()
    }
}

impl GitHub {
    /// Creates a login with this app at github.com. It does not allow any user yet.
    #[must_use]
    pub fn new(client_id: impl Into<String>, client_secret: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            allow_list: AllowList::default(),
            scopes: vec!["read:user".into()],
            server: fixed(SERVER),
            api: fixed(API),
            http: HttpClient::default(),
        }
    }

    /// Allows these accounts; `*` allows every account. The first account that signs in with a name
    /// is remembered, and another account that takes over the name is refused.
    pub fn allow_logins(mut self, names: &[impl AsRef<str>]) -> Result<Self, GitHubError> {
        self.allow_list.add_logins(names)?;
        Ok(self)
    }

    /// Allows the accounts with these numbers, even if their names change. The number is the
    /// `id` in `https://api.github.com/users/LOGIN`.
    #[must_use]
    pub fn allow_ids(mut self, ids: &[u64]) -> Self {
        self.allow_list.add_ids(ids);
        self
    }

    /// Allows the members of these organizations. This adds `read:org` to the requested scopes.
    pub fn allow_organizations(mut self, names: &[impl AsRef<str>]) -> Result<Self, GitHubError> {
        self.allow_list.add_organizations(names)?;
        Ok(self)
    }

    /// Allows the members of these teams, each written as `ORGANIZATION/TEAM`. This adds `read:org`
    /// to the requested scopes.
    pub fn allow_teams(mut self, names: &[impl AsRef<str>]) -> Result<Self, GitHubError> {
        self.allow_list.add_teams(names)?;
        Ok(self)
    }

    /// Requests these scopes instead of `read:user`. Use this for the scopes that the tools need.
    #[must_use]
    pub fn with_scopes(mut self, scopes: &[impl AsRef<str>]) -> Self {
        self.scopes = scopes
            .iter()
            .map(|scope| scope.as_ref().to_owned())
            .collect();
        self
    }

    /// Uses a GitHub Enterprise Server, such as `https://github.example`. Its API is at `/api/v3`.
    pub fn at_server(mut self, server: &str) -> Result<Self, GitHubError> {
        self.server = server_url(server).ok_or(GitHubError::Server)?;
        if self.server.as_str() != fixed(SERVER).as_str() {
            self.api = below(&self.server, "api/v3");
        }
        Ok(self)
    }

    /// Sets the URL of the API.
    pub fn with_api(mut self, api: &str) -> Result<Self, GitHubError> {
        self.api = server_url(api).ok_or(GitHubError::Server)?;
        Ok(self)
    }

    /// Returns true if the allow-list has at least one entry.
    #[must_use]
    pub fn allows_somebody(&self) -> bool {
        !self.allow_list.is_empty()
    }

    /// Returns the scopes to request: the configured ones, and `read:org` if memberships matter.
    pub(super) fn asked_scopes(&self) -> Vec<String> {
        let mut scopes = self.scopes.clone();
        let covers = |scope: &String| matches!(&**scope, "read:org" | "write:org" | "admin:org");
        if self.allow_list.needs_membership() && !scopes.iter().any(covers) {
            scopes.push("read:org".into());
        }
        scopes
    }

    pub(super) fn authorize_url(&self) -> Url {
        below(&self.server, "login/oauth/authorize")
    }

    pub(super) fn token_url(&self) -> Url {
        below(&self.server, "login/oauth/access_token")
    }

    pub(super) fn api_url(&self, path: &[&str]) -> Url {
        let mut url = self.api.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }
}

fn below(server: &Url, path: &str) -> Url {
    let mut url = server.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path.split('/'));
    }
    url
}

fn fixed(url: &'static str) -> Url {
    match Url::parse(url) {
        Ok(url) => url,
        Err(error) => unreachable!("{url}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_of_an_enterprise_server_is_below_its_url() {
        let github = GitHub::new("id", "secret")
            .at_server("https://ghe.example/")
            .unwrap();
        let url = github.api_url(&["orgs", "a b", "teams"]);
        assert_eq!(url.as_str(), "https://ghe.example/api/v3/orgs/a%20b/teams");
        let url = github.token_url();
        assert_eq!(url.as_str(), "https://ghe.example/login/oauth/access_token");
        let github = GitHub::new("id", "secret").at_server(SERVER).unwrap();
        assert_eq!(
            github.api_url(&["user"]).as_str(),
            "https://api.github.com/user"
        );
    }

    #[test]
    fn membership_scope_is_requested_only_if_needed() {
        let github = || GitHub::new("id", "secret");
        assert_eq!(github().asked_scopes(), ["read:user"]);
        let members = github().allow_organizations(&["acme"]).unwrap();
        assert_eq!(members.asked_scopes(), ["read:user", "read:org"]);
        let more = members.with_scopes(&["repo", "admin:org"]);
        assert_eq!(more.asked_scopes(), ["repo", "admin:org"]);
        assert!(!format!("{more:?}").contains("secret"));
    }
}
