//! Variables for the sign-in: one sign-in method, with a list of allowed users.

use std::sync::Arc;

use super::reader::Reader;
use crate::login::{
    Anonymous, GitHub, GitHubError, Login, MAX_PASSWORD_LEN, Password, PasswordSecret,
};

/// The shortest password that is accepted in the environment, in characters. Limiting the rate of
/// guesses is enough only if there are many possible passwords.
const MIN_PASSWORD_CHARS: usize = 8;
/// All variables that configure a sign-in.
pub(super) const VARIABLES: [&str; 16] = [
    "ADMIN_PASSWORD",
    "ADMIN_PASSWORD_HASH",
    GITHUB_ID,
    GITHUB_SECRET,
    GITHUB_LOGINS,
    GITHUB_IDS,
    GITHUB_ORGS,
    GITHUB_TEAMS,
    "OIDC_ISSUER",
    "OIDC_CLIENT_ID",
    "OIDC_CLIENT_SECRET",
    "OIDC_ALLOWED_EMAILS",
    "OIDC_ALLOWED_DOMAINS",
    "OIDC_ALLOWED_SUBJECTS",
    "OIDC_ALLOWED_GROUPS",
    "MCPO_AUTHORIZATION_SERVER",
];
const GITHUB_ID: &str = "GITHUB_CLIENT_ID";
const GITHUB_SECRET: &str = "GITHUB_CLIENT_SECRET";
const GITHUB_LOGINS: &str = "GITHUB_ALLOWED_LOGINS";
const GITHUB_IDS: &str = "GITHUB_ALLOWED_IDS";
const GITHUB_ORGS: &str = "GITHUB_ALLOWED_ORGS";
const GITHUB_TEAMS: &str = "GITHUB_ALLOWED_TEAMS";
const GITHUB_NAMES: &str = "names separated by commas, spelled as at GitHub";
const GITHUB_URL: &str = "for example https://github.example";

