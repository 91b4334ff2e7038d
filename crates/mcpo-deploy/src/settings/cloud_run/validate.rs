//! Validates fields of a service against Cloud Run's API, and converts their names from the form of
//! Cargo.toml (`health-check-disabled`) to that of the API (`healthCheckDisabled`).

use serde_json::{Map, Value};

use super::{
    super::check::Problem,
    owned,
    schema::{self, Field, Message},
};

/// The path of the table, for messages.
const TABLE: &str = "cloud-run";
/// The container that mcpo creates.
const OWN_CONTAINER: &str = "template.containers[0]";
/// The largest edit distance of a field that is suggested instead of an unknown one.
const MAX_TYPING_ERROR: usize = 3;

/// A position in the table: the path as the user wrote it, and the path in the API.
#[derive(Clone, Debug, Default)]
struct At {
    written: String,
    api: String,
}

impl At {
    fn field(&self, written: &str, name: &str) -> Self {
        let api = match &*self.api {
            "" => name.to_owned(),
            api => format!("{api}.{name}"),
        };
        Self {
            written: format!("{}.{written}", self.written),
            api,
        }
    }

    fn item(&self, index: usize) -> Self {
        Self {
            written: format!("{}[{index}]", self.written),
            api: format!("{}[{index}]", self.api),
        }
    }
}

/// Returns the table in the form of the API. Adds a problem for each invalid field.
pub fn fields(table: &Value, problems: &mut Vec<Problem>) -> Value {
    let at = At {
        written: TABLE.to_owned(),
        api: String::new(),
    };
    let mut validator = Validator { problems };
    validator.message(schema::SERVICE, table, &at)
}

struct Validator<'a> {
    problems: &'a mut Vec<Problem>,
}

impl Validator<'_> {
    fn problem(&mut self, what: String, hint: Option<&str>) -> Value {
        self.problems.push(Problem::new(what, hint));
        Value::Null
    }

    fn mistyped(&mut self, at: &At, wanted: &str) -> Value {
        self.problem(format!("{} must be {wanted}", at.written), None)
    }

    fn message(&mut self, name: &str, value: &Value, at: &At) -> Value {
        let (Some(known), Value::Object(fields)) = (schema::message(name), value) else {
            return self.mistyped(at, "a table");
        };
        let mut converted = Map::new();
        for (written, value) in fields {
            let name = camel_case(written);
            let at = at.field(written, &name);
            let value = match known.get(&name) {
                None => self.unknown(&at, written, known),
                Some(field) if field.is_read_only() => self.problem(
                    format!("{} is set by Google", at.written),
                    Some("remove it"),
                ),
                Some(field) => self.field(field, value, &at),
            };
            if converted.insert(name, value).is_some() {
                let what = format!("{} is set twice", at.written);
                self.problem(what, Some("use one spelling of the name"));
            }
        }
        let missing = known
            .iter()
            .filter(|(name, field)| field.is_required() && !converted.contains_key(*name));
        for (name, _) in missing {
            // mcpo sets the image of the main container, and the template.
            if !at.api.is_empty() && at.api != OWN_CONTAINER {
                let what = format!("{} has no {}", at.written, kebab_case(name));
                self.problem(what, None);
            }
        }
        Value::Object(converted)
    }

    fn unknown(&mut self, at: &At, written: &str, known: &Message) -> Value {
        let names = known.iter().filter(|(_, field)| !field.is_read_only());
        let names = names.map(|(name, _)| kebab_case(name));
        let distance = |name: &String| strsim::damerau_levenshtein(name, written);
        let near = names
            .map(|name| (distance(&name), name))
            .min()
            .filter(|(distance, _)| *distance <= MAX_TYPING_ERROR);
        let hint = match near {
            Some((_, name)) => format!("did you mean {name}?"),
            None => "Cloud Run's API has no such field: \
                     https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services"
                .to_owned(),
        };
        self.problem(format!("unknown field {}", at.written), Some(&hint))
    }

    fn field(&mut self, field: &Field, value: &Value, at: &At) -> Value {
        if let Some(instead) = owned::instead(&at.api) {
            return self.problem(format!("{} is set by mcpo", at.written), Some(instead));
        }
        match field {
            Field::Enum(accepted) => {
                let is_accepted = |text: &str| accepted.iter().any(|one| one == text);
                if value.as_str().is_some_and(is_accepted) {
                    return value.clone();
                }
                let hint = format!("use {}", accepted.get(1..).unwrap_or_default().join(", "));
                self.problem(format!("invalid {} {value}", at.written), Some(&hint))
            }
            Field::Named(name) => self.named(name.trim_end_matches('!'), value, at),
        }
    }

    fn named(&mut self, name: &str, value: &Value, at: &At) -> Value {
        if let Some(item) = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
        {
            let Some(items) = value.as_array() else {
                return self.mistyped(at, "a list");
            };
            let items = items.iter().enumerate();
            return items
                .map(|(index, value)| self.named(item, value, &at.item(index)))
                .collect();
        }
        match name {
            "string" if value.is_string() => value.clone(),
            "string" => self.mistyped(at, "a text"),
            "boolean" if value.is_boolean() => value.clone(),
            "boolean" => self.mistyped(at, "true or false"),
            "int32" if value.as_i64().is_some_and(|it| i32::try_from(it).is_ok()) => value.clone(),
            "int32" => self.mistyped(at, "an integer"),
            // 64-bit integers are texts in the JSON form of protocol buffers.
            "int64" => match value.as_i64() {
                Some(number) => number.to_string().into(),
                None => self.mistyped(at, "an integer"),
            },
            "float" if value.is_number() => value.clone(),
            "float" => self.mistyped(at, "a number"),
            "duration" if value.as_str().is_some_and(is_duration) => value.clone(),
            "duration" => self.mistyped(at, "a duration such as \"60s\""),
            "map" => self.map(value, at),
            message => self.message(message, value, at),
        }
    }

    /// Keys of maps are the user's, so they are not converted.
    fn map(&mut self, value: &Value, at: &At) -> Value {
        let Some(entries) = value.as_object() else {
            return self.mistyped(at, "a table of texts");
        };
        for (key, value) in entries {
            let at = at.field(key, key);
            if let Some(instead) = owned::instead(&at.api) {
                self.problem(format!("{} is set by mcpo", at.written), Some(instead));
            } else if !value.is_string() {
                self.mistyped(&at, "a text");
            }
        }
        value.clone()
    }
}

