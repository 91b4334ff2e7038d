//! Reads single variables and collects the errors.

use crate::base::error::ConfigError;

/// The environment and the errors found so far.
pub(super) struct Reader<'a> {
    pub(super) lookup: &'a dyn Fn(&str) -> Option<Option<String>>,
    pub(super) errors: Vec<ConfigError>,
}

impl Reader<'_> {
    /// Returns the value of a variable. An empty variable counts as unset.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        match (self.lookup)(name)? {
            Some(value) => Some(value).filter(|value| !value.is_empty()),
            None => {
                self.wrong(name, None, "is not UTF-8", "write it as plain text");
                None
            }
        }
    }

    /// Reports variables that are set but empty: a secret that was not injected must not turn off
    /// the sign-in.
    pub(super) fn refuse_empty(&mut self, names: &[&'static str]) {
        for name in names {
            if (self.lookup)(name) == Some(Some(String::new())) {
                let allowed = "give it a value, or leave the variable out";
                self.wrong(name, None, "is set but empty", allowed);
            }
        }
    }

    pub(super) fn flag(&mut self, name: &'static str) -> bool {
        self.flag_or(name, false)
    }

    pub(super) fn flag_or(&mut self, name: &'static str, default: bool) -> bool {
        match self.text(name).as_deref() {
            None => default,
            Some("0" | "false") => false,
            Some("1" | "true") => true,
            Some(other) => {
                let value = Some(other.to_owned());
                self.wrong(name, value, "is not a boolean", "use 1 or 0");
                false
            }
        }
    }

    pub(super) fn wrong(
        &mut self,
        name: &'static str,
        value: Option<String>,
        problem: impl Into<String>,
        allowed: &'static str,
    ) {
        self.errors.push(ConfigError {
            name,
            value,
            problem: problem.into(),
            allowed,
        });
    }

    /// Returns the entries of a list separated by commas, or `None` if there are none. Entries may
    /// contain spaces.
    pub(super) fn list(&mut self, name: &'static str) -> Option<Vec<String>> {
        self.split(name, &[',', '\n'])
    }

    /// Returns the entries of a list separated by commas or spaces.
    pub(super) fn words(&mut self, name: &'static str) -> Option<Vec<String>> {
        self.split(name, &[',', '\n', ' '])
    }

    fn split(&mut self, name: &'static str, at: &[char]) -> Option<Vec<String>> {
        let text = self.text(name)?;
        let parts = text.split(at).map(str::trim);
        let parts: Vec<_> = parts
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect();
        (!parts.is_empty()).then_some(parts)
    }
}
