//! The environments of a project, such as `staging`: tables inside `env` that override settings.
//!
//! In `[package.metadata.mcpo.env]`, a text is a variable of the service, and a table is an
//! environment.

use mcpo_common::error::{Failure, Outcome};
use serde_json::{Map, Value};

/// Settings that belong to one service. An environment does not inherit them.
const OF_ONE_SERVICE: [&str; 4] = ["base-url", "domain", "former-domains", "service"];

/// The table `[package.metadata.mcpo]` without environments, and the environments by name.
pub struct Environments {
    base: Map<String, Value>,
    named: Map<String, Value>,
}

impl Environments {
    /// Separates the variables from the environments.
    pub fn read(table: &Value) -> Self {
        let mut base = table.as_object().cloned().unwrap_or_default();
        let mut named = Map::new();
        if let Some(Value::Object(env)) = base.get_mut("env") {
            let entries = std::mem::take(env).into_iter();
            let (tables, variables) = entries.partition(|(_, value)| value.is_object());
            *env = variables;
            named = tables;
        }
        Self { base, named }
    }

    /// Returns the names of all environments.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.named.keys().map(String::as_str)
    }

    /// Returns the settings without an environment.
    pub fn base(&self) -> Value {
        Value::Object(self.base.clone())
    }

    /// Returns the settings of an environment: tables are merged by key, and other values and lists
    /// are replaced.
    pub fn settings_of(&self, name: &str) -> Outcome<Value> {
        let Some(overlay) = self.named.get(name) else {
            let failure = Failure::new(format!("unknown environment {name:?}"));
            let names: Vec<_> = self.names().collect();
            return Err(failure.hint(if names.is_empty() {
                format!("Cargo.toml has no environment; add [package.metadata.mcpo.env.{name}]")
            } else {
                format!("use one of those in Cargo.toml: {}", names.join(", "))
            }));
        };
        let mut settings = self.base();
        if let Value::Object(fields) = &mut settings {
            for name in OF_ONE_SERVICE {
                fields.remove(name);
            }
        }
        merge(&mut settings, overlay);
        Ok(settings)
    }

    /// Returns the default name of an environment's service: the name without an environment, and
    /// the environment.
    pub fn service_of(&self, name: &str, package: &str) -> String {
        let service = self.base.get("service").and_then(Value::as_str);
        format!("{}-{name}", service.unwrap_or(package))
    }
}

fn merge(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                merge(under.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (under, over) => under.clone_from(over),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Environments;

    #[test]
    fn tables_are_merged_by_key_and_lists_are_replaced() {
        let environments = Environments::read(&json!({
            "service": "tiny", "base-url": "https://tiny.example.com",
            "domain": "tiny.example.com", "former-domains": ["old.example.com"], "cpu": "2",
            "secrets": ["A", "B"], "labels": { "team": "tools", "tier": "1" },
            "env": {
                "GREETING": "hello", "LEVEL": "info",
                "staging": {
                    "cpu": "1", "secrets": ["A"], "labels": { "tier": "2" },
                    "env": { "LEVEL": "debug" },
                },
                "production": { "service": "big" },
            },
        }));
        assert_eq!(
            environments.names().collect::<Vec<_>>(),
            ["production", "staging"]
        );
        assert_eq!(
            environments.settings_of("staging").unwrap(),
            json!({
                "cpu": "1", "secrets": ["A"], "labels": { "team": "tools", "tier": "2" },
                "env": { "GREETING": "hello", "LEVEL": "debug" },
            })
        );
        assert_eq!(
            environments.settings_of("production").unwrap()["service"],
            "big"
        );
        assert_eq!(
            environments.base()["env"],
            json!({ "GREETING": "hello", "LEVEL": "info" })
        );
        assert_eq!(
            environments.service_of("staging", "package"),
            "tiny-staging"
        );
        let failure = environments.settings_of("prod").unwrap_err();
        assert_eq!(
            failure.hint_text(),
            Some("use one of those in Cargo.toml: production, staging")
        );
    }
}
