//! Finds settings of a service that were changed elsewhere since mcpo's last deployment: in the
//! Google Cloud console, with gcloud, or with Terraform.
//!
//! Only settings that mcpo wrote are compared, so fields that Google or other tools add are not
//! reported. This module must not send requests.

mod record;
mod values;

use std::collections::BTreeSet;

use mcpo_common::text::clean;
use serde_json::{Value, json};

use self::record::{Record, read};
pub use self::record::{after_release, after_shift, all_passed_fields, passed_fields};
use crate::{
    google::{api::run::Service, are_equal_values},
    labels::are_ours,
    last_write::{self, CLIENT},
    settings::{mebibytes, thousandths},
    shares::allocation,
};

/// What was changed elsewhere, and who wrote the service last.
#[derive(Debug)]
pub struct Drift {
    /// `None` if the record of the last deployment is missing, because another tool removed it.
    changes: Option<Vec<Change>>,
    /// The account of the last write, and its time in RFC 3339. Empty if Google does not say.
    last_modifier: String,
    update_time: String,
    /// The tool of the last write, as it calls itself, such as `gcloud`; empty for mcpo itself.
    client: String,
}

/// A setting that differs from the one that mcpo wrote. A value is `None` if it is not set.
#[derive(Debug, PartialEq, Eq)]
struct Change {
    setting: String,
    was: Option<String>,
    is: Option<String>,
}

/// Returns what was changed elsewhere since mcpo's last deployment, or `None` if nothing was.
pub fn find(service: &Service) -> Option<Drift> {
    if !are_ours(&service.labels) && !service.annotations.contains_key(record::APPLIED) {
        return None;
    }
    let changes = match read(service) {
        Some(record) if record.is_current(service) => return None,
        Some(record) => Some(changes(&record, service)),
        // A version of mcpo without records wrote the service.
        None if service.client == CLIENT => return None,
        None => None,
    };
    if changes.as_ref().is_some_and(Vec::is_empty) {
        return None;
    }
    let client = Some(&service.client).filter(|client| *client != CLIENT);
    Some(Drift {
        changes,
        last_modifier: clean(&service.last_modifier),
        update_time: clean(&service.update_time),
        client: client.map(|client| clean(client)).unwrap_or_default(),
    })
}

impl Drift {
    /// Returns the headline, and one line per change.
    pub fn lines(&self) -> (String, Vec<String>) {
        let last = last_write::describe(&self.last_modifier, &self.update_time, &self.client);
        let last = match &*last {
            "" => String::new(),
            last => format!(" (last change {last})"),
        };
        let what = match &self.changes {
            Some(changes) if changes.len() == 1 => "1 setting was changed".to_owned(),
            Some(changes) => format!("{} settings were changed", changes.len()),
            None => "mcpo's record of its settings is missing: the service was changed".to_owned(),
        };
        let lines = self.changes.iter().flatten().map(Change::line).collect();
        (
            format!("{what} elsewhere since the last deployment{last}"),
            lines,
        )
    }

    /// Returns the drift for the JSON reports.
    pub fn as_json(&self) -> Value {
        let changes = self.changes.as_ref().map(|changes| {
            let changes = changes.iter();
            let changes = changes.map(
                |change| json!({ "setting": change.setting, "was": change.was, "is": change.is }),
            );
            changes.collect::<Vec<_>>()
        });
        json!({
            "changes": changes,
            "last_modifier": self.last_modifier,
            "update_time": self.update_time,
            "client": self.client,
        })
    }
}

impl Change {
    fn line(&self) -> String {
        let text = |value: &Option<String>| match value {
            Some(value) => clean(value),
            None => "not set".to_owned(),
        };
        format!("{}: {} → {}", self.setting, text(&self.was), text(&self.is))
    }
}

/// Compares the service with the record.
fn changes(record: &Record, service: &Service) -> Vec<Change> {
    let mut changes = Vec::new();
    let now = values::of(service);
    let text = |value: &Value| (!value.is_null()).then(|| values::text(value));
    for (setting, was) in &record.settings {
        // Google omits `false` from its responses.
        let default = if was.is_boolean() {
            Value::Bool(false)
        } else {
            Value::Null
        };
        let is = now.get(setting).unwrap_or(&default);
        if !are_equal_settings(setting, was, is) {
            changes.push(Change {
                setting: setting.clone(),
                was: text(was),
                is: text(is),
            });
        }
    }
    if let Some(variables) = &record.variables {
        let now = values::variables(service);
        let names: BTreeSet<_> = variables.keys().chain(now.keys()).collect();
        for name in names {
            let (was, is) = (variables.get(name), now.get(name));
            if was != is {
                let [was, is] = [was, is].map(|one| one.map(values::Source::describe));
                let is = if was == is {
                    Some("another value".to_owned())
                } else {
                    is
                };
                changes.push(Change {
                    setting: format!("variable {name}"),
                    was,
                    is,
                });
            }
        }
    }
    if !values::are_equal_targets(&record.traffic, &service.traffic) {
        changes.push(Change {
            setting: "traffic".to_owned(),
            was: Some(allocation(&record.traffic)),
            is: Some(allocation(&service.traffic)),
        });
    }
    changes
}

