//! The allow-list for GitHub: accounts by name or id, and members of organizations or teams.

use super::{
    api::User,
    settings::{GitHub, GitHubError},
};
use crate::login::provider_error::ProviderError;

/// The allow-list. An empty list allows no user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AllowList {
    anybody: bool,
    ids: Vec<u64>,
    logins: Vec<String>,
    organizations: Vec<String>,
    teams: Vec<(String, String)>,
}

/// The result of checking a user against the allow-list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    AllowList,
    /// Allowed only by the login name, which another account can take over after a rename.
    AllowedByLogin,
    NotAllowed,
}

impl AllowList {
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
    pub(super) async fn verdict(&self, user: &User, token: &str) -> Result<Verdict, ProviderError> {
        if self.allow_list.has_id(user.id) {
            return Ok(Verdict::AllowList);
        }
        if self.allow_list.has_login(&user.login) {
            return Ok(Verdict::AllowedByLogin);
        }
        let mut last_error = None;
        let mut note = |asked: Result<bool, ProviderError>| match asked {
            Ok(is_member) => is_member,
            Err(error) => {
                last_error = Some(error);
                false
            }
        };
        for organization in &self.allow_list.organizations {
            if note(self.is_in_organization(organization, token).await) {
                return Ok(Verdict::AllowList);
            }
        }
        for (organization, team) in &self.allow_list.teams {
            if note(
                self.is_in_team(organization, team, &user.login, token)
                    .await,
            ) {
                return Ok(Verdict::AllowList);
            }
        }
        last_error.map_or(Ok(Verdict::NotAllowed), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_validated_and_compared_case_insensitively() {
        let mut allow_list = AllowList::default();
        assert!(allow_list.is_empty());
        allow_list.add_logins(&["Octocat", " hubot "]).unwrap();
        assert!(allow_list.has_login("octocat") && allow_list.has_login("HUBOT"));
        assert!(!allow_list.has_login("octo") && !allow_list.has_login(""));
        assert_eq!(allow_list.add_logins(&["../x"]), Err(GitHubError::Name));
        assert_eq!(allow_list.add_logins(&[".."]), Err(GitHubError::Name));
        assert_eq!(allow_list.add_teams(&["core"]), Err(GitHubError::Team));
        assert_eq!(allow_list.add_teams(&["a/b/c"]), Err(GitHubError::Name));
        assert!(!allow_list.needs_membership());
        allow_list.add_teams(&["acme/core"]).unwrap();
        assert!(allow_list.needs_membership());
        allow_list.add_logins(&["*"]).unwrap();
        assert!(allow_list.has_id(1) && !allow_list.has_login("anyone"));
        let mut allow_list = AllowList::default();
        allow_list.add_ids(&[583_231]);
        assert!(!allow_list.is_empty() && allow_list.has_id(583_231) && !allow_list.has_id(7));
    }
}
