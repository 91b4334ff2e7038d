//! The uptime check with its alert, and the budget, which the settings request.
//!
//! Google chooses the names of these resources. mcpo recognizes its own by their user labels, and its
//! budget by the display name, because budgets have no labels. If an earlier run was interrupted after
//! a request and created a resource twice, the second one is deleted.

mod apply;
mod bodies;
mod find;
mod kind;

use serde_json::Value;

use self::bodies::Bodies;
pub use self::{
    apply::apply,
    find::{Existing, find, find_all},
    kind::Kind,
};
use crate::{google::are_equal_values, names::Names, plan::Line, settings::Settings};

/// A change of one resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Create(Kind),
    /// Replaces these fields of the resource with this name.
    Update {
        kind: Kind,
        name: String,
        fields: Vec<&'static str>,
    },
    Delete {
        kind: Kind,
        name: String,
    },
}

/// All changes, in order.
#[derive(Debug, Default)]
pub struct MonitoringPlan {
    pub changes: Vec<Change>,
    lines: Vec<Line>,
}

impl MonitoringPlan {
    /// Compares the settings with the existing resources.
    pub fn make(settings: &Settings, names: &Names, existing: &Existing) -> Self {
        let bodies = Bodies { settings, names };
        let mut plan = Self::default();
        let mut deletions = Vec::new();
        for kind in Kind::ALL {
            if !kind.is_read(settings) {
                continue;
            }
            let mut found = existing.of(kind);
            let wanted = kind.is_wanted(settings);
            let fitting = found
                .iter()
                .position(|one| wanted && bodies.fits(kind, one));
            match fitting.map(|index| found.remove(index)) {
                Some(current) => plan.update(kind, current, &bodies, existing),
                None if wanted => plan.changes.push(Change::Create(kind)),
                None => {}
            }
            deletions.extend(found.into_iter().map(|one| Change::Delete {
                kind,
                name: name(one).to_owned(),
            }));
        }
        // A policy refers to the others, so it is deleted before them.
        deletions.reverse();
        plan.changes.extend(deletions);
        plan.lines = plan
            .changes
            .iter()
            .map(|change| line(change, &bodies))
            .collect();
        plan
    }

    fn update(&mut self, kind: Kind, current: &Value, bodies: &Bodies<'_>, existing: &Existing) {
        let wanted = bodies.body(kind, &existing.references(bodies));
        let differs = |field: &&&'static str| !contains(&current[**field], &wanted[**field]);
        let fields: Vec<_> = kind.fields().iter().filter(differs).copied().collect();
        if !fields.is_empty() {
            self.changes.push(Change::Update {
                kind,
                name: name(current).to_owned(),
                fields,
            });
        }
    }

    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Returns the lines of the plan.
    pub fn lines(&self) -> Vec<Line> {
        let lines = self.lines.iter();
        lines
            .map(|line| Line {
                sign: line.sign,
                text: line.text.clone(),
                methods: line.methods.clone(),
            })
            .collect()
    }
}

fn line(change: &Change, bodies: &Bodies<'_>) -> Line {
    let (sign, text, method) = match change {
        Change::Create(kind) => ('+', bodies.describe(*kind), kind.create()),
        Change::Update { kind, fields, .. } => {
            let text = format!("{}: {}", kind.what(), fields.join(", "));
            ('~', text, kind.patch())
        }
        Change::Delete { kind, name } => {
            let text = format!("{} {name}, which is no longer requested", kind.what());
            ('-', text, kind.delete())
        }
    };
    Line {
        sign,
        text,
        methods: vec![method.id],
    }
}

/// Returns the name that Google gave to a resource.
fn name(resource: &Value) -> &str {
    resource["name"].as_str().unwrap_or_default()
}

/// Returns true if `current` has all fields of `wanted`. Google adds fields.
fn contains(current: &Value, wanted: &Value) -> bool {
    match (current, wanted) {
        (Value::Object(current), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, value)| contains(current.get(name).unwrap_or(&Value::Null), value)),
        (Value::Array(current), Value::Array(wanted)) => {
            let mut pairs = current.iter().zip(wanted);
            current.len() == wanted.len() && pairs.all(|(one, other)| contains(one, other))
        }
        (Value::Number(current), Value::Number(wanted)) => current.as_f64() == wanted.as_f64(),
        _ => are_equal_values(current, wanted),
    }
}
