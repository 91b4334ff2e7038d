//! Cloud Monitoring's uptime checks, alert policies and notification channels, and the budgets of a
//! billing account.

use serde_json::{Value, json};

use super::{
    Cloud,
    call::{Call, unsupported_method},
    error::{Answer, ApiError},
    state::State,
};

/// The account that pays for the project.
const ACCOUNT: &str = "billingAccounts/012345-6789AB-CDEF01";
const CURRENCY: &str = "EUR";

/// Handles calls to `monitoring`, `cloudbilling` and `billingbudgets`.
pub fn answer(cloud: &Cloud, call: &Call) -> Answer {
    let mut state = cloud.state();
    let (kind, method) = call.found.method.id.rsplit_once('.').unwrap_or_default();
    let collection = kind.rsplit('.').next().unwrap_or_default().to_owned();
    match method {
        "getBillingInfo" => Ok(json!({
            "name": format!("projects/{}/billingInfo", cloud.project),
            "projectId": cloud.project,
            "billingAccountName": ACCOUNT,
            "billingEnabled": true,
        })),
        "get" if collection == "billingAccounts" => Ok(json!({
            "name": ACCOUNT, "open": true, "currencyCode": CURRENCY,
        })),
        "list" => Ok(list(&state, call, &collection)),
        "create" => {
            let body = call.body.clone();
            check(&state, cloud, &collection, &body)?;
            let id = format!("made-{}", state.next());
            let name = format!("{}/{collection}/{id}", parent(call));
            let mut made = body;
            made["name"] = name.clone().into();
            with_etag(&mut state, &collection, &mut made);
            state.create(&name, made)
        }
        "patch" => patch(&mut state, cloud, call, &collection),
        "delete" => {
            let name = call.path("name");
            check_unused(&state, call, &name)?;
            state.delete(&name)?;
            Ok(json!({}))
        }
        _ => Err(unsupported_method(call)),
    }
}

/// Returns the parent of a list, which some methods call `name`.
fn parent(call: &Call) -> String {
    match call.path("parent") {
        parent if parent.is_empty() => call.path("name"),
        parent => parent,
    }
}

/// Returns one resource per page, so that clients must handle pagination.
fn list(state: &State, call: &Call, collection: &str) -> Value {
    let prefix = format!("{}/{collection}/", parent(call));
    let after = call.query("pageToken").unwrap_or_default();
    let all = state.resources.iter();
    let mut found = all.filter(|(name, _)| name.starts_with(&prefix) && name.as_str() > after);
    let page = found.next();
    let items: Vec<_> = page
        .iter()
        .map(|(_, resource)| (*resource).clone())
        .collect();
    let mut answer = json!({});
    answer[collection] = items.into();
    if let (Some((name, _)), Some(_)) = (page, found.next()) {
        answer["nextPageToken"] = name.as_str().into();
    }
    answer
}

fn patch(state: &mut State, cloud: &Cloud, call: &Call, collection: &str) -> Answer {
    let name = call.path("name");
    let mut resource = state.get(&name)?;
    for field in call.query("updateMask").unwrap_or_default().split(',') {
        if ["monitoredResource", "type"].contains(&field) {
            let message = format!("{field} cannot be changed");
            return Err(ApiError::new(400, message));
        }
        resource[field] = call.body[field].clone();
    }
    check(state, cloud, collection, &resource)?;
    with_etag(state, collection, &mut resource);
    state.resources.insert(name, resource.clone());
    Ok(resource)
}

fn with_etag(state: &mut State, collection: &str, resource: &mut Value) {
    if collection == "budgets" {
        resource["etag"] = format!("e{}", state.next()).into();
    }
}

/// Refuses what Google's descriptions exclude in words.
fn check(state: &State, cloud: &Cloud, collection: &str, body: &Value) -> Result<(), ApiError> {
    let invalid = |message: &str| Err(ApiError::new(400, message));
    match collection {
        "budgets" => {
            let amount = &body["amount"]["specifiedAmount"];
            if !amount["currencyCode"].is_null() && amount["currencyCode"] != CURRENCY {
                return invalid("currency_code must match the currency of the billing account");
            }
            let length = body["displayName"].as_str().map_or(0, str::len);
            if length > 60 {
                return invalid("display_name must have at most 60 characters");
            }
            let project = format!("projects/{}", cloud.number);
            let projects = body["budgetFilter"]["projects"].as_array();
            let mut projects = projects.into_iter().flatten();
            if projects.any(|one| one != project.as_str()) {
                return invalid("budget_filter.projects has an unknown project");
            }
        }
        "uptimeCheckConfigs" => {
            let period = body["period"].as_str().unwrap_or_default();
            if !["60s", "300s", "600s", "900s"].contains(&period) {
                return invalid("period must be 60s, 300s, 600s or 900s");
            }
        }
        "alertPolicies" => {
            let channels = body["notificationChannels"].as_array();
            for channel in channels.into_iter().flatten() {
                state.get(channel.as_str().unwrap_or_default())?;
            }
            let filter = body["conditions"][0]["conditionThreshold"]["filter"].to_string();
            let checks = state.resources.keys();
            let mut ids = checks.filter_map(|name| name.split_once("/uptimeCheckConfigs/"));
            if !ids.any(|(_, id)| filter.contains(&format!("check_id=\\\"{id}\\\""))) {
                return invalid("the filter names no uptime check of this project");
            }
        }
        _ => {}
    }
    Ok(())
}

/// Refuses to delete a check or a channel that an alert policy refers to.
fn check_unused(state: &State, call: &Call, name: &str) -> Result<(), ApiError> {
    if name.contains("/alertPolicies/") || call.query("force") == Some("true") {
        return Ok(());
    }
    let id = name.rsplit('/').next().unwrap_or_default();
    let policies = state.resources.iter();
    let mut policies = policies.filter(|(name, _)| name.contains("/alertPolicies/"));
    if policies.any(|(_, policy)| policy.to_string().contains(id)) {
        let message = format!("{name} is referenced by an alert policy");
        return Err(ApiError::failed_precondition(message));
    }
    Ok(())
}
