//! What mcpo writes.

use serde_json::{Value, json};

use super::Kind;
use crate::{image::digest, names::Names, settings::Settings};

/// How often the check runs, in seconds. Google offers 60, 300, 600 and 900.
const PERIOD: u32 = 300;
/// The longest display name of a budget, in characters.
const BUDGET_NAME_LEN: usize = 60;
/// Google sends an email when these shares of the budget are reached.
const THRESHOLDS: [f64; 3] = [0.5, 0.9, 1.0];

/// The names of the resources that an alert policy refers to.
#[derive(Debug, Default)]
pub struct References {
    pub channel: String,
    pub check: String,
}

/// Describes the resources that the settings request.
#[derive(Clone, Copy, Debug)]
pub struct Bodies<'a> {
    pub settings: &'a Settings,
    pub names: &'a Names,
}

impl Bodies<'_> {
    /// Returns the resource. A policy refers to `references`.
    pub fn body(&self, kind: Kind, references: &References) -> Value {
        match kind {
            Kind::Channel => self.channel(),
            Kind::Check => self.check(),
            Kind::Policy => self.policy(references),
            Kind::Budget => self.budget(),
        }
    }

    /// Returns true if mcpo created the resource for this service.
    pub fn is_ours(&self, kind: Kind, resource: &Value) -> bool {
        if kind == Kind::Budget {
            return resource["displayName"] == self.budget_name();
        }
        let labels = self.names.labels();
        let mut labels = labels.iter();
        labels.all(|(name, value)| resource["userLabels"][name] == value.as_str())
    }

    /// Returns true if the resource can become the requested one by an update. Other settings cannot
    /// be changed.
    pub fn fits(&self, kind: Kind, resource: &Value) -> bool {
        match kind {
            Kind::Channel => resource["labels"]["email_address"] == self.email(),
            Kind::Check => resource["monitoredResource"]["labels"]["host"] == self.host(),
            Kind::Policy | Kind::Budget => true,
        }
    }

    /// Describes the resource for the plan.
    pub fn describe(&self, kind: Kind) -> String {
        match kind {
            Kind::Channel => format!("notification channel to {}", self.email()),
            Kind::Check => format!(
                "uptime check of https://{}/health every {} minutes",
                self.host(),
                PERIOD / 60
            ),
            Kind::Policy => "alert policy: an email if the uptime check fails".to_owned(),
            Kind::Budget => {
                let amount = self.settings.budget.as_ref();
                let amount = amount.map(ToString::to_string).unwrap_or_default();
                format!(
                    "budget of {amount} a month for all of {}; it sends emails at 50, 90 and 100% and \
                     limits nothing",
                    self.names.project
                )
            }
        }
    }

    fn email(&self) -> &str {
        self.settings.alert_email.as_deref().unwrap_or_default()
    }

    fn host(&self) -> String {
        let base = self.names.base_url(self.settings);
        base.trim_start_matches("https://").to_owned()
    }

    fn display_name(&self) -> String {
        format!("mcpo: {} in {}", self.names.service_id, self.names.region)
    }

    fn channel(&self) -> Value {
        json!({
            "type": "email",
            "displayName": self.display_name(),
            "labels": { "email_address": self.email() },
            "userLabels": self.names.labels(),
        })
    }

    fn check(&self) -> Value {
        json!({
            "displayName": self.display_name(),
            "monitoredResource": {
                "type": "uptime_url",
                "labels": { "project_id": self.names.project, "host": self.host() },
            },
            "httpCheck": {
                "requestMethod": "GET",
                "path": "/health",
                "port": 443,
                "useSsl": true,
                "validateSsl": true,
            },
            "period": format!("{PERIOD}s"),
            "timeout": "10s",
            "userLabels": self.names.labels(),
        })
    }

    /// Alerts if the check fails from more than one region, as the policies do that Google's console
    /// creates. <https://cloud.google.com/monitoring/uptime-checks/uptime-alerting-policies>
    fn policy(&self, references: &References) -> Value {
        let id = references.check.rsplit('/').next().unwrap_or_default();
        let filter = format!(
            "metric.type=\"monitoring.googleapis.com/uptime_check/check_passed\" AND \
             metric.label.check_id=\"{id}\" AND resource.type=\"uptime_url\""
        );
        json!({
            "displayName": self.display_name(),
            "combiner": "OR",
            "conditions": [{
                "displayName": "the uptime check fails",
                "conditionThreshold": {
                    "filter": filter,
                    "aggregations": [{
                        "alignmentPeriod": "1200s",
                        "perSeriesAligner": "ALIGN_NEXT_OLDER",
                        "crossSeriesReducer": "REDUCE_COUNT_FALSE",
                        "groupByFields": ["resource.label.*"],
                    }],
                    "comparison": "COMPARISON_GT",
                    "thresholdValue": 1,
                    "duration": "60s",
                    "trigger": { "count": 1 },
                },
            }],
            "notificationChannels": [references.channel],
            "userLabels": self.names.labels(),
        })
    }

    fn budget(&self) -> Value {
        let amount = self.settings.budget.as_ref();
        let amount = amount.map(|amount| {
            json!({
                "currencyCode": amount.currency,
                "units": amount.units.to_string(),
                "nanos": amount.hundredths * 10_000_000,
            })
        });
        let rules: Vec<_> = THRESHOLDS
            .iter()
            .map(|share| json!({ "thresholdPercent": share }))
            .collect();
        json!({
            "displayName": self.budget_name(),
            "budgetFilter": { "projects": [format!("projects/{}", self.names.number)] },
            "amount": { "specifiedAmount": amount },
            "thresholdRules": rules,
        })
    }

    /// Returns a name that only this service has among the budgets of a billing account.
    fn budget_name(&self) -> String {
        let names = self.names;
        let full = format!(
            "mcpo {} {} {}",
            names.project, names.service_id, names.region
        );
        if full.len() <= BUDGET_NAME_LEN {
            return full;
        }
        let hash = digest(full.as_bytes());
        let hash = hash.get("sha256:".len()..).unwrap_or_default();
        let begin = full.get(..BUDGET_NAME_LEN - 13).unwrap_or(&full);
        format!("{begin} {}", hash.get(..12).unwrap_or(hash))
    }
}
