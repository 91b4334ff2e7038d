//! The allow-list for GitHub: accounts by name or id, and members of organizations or teams.

use super::{
    api::User,
    settings::{GitHub, GitHubError},
};
use crate::login::provider_error::Trouble;

/// The allow-list. An empty list allows no user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Allowed {
    anybody: bool,
    ids: Vec<u64>,
    logins: Vec<String>,
    organizations: Vec<String>,
    teams: Vec<(String, String)>,
}

/// The result of checking a user against the allow-list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Allowed,
    /// Allowed only by the login name, which another account can take over after a rename.
    AllowedByLogin,
    NotAllowed,
}

impl Allowed {
    pub(super) fn add_logins(&mut self, names: &[impl AsRef<str>]) -> Result<(), GitHubError> {
        for name in names.iter().map(AsRef::as_ref) {
            match name {
                "*" => self.anybody = true,
                name => self.logins.push(checked(name)?),
            }
        }
        Ok(())
    }

    pub(super) fn add_organizations(
        &mut self,
        names: &[impl AsRef<str>],
    ) -> Result<(), GitHubError> {
        for name in names {
            self.organizations.push(checked(name.as_ref())?);
        }
        Ok(())
    }

    pub(super) fn add_teams(&mut self, names: &[impl AsRef<str>]) -> Result<(), GitHubError> {
        for name in names {
            let (organization, team) = name.as_ref().split_once('/').ok_or(GitHubError::Team)?;
            self.teams.push((checked(organization)?, checked(team)?));
        }
        Ok(())
    }

    pub(super) const fn is_empty(&self) -> bool {
        !self.anybody
            && self.ids.is_empty()
            && self.logins.is_empty()
            && self.organizations.is_empty()
            && self.teams.is_empty()
    }

    pub(super) const fn needs_membership(&self) -> bool {
        !self.organizations.is_empty() || !self.teams.is_empty()
    }

    pub(super) fn add_ids(&mut self, ids: &[u64]) {
        self.ids.extend_from_slice(ids);
    }

    fn has_id(&self, id: u64) -> bool {
        self.anybody || self.ids.contains(&id)
    }

    /// GitHub compares login names without case.
    fn has_login(&self, login: &str) -> bool {
        let mut logins = self.logins.iter();
        logins.any(|known| known.eq_ignore_ascii_case(login))
    }
}

/// Checks a name: letters, digits and `-`, plus `.` and `_`, which occur in team slugs and in names
/// of managed users.
fn checked(name: &str) -> Result<String, GitHubError> {
    let name = name.trim();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let good = (1..=100).contains(&name.len())
        && name.bytes().all(plain)
        && name.bytes().any(|byte| byte.is_ascii_alphanumeric());
    good.then(|| name.to_owned()).ok_or(GitHubError::Name)
}

impl GitHub {
    /// Checks whether `user`, the owner of the token, is allowed. One membership is enough, so a
    /// failed membership check is an error only if no other membership is found.
    pub(super) async fn verdict(&self, user: &User, token: &str) -> Result<Verdict, Trouble> {
        if self.allowed.has_id(user.id) {
            return Ok(Verdict::Allowed);
        }
        if self.allowed.has_login(&user.login) {
            return Ok(Verdict::AllowedByLogin);
        }
        let mut trouble = None;
        let mut note = |asked: Result<bool, Trouble>| match asked {
            Ok(is_member) => is_member,
            Err(error) => {
                trouble = Some(error);
                false
            }
        };
        for organization in &self.allowed.organizations {
            if note(self.is_in_organization(organization, token).await) {
                return Ok(Verdict::Allowed);
            }
        }
        for (organization, team) in &self.allowed.teams {
            if note(
                self.is_in_team(organization, team, &user.login, token)
                    .await,
            ) {
                return Ok(Verdict::Allowed);
            }
        }
        trouble.map_or(Ok(Verdict::NotAllowed), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_and_compared_as_github_does() {
        let mut allowed = Allowed::default();
        assert!(allowed.is_empty());
        allowed.add_logins(&["Octocat", " hubot "]).unwrap();
        assert!(allowed.has_login("octocat") && allowed.has_login("HUBOT"));
        assert!(!allowed.has_login("octo") && !allowed.has_login(""));
        assert_eq!(allowed.add_logins(&["../x"]), Err(GitHubError::Name));
        assert_eq!(allowed.add_logins(&[".."]), Err(GitHubError::Name));
        assert_eq!(allowed.add_teams(&["core"]), Err(GitHubError::Team));
        assert_eq!(allowed.add_teams(&["a/b/c"]), Err(GitHubError::Name));
        assert!(!allowed.needs_membership());
        allowed.add_teams(&["acme/core"]).unwrap();
        assert!(allowed.needs_membership());
        allowed.add_logins(&["*"]).unwrap();
        assert!(allowed.has_id(1) && !allowed.has_login("anyone"));
        let mut allowed = Allowed::default();
        allowed.add_ids(&[583_231]);
        assert!(!allowed.is_empty() && allowed.has_id(583_231) && !allowed.has_id(7));
    }
}