impl Reader<'_> {
    pub(super) fn login(&mut self) -> Arc<dyn Login> {
        let mut ways: Vec<(&'static str, Arc<dyn Login>)> = Vec::new();
        if let Some(password) = self.password() {
            ways.push(("ADMIN_PASSWORD", Arc::new(password)));
        }
        if let Some(github) = self.github() {
            ways.push((GITHUB_ID, Arc::new(github)));
        }
        if let Some(openid) = self.openid() {
            ways.push(("OIDC_ISSUER", Arc::new(openid)));
        }
        if let [(first, _), (second, _), ..] = &ways[..] {
            let problem = format!("is set together with {first}");
            let allowed = "set one of the two: a server has one sign-in method";
            self.wrong(second, None, problem, allowed);
        }
        ways.pop()
            .map_or_else(|| Arc::new(Anonymous) as _, |(_, login)| login)
    }

    fn password(&mut self) -> Option<Password> {
        let plain = self.text("ADMIN_PASSWORD");
        let hash = self.text("ADMIN_PASSWORD_HASH");
        let secret = match (plain, hash) {
            (None, None) => return None,
            (Some(plain), None) => {
                if plain.chars().count() < MIN_PASSWORD_CHARS {
                    let problem = format!("is shorter than {MIN_PASSWORD_CHARS} characters");
                    self.wrong("ADMIN_PASSWORD", None, problem, "use a longer one");
                }
                if plain.len() > MAX_PASSWORD_LEN {
                    let problem = format!("is longer than {MAX_PASSWORD_LEN} bytes");
                    self.wrong("ADMIN_PASSWORD", None, problem, "use a shorter one");
                }
                PasswordSecret::Plain(plain)
            }
            (None, Some(hash)) => {
                if !PasswordSecret::is_argon2id(&hash) {
                    let problem = "is not an argon2id hash";
                    let allowed = "a PHC string that begins with $argon2id$";
                    self.wrong("ADMIN_PASSWORD_HASH", None, problem, allowed);
                }
                PasswordSecret::Hash(hash)
            }
            (Some(_), Some(hash)) => {
                let problem = "is set together with ADMIN_PASSWORD";
                self.wrong("ADMIN_PASSWORD_HASH", None, problem, "set one of the two");
                PasswordSecret::Hash(hash)
            }
        };
        Some(Password::new(secret))
    }

    fn github(&mut self) -> Option<GitHub> {
        let id = self.text(GITHUB_ID);
        let secret = self.text(GITHUB_SECRET);
        let lists = [GITHUB_LOGINS, GITHUB_ORGS, GITHUB_TEAMS].map(|name| self.list(name));
        let ids = self.list(GITHUB_IDS);
        let (Some(id), Some(secret)) = (&id, &secret) else {
            self.half_of_github(
                id.is_some(),
                secret.is_some(),
                ids.is_some() || lists.iter().any(Option::is_some),
            );
            return None;
        };
        let mut github = GitHub::new(id, secret);
        let [logins, organizations, teams] = lists.map(Option::unwrap_or_default);
        github = self.named(GITHUB_LOGINS, github, |github| github.allow_logins(&logins))?;
        github = self.named(GITHUB_ORGS, github, |github| {
            github.allow_organizations(&organizations)
        })?;
        github = self.named(GITHUB_TEAMS, github, |github| github.allow_teams(&teams))?;
        github = github.allow_ids(&self.github_ids(&ids.unwrap_or_default()));
        if !github.allows_somebody() {
            let allowed = "account names separated by commas, or * for every account; \
                           GITHUB_ALLOWED_ORGS and GITHUB_ALLOWED_TEAMS allow members";
            let problem = "is not set, so no user could sign in";
            self.wrong(GITHUB_LOGINS, None, problem, allowed);
        }
        if let Some(scopes) = self.words("GITHUB_SCOPES") {
            github = github.with_scopes(&scopes);
        }
        if let Some(server) = self.text("GITHUB_SERVER_URL") {
            github = self.at("GITHUB_SERVER_URL", github, &server, GitHub::at_server)?;
        }
        if let Some(api) = self.text("GITHUB_API_URL") {
            github = self.at("GITHUB_API_URL", github, &api, GitHub::with_api)?;
        }
        Some(github)
    }

    fn github_ids(&mut self, texts: &[String]) -> Vec<u64> {
        let mut ids = Vec::new();
        for text in texts {
            match text.parse() {
                Ok(id) => ids.push(id),
                Err(_) => {
                    let allowed = "account numbers separated by commas: the field id of \
                                   https://api.github.com/users/LOGIN";
                    self.wrong(GITHUB_IDS, Some(text.clone()), "is not a number", allowed);
                }
            }
        }
        ids
    }

    /// Deny by default: a list without an app must not result in a server without a sign-in.
    fn half_of_github(&mut self, id: bool, secret: bool, list: bool) {
        let problem = "is not set, and other GITHUB_ variables are";
        let allowed = "copy it from the app at https://github.com/settings/developers";
        if !id && (secret || list) {
            self.wrong(GITHUB_ID, None, problem, allowed);
        }
        if !secret && (id || list) {
            self.wrong(GITHUB_SECRET, None, problem, allowed);
        }
    }

    fn named(
        &mut self,
        name: &'static str,
        github: GitHub,
        add: impl FnOnce(GitHub) -> Result<GitHub, GitHubError>,
    ) -> Option<GitHub> {
        add(github)
            .map_err(|error| self.wrong(name, None, error.to_string(), GITHUB_NAMES))
            .ok()
    }

    fn at(
        &mut self,
        name: &'static str,
        github: GitHub,
        url: &str,
        set: impl FnOnce(GitHub, &str) -> Result<GitHub, GitHubError>,
    ) -> Option<GitHub> {
        set(github, url)
            .map_err(|error| self.wrong(name, Some(url.into()), error.to_string(), GITHUB_URL))
            .ok()
    }
}
