//! What scopes are called on the other side.

use std::collections::BTreeSet;

use crate::scope::Scopes;

/// Pairs of theirs and ours. A scope that is in no pair is called the same on both sides, unless one
/// of its names is in a pair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ScopeMap(Vec<(String, String)>);

const ANY_TOKEN: &str = "*";

impl ScopeMap {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let parts = text.split([',', ' ']).filter(|part| !part.is_empty());
        let pairs = parts.map(|part| {
            // Theirs may be a URL with `=` in it; ours has none.
            let (theirs, ours) = part.rsplit_once('=')?;
            let good = |name: &str| Scopes::parse(name).is_some_and(|scopes| !scopes.is_empty());
            (good(theirs) && good(ours)).then(|| (theirs.to_owned(), ours.to_owned()))
        });
        pairs.collect::<Option<_>>().map(Self)
    }

    /// What a token with their scopes is good for here. Entra leaves the audience out of the names
    /// that clients ask for: `api://AUDIENCE/NAME` comes as `NAME`.
    pub(super) fn ours(&self, theirs: &[&str], audiences: &[String]) -> Scopes {
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
            // Ours has a name of its own there, so this one is something else.
            let is_taken = self.0.iter().any(|(_, ours)| ours == name);
            if !is_mapped && !is_taken {
                ours.insert((*name).to_owned());
            }
        }
        let for_any = self.0.iter().filter(|(theirs, _)| theirs == ANY_TOKEN);
        ours.extend(for_any.map(|(_, ours)| ours.clone()));
        ours.into_iter().collect()
    }

    /// What to ask for there; nothing for what comes with any token.
    pub(super) fn theirs(&self, ours: &Scopes) -> Scopes {
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
        asked.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(text: &str) -> Scopes {
        Scopes::parse(text).unwrap()
    }

    #[test]
    fn rs4_scopes_are_translated_both_ways() {
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
    fn rs4_any_good_token_can_be_enough() {
        let map = ScopeMap::parse("*=mcp:tools").unwrap();
        assert_eq!(map.ours(&[], &[]).to_string(), "mcp:tools");
        assert!(map.theirs(&scopes("mcp:tools")).is_empty());
        for bad in ["tools", "=tools", "tools=", "a=b c", "a=\"b"] {
            assert!(ScopeMap::parse(bad).is_none(), "{bad}");
        }
    }
}