fn is_duration(text: &str) -> bool {
    let seconds = text.strip_suffix('s');
    seconds.is_some_and(|seconds| seconds.parse::<f64>().is_ok_and(|it| it >= 0.0))
}

/// Converts `health-check-disabled` to `healthCheckDisabled`. Other names stay as they are.
fn camel_case(name: &str) -> String {
    let mut words = name.split('-');
    let mut converted = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        converted.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        converted.push_str(letters.as_str());
    }
    converted
}

/// Converts `healthCheckDisabled` to `health-check-disabled`.
fn kebab_case(name: &str) -> String {
    let mut converted = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            converted.push('-');
        }
        converted.push(letter.to_ascii_lowercase());
    }
    converted
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::owned::OWNED, Problem, fields, schema};

    fn problems(table: &Value) -> Vec<String> {
        let mut problems = Vec::new();
        fields(table, &mut problems);
        problems.iter().map(Problem::line).collect()
    }

    #[test]
    fn names_are_converted_and_keys_of_maps_are_kept() {
        let mut found = Vec::new();
        let table = json!({
            "default-uri-disabled": true,
            "scaling": { "max-instance-count": 9 },
            "template": {
                "healthCheckDisabled": true, "labels": { "cost-center": "7" },
                "node-selector": { "accelerator": "nvidia-l4" },
                "containers": [
                    { "working-dir": "/", "resources": { "limits": { "nvidia.com/gpu": "1" } } },
                    { "name": "collector", "image": "i", "depends-on": [],
                      "env": [{ "name": "A", "value-source": { "secret-key-ref": { "secret": "s" } } }] },
                ],
            },
        });
        assert_eq!(
            fields(&table, &mut found),
            json!({
                "defaultUriDisabled": true,
                "scaling": { "maxInstanceCount": 9 },
                "template": {
                    "healthCheckDisabled": true, "labels": { "cost-center": "7" },
                    "nodeSelector": { "accelerator": "nvidia-l4" },
                    "containers": [
                        { "workingDir": "/", "resources": { "limits": { "nvidia.com/gpu": "1" } } },
                        { "name": "collector", "image": "i", "dependsOn": [],
                          "env": [{ "name": "A", "valueSource": { "secretKeyRef": { "secret": "s" } } }] },
                    ],
                },
            })
        );
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn invalid_fields_are_reported_with_what_to_do() {
        for (table, expected) in [
            (
                json!({ "template": { "health-check-disable": true } }),
                "unknown field cloud-run.template.health-check-disable; did you mean health-check-disabled?",
            ),
            (
                json!({ "uid": "x" }),
                "cloud-run.uid is set by Google; remove it",
            ),
            (
                json!({ "template": { "timeout": "5s" } }),
                "cloud-run.template.timeout is set by mcpo; use timeout-seconds = …",
            ),
            (
                json!({ "template": { "containers": [{ "resources": { "limits": { "cpu": "2" } } }] } }),
                "cloud-run.template.containers[0].resources.limits.cpu is set by mcpo; use cpu = \"…\"",
            ),
            (
                json!({ "launch-stage": "beta" }),
                "invalid cloud-run.launch-stage \"beta\"; use UNIMPLEMENTED, PRELAUNCH, EARLY_ACCESS, ALPHA, BETA, GA, DEPRECATED",
            ),
            (
                json!({ "template": { "containers": [{}, { "name": "x" }] } }),
                "cloud-run.template.containers[1] has no image",
            ),
            (
                json!({ "template": { "session-affinity": "no" } }),
                "cloud-run.template.session-affinity must be true or false",
            ),
            (
                json!({ "scaling": { "min-instance-count": 3_000_000_000_u64 } }),
                "cloud-run.scaling.min-instance-count must be an integer",
            ),
        ] {
            assert_eq!(problems(&table), [expected]);
        }
        let far = problems(&json!({ "knative": true }));
        assert!(
            far[0].contains("Cloud Run's API has no such field"),
            "{far:?}"
        );
    }

    #[test]
    fn owned_fields_exist_in_the_api() {
        for owned in OWNED {
            let mut message = schema::SERVICE.to_owned();
            for part in owned.path.split('.') {
                if message == "map" {
                    continue;
                }
                let name = part.trim_end_matches("[0]");
                let fields = schema::message(&message).unwrap();
                message = match &fields[name] {
                    schema::Field::Named(name) => name.trim_matches(['[', ']', '!']).to_owned(),
                    schema::Field::Enum(_) => String::new(),
                };
            }
        }
    }
}
