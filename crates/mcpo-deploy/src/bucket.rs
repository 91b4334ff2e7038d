//! The buckets that deploy creates: in the service's region, not public, with lifecycle rules.

use mcpo_common::error::{Failure, Outcome};
use serde_json::{Value, json};

use crate::{
    context::Context,
    google::{ErrorContext as _, GoogleError, Request, method},
    labels::LABEL,
    names::Names,
};

/// The purpose of the ledger's bucket.
pub const LEDGER: &str = "ledger";

/// Creates the bucket for this purpose if it does not exist. Its objects are deleted after `days`
/// days.
pub async fn make(context: &Context<'_>, purpose: &str, days: u32) -> Outcome<()> {
    let names = &context.names;
    let name = names.bucket(purpose);
    let during = format!("failed to create the bucket {name}");
    let path = format!("storage/v1/b/{name}");
    let found = context.google.find(&method::BUCKET_GET, &path).await;
    if let Some(found) = found.during(&during)? {
        return check_owner(names, &name, &found);
    }
    let body = json!({
        "name": name,
        "location": names.region,
        "labels": { LABEL.0: LABEL.1 },
        "iamConfiguration": {
            "uniformBucketLevelAccess": { "enabled": true },
            "publicAccessPrevention": "enforced",
        },
        // No soft delete: deleted objects are never needed again.
        "softDeletePolicy": { "retentionDurationSeconds": "0" },
        "lifecycle": lifecycle(purpose, days),
    });
    let request = Request {
        path: "storage/v1/b",
        query: &[("project", names.project.as_str())],
        body: Some(&body),
    };
    let begun = context.made.begin(format!("bucket {name}"));
    match context.google.call(&method::BUCKET_CREATE, request).await {
        Ok(_) => {
            begun.done();
            Ok(())
        }
        Err(GoogleError::Exists(_)) => {
            begun.not_made();
            // Either an earlier attempt of this run created it and the response was lost, or
            // another project owns the name.
            let found = context.google.get(&method::BUCKET_GET, &path).await;
            check_owner(names, &name, &found.during(&during)?)
        }
        Err(google_error) => {
            begun.not_made();
            Err(google_error).during(during)
        }
    }
}

/// Deletes objects by age, and ledger records when they have expired.
fn lifecycle(purpose: &str, days: u32) -> Value {
    let mut rules = vec![rule(&json!({ "age": days }))];
    if purpose == LEDGER {
        rules.push(expired_records());
    }
    json!({ "rule": rules })
}

fn rule(condition: &Value) -> Value {
    json!({ "action": { "type": "Delete" }, "condition": condition })
}

/// A ledger record's custom time is when it expires. One day allows for clock differences.
fn expired_records() -> Value {
    rule(&json!({ "daysSinceCustomTime": 1 }))
}

/// The rule of earlier versions. It also deleted records that live for years, such as the first
/// owner of a sign-in name.
fn records_of_100_days() -> Value {
    rule(&json!({ "age": 100 }))
}

/// Returns true if the ledger's bucket deletes expired records and no others. Buckets of earlier
/// versions do not.
pub fn deletes_only_expired_records(bucket: &Value) -> bool {
    let rules = rules(bucket);
    rules.contains(&expired_records()) && !rules.contains(&records_of_100_days())
}

fn rules(bucket: &Value) -> Vec<Value> {
    let rules = bucket["lifecycle"]["rule"].as_array();
    rules.cloned().unwrap_or_default()
}

/// Corrects the rules of the ledger's bucket. Rules that mcpo does not know stay.
pub async fn correct_rules(context: &Context<'_>, bucket: &Value) -> Outcome<()> {
    let name = context.names.bucket(LEDGER);
    let mut rules = rules(bucket);
    rules.retain(|rule| *rule != records_of_100_days());
    if !rules.contains(&expired_records()) {
        rules.push(expired_records());
    }
    // The rules are replaced as a whole, so the request must fail if they have changed since they
    // were read.
    let metageneration = bucket["metageneration"].as_str();
    let query = metageneration.map(|number| [("ifMetagenerationMatch", number)]);
    let request = Request {
        path: &format!("storage/v1/b/{name}"),
        query: query.as_ref().map_or(&[], |query| query.as_slice()),
        body: Some(&json!({ "lifecycle": { "rule": rules } })),
    };
    let written = context.google.call(&method::BUCKET_PATCH, request).await;
    written.map(|_| ()).during(format!(
        "failed to correct the lifecycle rules of the bucket {name}"
    ))
}

/// Fails if the bucket belongs to another project: its data must stay in this project.
pub fn check_owner(names: &Names, name: &str, bucket: &Value) -> Outcome<()> {
    if names.owns(bucket) {
        return Ok(());
    }
    Err(
        Failure::new(format!("the bucket {name} belongs to another project"))
            .hint("choose another name for the service; nothing was sent there"),
    )
}
