//! Lays the fields of the settings that are passed through to Cloud Run's API over the wanted
//! service, and finds those that an earlier release set and no setting names any more.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    drift,
    google::{api::run::Service, are_equal_values},
    image::digest,
    settings::ServiceFields,
};

/// The number of hexadecimal digits that are stored of a value's digest.
const DIGITS: usize = 16;
const CONTAINERS: &str = "/template/containers/";

/// Returns the wanted service with these fields.
///
/// Google may return a value in another form than the one that was written, such as the full name of
/// a network. While mcpo's last write is the current one, a value that is still the same in the
/// settings therefore stays as Google returns it.
pub fn lay_over(wanted: Service, fields: &ServiceFields, current: Option<&Service>) -> Service {
    let values = fields.values();
    if values.is_empty() {
        return wanted;
    }
    let passed = values.iter().map(|(pointer, value)| {
        let digest = digest(value.to_string().as_bytes());
        let digits = digest.trim_start_matches("sha256:").chars().take(DIGITS);
        (pointer.clone(), digits.collect())
    });
    let passed: BTreeMap<String, String> = passed.collect();
    let mut merged = serde_json::to_value(&wanted).unwrap_or_default();
    merge(&mut merged, fields.as_json());
    if let Some(current) = current
        && let Some(written) = drift::passed_fields(current)
    {
        let now = serde_json::to_value(current).unwrap_or_default();
        for (pointer, digest) in &passed {
            // Google adds fields to a container that it refuses in requests.
            if !is_additional_container(pointer)
                && written.get(pointer) == Some(digest)
                && let Some(value) = get(&now, pointer)
                && let Some(place) = get_mut(&mut merged, pointer)
            {
                place.clone_from(value);
            }
        }
    }
    // The settings are checked to have the types of a service.
    let merged = serde_json::from_value(merged).unwrap_or(wanted);
    Service { passed, ..merged }
}

/// Returns the JSON pointers of the fields that an earlier release set, that the service still has,
/// and that the wanted service does not have.
pub fn removed(current: &Service, wanted: &Service) -> Vec<String> {
    let written = drift::all_passed_fields(current);
    if written.is_empty() {
        return Vec::new();
    }
    let [now, wanted] = [current, wanted].map(|it| serde_json::to_value(it).unwrap_or_default());
    let is_set = |service: &Value, pointer: &str| {
        get(service, pointer).is_some_and(|value| !are_equal_values(value, &Value::Null))
    };
    let pointers = written.into_iter();
    pointers
        .filter(|pointer| is_set(&now, pointer) && !is_set(&wanted, pointer))
        .collect()
}

/// Returns the service without these fields, and without the tables that become empty.
pub fn without(service: &Service, removed: &[String]) -> Service {
    if removed.is_empty() {
        return service.clone();
    }
    let mut rest = serde_json::to_value(service).unwrap_or_default();
    for pointer in removed {
        remove(&mut rest, pointer);
    }
    serde_json::from_value(rest).unwrap_or_else(|_| service.clone())
}

/// Returns the names of the service's own fields that a write must contain, in addition to those
/// that mcpo always writes.
pub fn service_fields<'a>(pointers: impl Iterator<Item = &'a String>) -> Vec<String> {
    let names = pointers.filter_map(|pointer| pointer.split('/').nth(1));
    let mut names: Vec<_> = names
        .filter(|name| *name != "template")
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Returns the path of a field for messages, such as `vpcAccess.connector`.
pub fn path(pointer: &str) -> String {
    let path = pointer.trim_start_matches("/template/containers/0/");
    let path = path
        .trim_start_matches("/template/")
        .trim_start_matches('/');
    unescaped(&path.replace('/', "."))
}

fn unescaped(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

fn merge(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                let field = under.entry(name.clone()).or_insert(Value::Null);
                match (field, value) {
                    (Value::Array(containers), Value::Array(over)) if name == "containers" => {
                        if let (Some(first), Some(over)) = (containers.first_mut(), over.first()) {
                            merge(first, over);
                        }
                        containers.extend(over.iter().skip(1).cloned());
                    }
                    (field, value) => merge(field, value),
                }
            }
        }
        (under, over) => under.clone_from(over),
    }
}

fn is_additional_container(pointer: &str) -> bool {
    let name = pointer.strip_prefix(CONTAINERS);
    name.is_some_and(|name| name != "0" && !name.starts_with("0/"))
}

/// Returns the pointer with the index of an additional container instead of its name. `None` if
/// there is no such container.
fn with_index(service: &Value, pointer: &str) -> Option<String> {
    if !is_additional_container(pointer) {
        return Some(pointer.to_owned());
    }
    let name = pointer.trim_start_matches(CONTAINERS);
    let containers = service["template"]["containers"].as_array()?;
    let name = unescaped(name);
    let index = containers
        .iter()
        .skip(1)
        .position(|one| one["name"] == *name)?;
    Some(format!("{CONTAINERS}{}", index + 1))
}

