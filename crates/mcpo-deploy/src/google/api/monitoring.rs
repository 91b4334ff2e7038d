//! Cloud Monitoring, version 3, and the Cloud Billing APIs for budgets.
//! <https://cloud.google.com/monitoring/api/ref_v3/rest>
//! <https://cloud.google.com/billing/docs/reference/budget/rest>
//!
//! The resources are JSON: deploy compares only the fields that it writes.

use serde::Deserialize;
use serde_json::Value;

use super::page::page;

page!(ListNotificationChannelsResponse, notification_channels: Value);
page!(ListUptimeCheckConfigsResponse, uptime_check_configs: Value);
page!(ListAlertPoliciesResponse, alert_policies: Value);
page!(ListBudgetsResponse, budgets: Value);

/// Which account pays for a project.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ProjectBillingInfo {
    /// `billingAccounts/ID`; empty if there is none.
    pub billing_account_name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BillingAccount {
    /// Three letters (ISO 4217).
    pub currency_code: String,
}
