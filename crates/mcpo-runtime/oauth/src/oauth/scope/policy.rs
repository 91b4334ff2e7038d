//! The scopes of a server, and which scopes imply others.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use super::{DEFAULT_SCOPE, Scopes};

/// The scopes of one server.
///
/// The scopes that a tool needs are read from the tool at each call. This type only lists the
/// scopes that clients can request. The list grows when a call needs another scope.
#[derive(Debug)]
pub struct ScopePolicy {
    base: Scopes,
    implied: BTreeMap<String, Scopes>,
    supported: RwLock<Arc<Scopes>>,
}

impl ScopePolicy {
    /// Creates a policy. `of_tools` are the scopes that tools are known to need. `implied` lists
    /// scopes that come with another scope, in addition to those implied by its name.
    pub(crate) fn new(of_tools: &Scopes, implied: BTreeMap<String, Scopes>) -> Self {
        let base = Scopes::from_names([DEFAULT_SCOPE]);
        let of_implied = implied
            .iter()
            .flat_map(|(wide, narrow)| narrow.iter().chain([wide.as_str()]));
        let supported = base.iter().chain(of_tools.iter()).chain(of_implied);
        let supported = Scopes::from_names(supported);
        Self {
            base,
            implied,
            supported: RwLock::new(Arc::new(supported)),
        }
    }

    /// Returns the scopes that every request needs, and that clients get if they request none.
    pub const fn base(&self) -> &Scopes {
        &self.base
    }

    /// Returns all scopes that can be granted.
    pub(crate) fn supported(&self) -> Arc<Scopes> {
        let supported = self.supported.read();
        Arc::clone(&supported.unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds scopes that a tool turned out to need.
    pub fn learn(&self, of_tool: &Scopes) {
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

    /// Returns true if a scope is supported, or is above a supported one.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.supported()
            .iter()
            .any(|known| known == name || is_above(name, known))
    }

    /// Returns true if `granted` covers `needed`. A scope implies those that begin with its name
    /// and a colon, the configured implied scopes, and the base scope.
    pub fn covers(&self, granted: &Scopes, needed: &Scopes) -> bool {
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
            // Scopes that imply each other must not cause an endless loop.
            if visited.insert(scope) {
                to_visit.extend(self.implied.get(scope).into_iter().flat_map(Scopes::iter));
            }
        }
        false
    }
}

/// Returns true if `wide` is above `narrow`, as `notes` is above `notes:write`.
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
    fn rs4_learned_scopes_can_be_requested() {
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
