//! Changes of a contract and their classes.

use std::fmt;

use mcpo_common::text::{clean_to, count};
use serde::Serialize;
use serde_json::Value;

/// The most characters of a value in a report for people.
const SHOWN: usize = 80;

/// What a change means for clients, the most important class first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeClass {
    /// A client that works with the old version may fail with the new one, or it could not be shown
    /// that it does not.
    Breaking,
    /// The server may do more than users have agreed to: a hint about a tool changed, or a tool
    /// needs another scope.
    Trust,
    /// The model reads another text. It may choose other tools or arguments.
    Visible,
    /// No client notices, or the server accepts more than before.
    Safe,
}

impl ChangeClass {
    /// All classes, the most important one first.
    pub const ALL: [Self; 4] = [Self::Breaking, Self::Trust, Self::Visible, Self::Safe];

    /// Returns the name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Breaking => "breaking",
            Self::Trust => "trust",
            Self::Visible => "visible",
            Self::Safe => "safe",
        }
    }

    /// Returns true if clients notice such a change.
    pub(crate) const fn is_noticeable(self) -> bool {
        !matches!(self, Self::Safe)
    }

    /// Returns true if the owner of the server must accept such a change.
    #[must_use]
    pub const fn needs_consent(self) -> bool {
        matches!(self, Self::Breaking | Self::Trust)
    }
}

impl fmt::Display for ChangeClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// What it means for clients.
    pub class: ChangeClass,
    /// The changed part, such as `tools/search/inputSchema/properties/limit/maximum`.
    pub path: String,
    /// What changed, in a few words.
    pub what: String,
    /// The value before; `None` if there was none, or if it is long.
    pub old: Option<Value>,
    /// The value now; `None` if there is none, or if it is long.
    pub new: Option<Value>,
}

impl Change {
    pub(super) fn new(
        class: ChangeClass,
        path: impl Into<String>,
        what: impl Into<String>,
    ) -> Self {
        Self {
            class,
            path: path.into(),
            what: what.into(),
            old: None,
            new: None,
        }
    }

    pub(super) fn between(mut self, old: Option<&Value>, new: Option<&Value>) -> Self {
        self.old = old.cloned();
        self.new = new.cloned();
        self
    }
}

/// The change in one line, without its class.
impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = clean_to(&self.path, 2 * SHOWN);
        write!(formatter, "{path}: {}", clean_to(&self.what, 2 * SHOWN))?;
        let shown = |value: &Value| clean_to(&value.to_string(), SHOWN);
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => write!(formatter, ": {} → {}", shown(old), shown(new)),
            (None, Some(new)) => write!(formatter, ": {}", shown(new)),
            (Some(old), None) => write!(formatter, ": {}", shown(old)),
            (None, None) => Ok(()),
        }
    }
}

/// All changes between two versions of a contract, the most important ones first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Changes(Vec<Change>);

impl Changes {
    pub(super) fn new(mut changes: Vec<Change>) -> Self {
        // Stable: within a class, the order of the comparison is kept.
        changes.sort_by_key(|change| change.class);
        Self(changes)
    }

    /// Returns all changes.
    pub fn iter(&self) -> impl Iterator<Item = &Change> {
        self.0.iter()
    }

    /// Returns true if nothing changed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the most important class.
    #[must_use]
    pub fn worst(&self) -> Option<ChangeClass> {
        self.0.first().map(|change| change.class)
    }

    /// Returns the changes of one class.
    pub fn of(&self, class: ChangeClass) -> impl Iterator<Item = &Change> {
        self.0.iter().filter(move |change| change.class == class)
    }

    /// Returns the number of changes of each class, such as `1 breaking change, 2 safe changes`.
    #[must_use]
    pub fn summary(&self) -> String {
        if self.is_empty() {
            return "no change".to_owned();
        }
        let counts = ChangeClass::ALL.into_iter().filter_map(|class| {
            let number = self.of(class).count();
            (number > 0).then(|| count(number, &format!("{class} change")))
        });
        counts.collect::<Vec<_>>().join(", ")
    }
}
