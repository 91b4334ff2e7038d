//! The table `cloud-run`: fields of the service without another setting, which are passed through to
//! Cloud Run's API.

mod owned;
mod schema;
mod validate;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::check::Problem;
use crate::google::api::run::Service;

/// Fields to set in the service, in the form of Cloud Run's API. Containers after the first one are
/// additional containers.
#[derive(Clone, Debug, Default)]
pub struct ServiceFields(Value);

impl ServiceFields {
    /// Validates the table `cloud-run`, and adds the fields of other settings.
    pub fn read(table: Option<&Value>, settings: Value, problems: &mut Vec<Problem>) -> Self {
        let mut fields = table.map_or_else(|| json!({}), |table| validate::fields(table, problems));
        check_containers(&fields, problems);
        join(&mut fields, settings);
        // Everything that the code reads from a service must have the type that it expects.
        if problems.is_empty()
            && let Err(error) = serde_json::from_value::<Service>(fields.clone())
        {
            problems.push(Problem::new(
                format!("invalid table cloud-run: {error}"),
                None,
            ));
        }
        Self(fields)
    }

    /// Returns the fields as a part of a service.
    pub const fn as_json(&self) -> &Value {
        &self.0
    }

    /// Returns each value that is not a table, by its JSON pointer (RFC 6901). An additional
    /// container is one value, and its name replaces the index.
    pub fn values(&self) -> BTreeMap<String, &Value> {
        let mut values = BTreeMap::new();
        collect("", &self.0, &mut values);
        values
    }
}

/// Additional containers are recognized by their names, and only one container serves requests.
fn check_containers(fields: &Value, problems: &mut Vec<Problem>) {
    let containers = fields["template"]["containers"].as_array();
    let mut names = Vec::new();
    for (index, container) in containers.into_iter().flatten().enumerate().skip(1) {
        let at = format!("cloud-run.template.containers[{index}]");
        match container["name"].as_str() {
            Some(name) if !name.is_empty() && !names.contains(&name) => names.push(name),
            _ => {
                let hint = "the first container is the server's; name each other one";
                problems.push(Problem::new(
                    format!("{at} needs a name of its own"),
                    Some(hint),
                ));
            }
        }
        if !container["ports"].is_null() {
            let hint = "only the server's container has a port";
            problems.push(Problem::new(
                format!("{at} must not have ports"),
                Some(hint),
            ));
        }
    }
}

/// Adds the fields of `more`. Lists are joined, except that of the containers, whose items are
/// merged.
fn join(fields: &mut Value, more: Value) {
    match (fields, more) {
        (Value::Object(fields), Value::Object(more)) => {
            for (name, value) in more {
                let field = fields.entry(name.clone()).or_insert(Value::Null);
                match (field, value) {
                    (Value::Array(items), Value::Array(more)) if name == "containers" => {
                        for (item, more) in items.iter_mut().zip(more) {
                            join(item, more);
                        }
                    }
                    (field, value) => join(field, value),
                }
            }
        }
        (Value::Array(items), Value::Array(more)) => items.extend(more),
        (fields, more) => *fields = more,
    }
}

fn collect<'a>(pointer: &str, value: &'a Value, values: &mut BTreeMap<String, &'a Value>) {
    match value {
        Value::Object(fields) if !fields.is_empty() || pointer.is_empty() => {
            for (name, value) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                collect(&format!("{pointer}/{name}"), value, values);
            }
        }
        Value::Array(containers) if pointer == "/template/containers" => {
            for (index, container) in containers.iter().enumerate() {
                match container["name"].as_str() {
                    Some(name) if index > 0 => {
                        values.insert(format!("{pointer}/{name}"), container);
                    }
                    _ => collect(&format!("{pointer}/0"), container, values),
                }
            }
        }
        value => {
            values.insert(pointer.to_owned(), value);
        }
    }
}
