//! Compares two contracts.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    change::{Change, ChangeClass, Changes},
    offers,
    snapshot::{Contract, Entries},
    tools,
};

impl Contract {
    /// Returns what changed from this contract to `new`.
    #[must_use]
    pub fn changes_to(&self, new: &Self) -> Changes {
        let mut changes = Vec::new();
        each(
            ("tools", &self.tools, &new.tools),
            &mut changes,
            tools::compare,
        );
        let known = tools::scopes_of_all(self.tools.values().map(|tool| &tool.definition));
        for (name, tool) in &new.tools {
            if !self.tools.contains_key(name) {
                changes.extend(tools::new_scopes(name, &tool.definition, &known));
            }
        }
        each(
            ("resources", &self.resources, &new.resources),
            &mut changes,
            offers::resource,
        );
        let templates = (&self.resource_templates, &new.resource_templates);
        each(
            ("resourceTemplates", templates.0, templates.1),
            &mut changes,
            offers::resource,
        );
        each(
            ("prompts", &self.prompts, &new.prompts),
            &mut changes,
            offers::prompt,
        );
        if self.instructions != new.instructions {
            let (old, new) = (
                Value::from(self.instructions.as_str()),
                Value::from(new.instructions.as_str()),
            );
            let change = Change::new(ChangeClass::Visible, "instructions", "changed");
            changes.push(change.between(Some(&old), Some(&new)));
        }
        // A contract of a server that asks for no token says nothing about scopes.
        if let (Some(old), Some(new)) = (&self.scopes, &new.scopes) {
            compare_scopes("scopes", old, new, &mut changes);
        }
        Changes::new(changes)
    }
}

type CompareFn = fn(&Value, &Value, &str, &mut Vec<Change>);

/// Reports what was added and removed, and compares the rest.
fn each(
    (list, old, new): (&str, &Entries, &Entries),
    changes: &mut Vec<Change>,
    compare: CompareFn,
) {
    for (name, entry) in old {
        let path = format!("{list}/{name}");
        match new.get(name) {
            None => changes.push(Change::new(ChangeClass::Breaking, path, "removed")),
            Some(now) if now == entry => {}
            Some(now) => {
                let known = changes.len();
                compare(&entry.definition, &now.definition, &path, changes);
                if changes.len() == known {
                    changes.push(Change::new(
                        ChangeClass::Safe,
                        path,
                        "changed without an effect",
                    ));
                }
            }
        }
    }
    for name in new.keys().filter(|name| !old.contains_key(*name)) {
        let path = format!("{list}/{name}");
        changes.push(Change::new(ChangeClass::Safe, path, "added"));
    }
}

/// Compares scopes that are needed or advertised.
pub(super) fn compare_scopes(
    path: &str,
    old: &[String],
    new: &[String],
    changes: &mut Vec<Change>,
) {
    let (old, new): (BTreeSet<_>, BTreeSet<_>) = (old.iter().collect(), new.iter().collect());
    for scope in new.difference(&old) {
        let what = format!("asks for the scope {scope}");
        changes.push(Change::new(ChangeClass::Trust, path, what));
    }
    for scope in old.difference(&new) {
        let what = format!("no longer asks for the scope {scope}");
        changes.push(Change::new(ChangeClass::Safe, path, what));
    }
}

/// Reports a member whose value changed, with one class for all changes of it.
pub(super) fn compare_member(
    (old, new): (&Value, &Value),
    name: &str,
    path: &str,
    class: ChangeClass,
    changes: &mut Vec<Change>,
) {
    let (old, new) = (old.get(name), new.get(name));
    let what = match (old, new) {
        _ if old == new => return,
        (None, Some(_)) => "added",
        (Some(_), None) => "removed",
        _ => "changed",
    };
    changes.push(Change::new(class, format!("{path}/{name}"), what).between(old, new));
}

/// Returns the names of the members of either value, except those in `handled`.
pub(super) fn other_members<'v>(
    old: &'v Value,
    new: &'v Value,
    handled: &[&str],
) -> BTreeSet<&'v str> {
    let members = [old, new].into_iter().filter_map(Value::as_object);
    let names = members.flat_map(|members| members.keys().map(String::as_str));
    names.filter(|name| !handled.contains(name)).collect()
}
