//! Translation of scope names between this server and the authorization server.

use std::collections::BTreeSet;

use super::Scopes;

/// Pairs of the authorization server's name and this server's name. A scope without a pair has the
/// same name on both sides, unless that name is used in a pair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScopeMap(Vec<(String, String)>);

const ANY_TOKEN: &str = "*";

impl ScopeMap {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let parts = text.split([',', ' ']).filter(|part| !part.is_empty());
        let pairs = parts.map(|part| {
            // The authorization server's name may be a URL that contains `=`. This server's name
            // does not.
            let (theirs, ours) = part.rsplit_once('=')?;
            let good = |name: &str| Scopes::parse(name).is_ok_and(|scopes| !scopes.is_empty());
            (good(theirs) && good(ours)).then(|| (theirs.to_owned(), ours.to_owned()))
        });
        pairs.collect::<Option<_>>().map(Self)
    }

    /// Returns this server's scopes for the scopes of a token. Entra leaves out the audience from
    /// the names that clients request: `api://AUDIENCE/NAME` arrives as `NAME`.
    pub(crate) fn ours(&self, theirs: &[&str], audiences: &[String]) -> Scopes {
        let mut ours = BTreeSet::new();
        for name in theirs.iter().filter(|name| !name.is_empty()) {
            let is_called = |other: &str| {
                other == *name
                    || audiences.iter().any(|audience| {
                        other.strip_prefix(&**audience) == Some(&format!("/{name}"))
                    })
            };
            let mut is_mapped = false;
            for (_, known) in self.0.iter().filter(|(theirs, _)| is_called(theirs)) {
                ours.insert(known.clone());
                is_mapped = true;
            }
            // This server's scope has another name there, so a scope with this name means something
            // else.
            let is_taken = self.0.iter().any(|(_, ours)| ours == name);
            if !is_mapped && !is_taken {
                ours.insert((*name).to_owned());
            }
        }
        let for_any = self.0.iter().filter(|(theirs, _)| theirs == ANY_TOKEN);
        ours.extend(for_any.map(|(_, ours)| ours.clone()));
        Scopes::from_names(ours)
    }

    /// Returns the scopes to request from the authorization server. Scopes that come with any token
    /// are left out.
    pub(crate) fn theirs(&self, ours: &Scopes) -> Scopes {
        let mut asked = BTreeSet::new();
        for name in ours.iter() {
            match self.0.iter().find(|(_, ours)| ours == name) {
                Some((theirs, _)) if theirs == ANY_TOKEN => {}
                Some((theirs, _)) => {
                    asked.insert(theirs.as_str());
                }
                None => {
                    asked.insert(name);
                }
            }
        }
        Scopes::from_names(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(text: &str) -> Scopes {
        Scopes::parse(text).unwrap()
    }

    #[test]
    fn rs4_scopes_are_translated_in_both_directions() {
        let map = ScopeMap::parse("api://x/tools.use=mcp:tools, write=notes:write").unwrap();
        let audiences = ["api://x".to_owned()];
        let ours = |theirs: &[&str]| map.ours(theirs, &audiences).to_string();
        assert_eq!(ours(&["tools.use"]), "mcp:tools");
        assert_eq!(
            ours(&["api://x/tools.use", "write"]),
            "mcp:tools notes:write"
        );
        assert_eq!(ours(&["openid", ""]), "openid");
        assert_eq!(ours(&["notes:write"]), "", "it is called write there");
        assert_eq!(ours(&["y/tools.use"]), "y/tools.use");
        let asked = map.theirs(&scopes("mcp:tools notes:write other"));
        assert_eq!(asked.to_string(), "api://x/tools.use other write");
    }

    #[test]
    fn rs4_wildcard_accepts_any_valid_token() {
        let map = ScopeMap::parse("*=mcp:tools").unwrap();
        assert_eq!(map.ours(&[], &[]).to_string(), "mcp:tools");
        assert!(map.theirs(&scopes("mcp:tools")).is_empty());
        for bad in ["tools", "=tools", "tools=", "a=b c", "a=\"b"] {
            assert!(ScopeMap::parse(bad).is_none(), "{bad}");
        }
    }
}
