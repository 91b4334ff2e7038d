//! Which scopes there are, which tools need them, and which imply others.

use std::collections::{BTreeMap, HashMap};

use super::{DEFAULT_SCOPE, Scopes};

/// The scopes of one server, known when it starts.
#[derive(Clone, Debug)]
pub(crate) struct ScopePolicy {
    base: Scopes,
    tools: HashMap<String, Scopes>,
    implied: BTreeMap<String, Scopes>,
    supported: Scopes,
}

impl ScopePolicy {
    /// `tools` are those that need more than the base scope; `implied` says which scopes come
    /// with a scope beside those that its name says.
    pub(crate) fn new(tools: HashMap<String, Scopes>, implied: BTreeMap<String, Scopes>) -> Self {
        let base = Scopes::from_iter([DEFAULT_SCOPE]);
        let of_tools = tools.values().flat_map(Scopes::iter);
        let of_implied = implied
            .iter()
            .flat_map(|(wide, narrow)| narrow.iter().chain([wide.as_str()]));
        let supported = base.iter().chain(of_tools).chain(of_implied).collect();
        Self {
            base,
            tools,
            implied,
            supported,
        }
    }

    /// What any request needs, and what a client gets that names no scope.
    pub(crate) const fn base(&self) -> &Scopes {
        &self.base
    }

    /// Every scope that can be granted.
    pub(crate) const fn supported(&self) -> &Scopes {
        &self.supported
    }

    /// Whether a scope means anything here: it is one of ours, or above one.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.supported
            .iter()
            .any(|known| known == name || is_above(name, known))
    }

    /// Whether any tool needs more than the base scope.
    pub(crate) fn has_tool_scopes(&self) -> bool {
        !self.tools.is_empty()
    }

    /// Everything that a call of `tool` needs.
    pub(crate) fn needed_for(&self, tool: &str) -> Scopes {
        let more = self.tools.get(tool).into_iter().flat_map(Scopes::iter);
        self.base.iter().chain(more).collect()
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
        let tools = [("write".to_owned(), scopes("notes:write"))];
        let implied = [
            ("admin".to_owned(), scopes("notes staff")),
            ("staff".to_owned(), scopes("admin")),
        ];
        ScopePolicy::new(tools.into(), implied.into())
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
    fn rs4_a_tool_needs_its_own_and_the_base_scope() {
        let policy = policy();
        assert_eq!(
            policy.needed_for("write").to_string(),
            "mcp:tools notes:write"
        );
        assert_eq!(policy.needed_for("other").to_string(), "mcp:tools");
        assert_eq!(
            policy.supported().to_string(),
            "admin mcp:tools notes notes:write staff"
        );
    }
}
