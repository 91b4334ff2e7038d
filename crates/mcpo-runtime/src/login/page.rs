//! A page that asks the person for something.

use std::borrow::Cow;

use serde::Serialize;

/// What marks the field of an account (HTML, autofill field names).
const USERNAME: &str = "username";

/// A form. The runtime draws it, guards it against forgery, and brings back what was filled in.
#[derive(Clone, Debug, Serialize)]
pub struct Page {
    button: Cow<'static, str>,
    fields: Vec<Field>,
    problem: Option<Cow<'static, str>>,
}

/// A field of a form. It always has to be filled in.
#[derive(Clone, Debug, Serialize)]
pub struct Field {
    name: &'static str,
    label: Cow<'static, str>,
    #[serde(rename = "type")]
    kind: &'static str,
    autocomplete: &'static str,
}

impl Page {
    /// An empty form; `button` is what its button says.
    #[must_use]
    pub fn new(button: impl Into<Cow<'static, str>>) -> Self {
        Self {
            button: button.into(),
            fields: Vec::new(),
            problem: None,
        }
    }

    /// Adds a field.
    #[must_use]
    pub fn with_field(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    /// The name of the field that asks for an account, if there is one: failed attempts are counted
    /// by it.
    pub(crate) fn account_field(&self) -> Option<&'static str> {
        let mut fields = self.fields.iter();
        let field = fields.find(|field| field.autocomplete == USERNAME)?;
        Some(field.name)
    }

    /// Whether it says what was wrong with the attempt before.
    pub(crate) const fn has_problem(&self) -> bool {
        self.problem.is_some()
    }

    /// Says what was wrong with the attempt before.
    #[must_use]
    pub fn with_problem(mut self, problem: impl Into<Cow<'static, str>>) -> Self {
        self.problem = Some(problem.into());
        self
    }
}

impl Field {
    /// A line of text.
    #[must_use]
    pub fn text(name: &'static str, label: impl Into<Cow<'static, str>>) -> Self {
        Self::new(name, label, "text", "on")
    }

    /// The name of an account.
    #[must_use]
    pub fn username(name: &'static str, label: impl Into<Cow<'static, str>>) -> Self {
        Self::new(name, label, "text", USERNAME)
    }

    /// A password, which is not shown.
    #[must_use]
    pub fn password(name: &'static str, label: impl Into<Cow<'static, str>>) -> Self {
        Self::new(name, label, "password", "current-password")
    }

    /// A code that was sent, or that a device shows.
    #[must_use]
    pub fn one_time_code(name: &'static str, label: impl Into<Cow<'static, str>>) -> Self {
        Self::new(name, label, "text", "one-time-code")
    }

    fn new(
        name: &'static str,
        label: impl Into<Cow<'static, str>>,
        kind: &'static str,
        autocomplete: &'static str,
    ) -> Self {
        Self {
            name,
            label: label.into(),
            kind,
            autocomplete,
        }
    }
}