fn get<'a>(service: &'a Value, pointer: &str) -> Option<&'a Value> {
    service.pointer(&with_index(service, pointer)?)
}

fn get_mut<'a>(service: &'a mut Value, pointer: &str) -> Option<&'a mut Value> {
    let pointer = with_index(service, pointer)?;
    service.pointer_mut(&pointer)
}

fn remove(service: &mut Value, pointer: &str) {
    let Some(pointer) = with_index(service, pointer) else {
        return;
    };
    let Some((parent, name)) = pointer.rsplit_once('/') else {
        return;
    };
    match service.pointer_mut(parent) {
        Some(Value::Object(fields)) => {
            fields.remove(&unescaped(name));
            if fields.is_empty() && !parent.is_empty() {
                remove(service, parent);
            }
        }
        Some(Value::Array(items)) => {
            if let Ok(index) = name.parse::<usize>()
                && index > 0
                && index < items.len()
            {
                items.remove(index);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ServiceFields, lay_over, path, removed, service_fields, without};
    use crate::{
        drift,
        google::api::{IntString, Labels, run::Service},
    };

    fn service(text: &Value) -> Service {
        serde_json::from_value(text.clone()).unwrap()
    }

    fn own() -> Value {
        json!({ "client": "mcpo", "template": {
            "scaling": { "maxInstanceCount": 4 },
            "containers": [{ "image": "i", "resources": { "cpuIdle": true } }],
        } })
    }

    fn fields() -> ServiceFields {
        let more = json!({
            "description": "d",
            "template": {
                "vpcAccess": { "connector": "c" }, "scaling": { "cpuUtilization": 0.5 },
                "containers": [
                    { "resources": { "cpuIdle": false }, "workingDir": "/" },
                    { "name": "collector", "image": "j" },
                ],
            },
        });
        ServiceFields::read(None, more, &mut Vec::new())
    }

    /// Returns the service as Google returns it after mcpo wrote it.
    fn written(wanted: &Service) -> Service {
        let annotations = drift::after_release(Labels::new(), None, wanted, &[]);
        let mut written = wanted.clone();
        written.annotations = annotations;
        written.generation = Some(IntString(1));
        written.passed.clear();
        written
    }

    #[test]
    fn fields_are_laid_over_the_service() {
        let wanted = lay_over(service(&own()), &fields(), None);
        assert_eq!(
            serde_json::to_value(&wanted).unwrap(),
            json!({ "client": "mcpo", "description": "d", "template": {
                "scaling": { "maxInstanceCount": 4, "cpuUtilization": 0.5 },
                "vpcAccess": { "connector": "c" },
                "containers": [
                    { "image": "i", "resources": { "cpuIdle": false }, "workingDir": "/" },
                    { "name": "collector", "image": "j" },
                ],
            } })
        );
        assert_eq!(service_fields(wanted.passed.keys()), ["description"]);
    }

    #[test]
    fn form_in_which_google_returns_a_value_is_kept_until_the_setting_changes() {
        let wanted = lay_over(service(&own()), &fields(), None);
        let mut current = written(&wanted);
        let full = json!({ "connector": "projects/p/locations/r/connectors/c" });
        let template = current.template.as_mut().unwrap();
        template.other["vpcAccess"] = full.clone();
        let again = lay_over(service(&own()), &fields(), Some(&current));
        assert_eq!(again.template.unwrap().other["vpcAccess"], full);
        assert_eq!(again.passed, wanted.passed);
        // Someone else wrote the service.
        current.client = "gcloud".to_owned();
        let again = lay_over(service(&own()), &fields(), Some(&current));
        let written = json!({ "connector": "c" });
        assert_eq!(again.template.unwrap().other["vpcAccess"], written);
    }

    #[test]
    fn fields_without_a_setting_are_removed_if_mcpo_set_them() {
        let wanted = lay_over(service(&own()), &fields(), None);
        let mut current = written(&wanted);
        let template = current.template.as_mut().unwrap();
        template
            .other
            .insert("volumes".to_owned(), json!([{ "name": "foreign" }]));
        let removed = removed(&current, &service(&own()));
        let paths: Vec<_> = removed.iter().map(|pointer| path(pointer)).collect();
        assert_eq!(
            paths,
            [
                "description",
                "workingDir",
                "containers.collector",
                "scaling.cpuUtilization",
                "vpcAccess.connector"
            ]
        );
        let mut rest = without(&current, &removed);
        rest.annotations.clear();
        let mut expected = own();
        expected["template"]["volumes"] = json!([{ "name": "foreign" }]);
        expected["template"]["containers"][0]["resources"]["cpuIdle"] = false.into();
        assert_eq!(serde_json::to_value(&rest).unwrap(), expected);
    }
}