/// Returns true if two values of a setting mean the same, such as `1` and `1000m` CPU.
fn are_equal_settings(setting: &str, one: &Value, other: &Value) -> bool {
    if are_equal_values(one, other) {
        return true;
    }
    let parse = match setting {
        "resources.limits.cpu" => thousandths,
        "resources.limits.memory" => mebibytes,
        _ => return false,
    };
    let of = |value: &Value| value.as_str().and_then(parse);
    of(one).is_some() && of(one) == of(other)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Service, after_release, after_shift, find};
    use crate::google::api::Labels;

    fn service(text: Value) -> Service {
        serde_json::from_value(text).unwrap()
    }

    /// A service in the form of Google's responses, after a release of mcpo.
    fn released(generation: u64) -> Service {
        let wanted = service(json!({
            "client": "mcpo", "labels": { "managed-by": "mcpo" }, "ingress": "INGRESS_TRAFFIC_ALL",
            "template": {
                "scaling": { "minInstanceCount": 0, "maxInstanceCount": 4 },
                "containers": [{ "image": "a@sha256:0123456789abcdef", "env": [{ "name": "A", "value": "secret-value" }] }],
            },
        }));
        let annotations = Labels::from([("other".to_owned(), "x".to_owned())]);
        let before = service(json!({ "generation": (generation - 1).to_string() }));
        let annotations = after_release(annotations, Some(&before), &wanted, &[]);
        assert_eq!(annotations["other"], "x");
        assert!(!annotations["mcpo-applied"].contains("secret-value"));
        Service {
            annotations,
            ..service(json!({
                "client": "mcpo", "generation": generation.to_string(), "lastModifier": "anna@example.com",
                "updateTime": "2026-11-28T20:10:30Z",
                "labels": { "managed-by": "mcpo" }, "ingress": "INGRESS_TRAFFIC_ALL",
                "template": {
                    "scaling": { "maxInstanceCount": 4 },
                    "containers": [{ "image": "a@sha256:0123456789abcdef", "env": [{ "name": "A", "value": "secret-value" }] }],
                },
            }))
        }
    }

    fn edited(generation: u64, client: &str, max: u32) -> Service {
        let mut service = released(7);
        service.generation = Some(crate::google::api::IntString(generation));
        client.clone_into(&mut service.client);
        let template = service.template.as_mut().unwrap();
        template.scaling.as_mut().unwrap().max_instance_count = Some(max);
        service
    }

    #[test]
    fn own_write_is_no_drift_in_whatever_form_google_returns_it() {
        assert!(find(&released(7)).is_none());
        assert!(find(&edited(7, "mcpo", 10)).is_none());
    }

    #[test]
    fn later_write_is_compared_also_if_its_tool_sets_no_client() {
        for (generation, client) in [(8, "mcpo"), (7, "gcloud"), (8, "")] {
            let drift = find(&edited(generation, client, 10)).unwrap();
            let (headline, lines) = drift.lines();
            assert_eq!(lines, ["scaling.maxInstanceCount: 4 → 10"]);
            let last = "1 setting was changed elsewhere since the last deployment (last change by \
                        anna@example.com at 2026-11-28T20:10";
            assert!(headline.starts_with(last), "{headline}");
            assert_eq!(headline.ends_with("with gcloud)"), client == "gcloud");
            assert!(find(&edited(generation, client, 4)).is_none());
        }
    }

    #[test]
    fn shift_of_the_traffic_does_not_hide_an_earlier_change() {
        let mut service = edited(8, "mcpo", 10);
        let traffic = serde_json::from_value::<Vec<_>>(json!([
            { "type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": "a", "percent": 100 },
        ]));
        let traffic = traffic.unwrap();
        service.annotations = after_shift(service.annotations.clone(), &service, &traffic);
        service.traffic = traffic;
        service.generation = Some(crate::google::api::IntString(9));
        let (_, lines) = find(&service).unwrap().lines();
        assert_eq!(lines, ["scaling.maxInstanceCount: 4 → 10"]);
        // Without an earlier change, the shift itself is no drift.
        let mut service = released(7);
        service.annotations = after_shift(service.annotations.clone(), &service, &[]);
        service.generation = Some(crate::google::api::IntString(8));
        assert!(find(&service).is_none());
    }

    #[test]
    fn missing_record_is_reported_only_for_a_service_of_mcpo_that_another_tool_wrote() {
        let mut service = edited(8, "gcloud", 10);
        service.annotations.remove("mcpo-applied");
        let drift = find(&service).unwrap();
        assert!(drift.as_json()["changes"].is_null());
        service.client = "mcpo".to_owned();
        assert!(find(&service).is_none());
        service.client = "gcloud".to_owned();
        service.labels.clear();
        assert!(find(&service).is_none());
    }

    #[test]
    fn record_that_would_be_too_long_leaves_out_the_variables() {
        let variables: Vec<_> = (0..900)
            .map(|index| json!({ "name": format!("{index:0>100}"), "value": "a" }))
            .collect();
        let wanted = service(json!({ "template": { "containers": [{ "env": variables }] } }));
        let annotations = after_release(Labels::new(), None, &wanted, &[]);
        let text = &annotations["mcpo-applied"];
        assert!(text.len() < 1_000, "{text}");
        let read = Service {
            annotations,
            client: "gcloud".to_owned(),
            ..Service::default()
        };
        assert!(find(&read).is_none());
    }
}
