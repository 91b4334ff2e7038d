//! Which scopes there are, and which imply others.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use super::{DEFAULT_SCOPE, Scopes};

/// The scopes of one server.
///
/// What a tool needs is asked of the tool at each call; what is kept here only says which scopes
/// clients can ask for, and it grows when a call shows more.
#[derive(Debug)]
pub(crate) struct ScopePolicy {
    base: Scopes,
    implied: BTreeMap<String, Scopes>,
    supported: RwLock<Arc<Scopes>>,
}

impl ScopePolicy {
    /// `of_tools` are the scopes that tools are known to need; `implied` says which scopes come with
    /// a scope in addition to those that its name implies.
    pub(crate) fn new(of_tools: &Scopes, implied: BTreeMap<String, Scopes>) -> Self {
        let base = Scopes::from_iter([DEFAULT_SCOPE]);
        let of_implied = implied
            .iter()
            .flat_map(|(wide, narrow)| narrow.iter().chain([wide.as_str()]));
        let supported = base
            .iter()
            .chain(of_tools.iter())
            .chain(of_implied)
            .collect();
        Self {
            base,
            implied,
            supported: RwLock::new(Arc::new(supported)),
        }
    }

    /// What any request needs, and what a client gets that names no scope.
    pub(crate) const fn base(&self) -> &Scopes {
        &self.base
    }

    /// Every scope that can be granted.
    pub(crate) fn supported(&self) -> Arc<Scopes> {
        let supported = self.supported.read();
        Arc::clone(&supported.unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets clients ask for scopes that a tool turned out to need.
    pub(crate) fn learn(&self, of_tool: &Scopes) {
        let known = self.supported();
        if known.contains_all(of_tool) {
            return;
        }
        tracing::warn!(
            scopes = %of_tool,
            "a tool needs scopes that were not known at start; other instances learn them when the \
             tool is called there"
        );
        let mut supported = self
            .supported
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *supported = Arc::new(supported.union(of_tool));
    }

    /// Whether a scope means anything here: it is one of ours, or above one.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.supported()
            .iter()
            .any(|known| known == name || is_above(name, known))
    }

    /// Whether `granted` is good for `needed`: a scope implies those that begin with its name
    /// and a colon, those it was told to imply, and the base scope.
    pub(crate) fn covers(&self, granted: &Scopes, needed: &Scopes) -> bool {
        needed.iter().all(|name| {
            granted.contains(name)
                || (self.base.contains(name) && !granted.is_empty())
                || self.implies_any(granted, name)
        })
    }

    fn implies_any(&self, granted: &Scopes, name: &str) -> bool {
        let mut to_visit: Vec<&str> = granted.iter().collect();
        let mut visited = Scopes::default();
        while let Some(scope) = to_visit.pop() {
            if scope == name || is_above(scope, name) {
                return true;
            }
            // What implies each other must not go round for ever.
            if visited.insert(scope) {
                to_visit.extend(self.implied.get(scope).into_iter().flat_map(Scopes::iter));
            }
        }
        false
    }
}

/// `notes` is above `notes:write`.
fn is_above(wide: &str, narrow: &str) -> bool {
    narrow
        .strip_prefix(wide)
        .is_some_and(|rest| rest.starts_with(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(text: &str) -> Scopes {
        Scopes::parse(text).unwrap()
    }

    fn policy() -> ScopePolicy {
        let implied = [
            ("admin".to_owned(), scopes("notes staff")),
            ("staff".to_owned(), scopes("admin")),
        ];
        ScopePolicy::new(&scopes("notes:write"), implied.into())
    }

    #[test]
    fn rs5_wider_scopes_imply_narrower_ones() {
        let policy = policy();
        for (granted, needed, covered) in [
            ("notes:write", "notes:write", true),
            ("notes", "notes:write", true),
            ("admin", "notes:write", true),
            ("staff", "notes:write", true),
            ("notes:write", "mcp:tools", true),
            ("mcp:tools", "notes:write", false),
            ("note", "notes:write", false),
            ("notes:write", "notes", false),
            ("", "mcp:tools", false),
        ] {
            let outcome = policy.covers(&scopes(granted), &scopes(needed));
            assert_eq!(outcome, covered, "{granted} for {needed}");
        }
    }

    #[test]
    fn rs4_scopes_that_a_call_shows_can_be_asked_for_from_then_on() {
        let policy = policy();
        assert_eq!(
            policy.supported().to_string(),
            "admin mcp:tools notes notes:write staff"
        );
        assert!(!policy.knows("files:read"));
        policy.learn(&scopes("files:read"));
        assert!(policy.knows("files:read") && policy.knows("files"));
        assert!(policy.supported().contains("notes:write"));
    }
}
