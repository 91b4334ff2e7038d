//! Forms that a login shows to the user.

use std::borrow::Cow;

use serde::Serialize;

/// The `autocomplete` value of an account field (HTML, autofill field names).
const USERNAME: &str = "username";

/// A form. The runtime renders it, protects it against forgery, and returns the submitted values.
#[derive(Clone, Debug)]
pub struct Page(PageContent);

/// The content of a form, as the template of the page uses it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PageContent {
    button: Cow<'static, str>,
    fields: Vec<FieldContent>,
    problem: Option<Cow<'static, str>>,
    /// The name of the only user, for password managers.
    only_user: Option<&'static str>,
}

/// A required field of a form.
#[derive(Clone, Debug)]
pub struct Field(FieldContent);

#[derive(Clone, Debug, Serialize)]
struct FieldContent {
    name: &'static str,
    label: Cow<'static, str>,
    #[serde(rename = "type")]
    kind: &'static str,
    autocomplete: &'static str,
    hint: Option<Cow<'static, str>>,
}

impl Page {
    /// Creates an empty form with this text on its button.
    #[must_use]
    pub fn new(button: impl Into<Cow<'static, str>>) -> Self {
        Self(PageContent {
            button: button.into(),
            fields: Vec::new(),
            problem: None,
            only_user: None,
        })
    }

    /// Adds a field.
    #[must_use]
    pub fn with_field(mut self, field: Field) -> Self {
        self.0.fields.push(field.0);
        self
    }

    /// Adds the name of the only user in a hidden field. Password managers store it with the
    /// password, and need it to distinguish the entries of a site.
    pub(super) const fn for_only_user(mut self, name: &'static str) -> Self {
        self.0.only_user = Some(name);
        self
    }

    /// Returns the name of the account field, if the form has one. Failed attempts are counted per
    /// account.
    pub(crate) fn account_field(&self) -> Option<&'static str> {
        let mut fields = self.0.fields.iter();
        let field = fields.find(|field| field.autocomplete == USERNAME)?;
        Some(field.name)
    }

    /// Returns true if the form shows what was wrong with the last attempt.
    pub(crate) const fn has_problem(&self) -> bool {
        self.0.problem.is_some()
    }

    pub(crate) const fn content(&self) -> &PageContent {
        &self.0
    }

    /// Shows what was wrong with the last attempt.
    #[must_use]
    pub fn with_problem(mut self, problem: impl Into<Cow<'static, str>>) -> Self {
        self.0.problem = Some(problem.into());
        self
    }
}

impl Field {
    /// Creates a field for one line of text.
    #[must_use]
    pub fn text(name: &'static str, label: impl Into<Cow<'static, str>>) -> Self {
        Self::new(name, label, "text", "on")
    }

    /// Creates a field for the name of an account.
    #[must_use]
    pub fn username(name: &'static str, label: impl Into<Cow<'static, str>>) -> Self {
        Self::new(name, label, "text", USERNAME)
    }

    /// Creates a field for a password. The browser hides the text.
    #[must_use]
    pub fn password(name: &'static str, label: impl Into<Cow<'static, str>>) -> Self {
        Self::new(name, label, "password", "current-password")
    }

    /// Creates a field for a one-time code from a message or a device.
    #[must_use]
    pub fn one_time_code(name: &'static str, label: impl Into<Cow<'static, str>>) -> Self {
        Self::new(name, label, "text", "one-time-code")
    }

    /// Adds an explanation below the field.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    fn new(
        name: &'static str,
        label: impl Into<Cow<'static, str>>,
        kind: &'static str,
        autocomplete: &'static str,
    ) -> Self {
        Self(FieldContent {
            name,
            label: label.into(),
            kind,
            autocomplete,
            hint: None,
        })
    }
}
