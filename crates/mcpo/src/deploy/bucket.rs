//! A bucket of our own: in the region, closed to the public, emptied by itself.

use serde_json::{Value, json};

use super::{
    context::Context,
    google::{During as _, Request, Trouble, method},
    names::Names,
    plan::LABEL,
};
use crate::error::{Failure, Outcome};

/// The purpose of the bucket that the service keeps its ledger in.
pub const LEDGER: &str = "ledger";

/// Makes the bucket for this purpose, unless it is there; its objects live for so many days.
pub async fn make(context: &Context<'_>, purpose: &str, days: u32) -> Outcome<()> {
    let names = &context.names;
    let name = names.bucket(purpose);
    let during = format!("failed to make the bucket {name}");
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
        // Deleted at once and for good: what is in it is of no use to anybody later.
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
        Err(Trouble::Exists(_)) => {
            begun.not_made();
            // Ours from a lost answer, or somebody else's from anywhere in the world.
            let found = context.google.get(&method::BUCKET_GET, &path).await;
            check_owner(names, &name, &found.during(&during)?)
        }
        Err(trouble) => {
            begun.not_made();
            Err(trouble).during(during)
        }
    }
}

/// What goes by itself: what is old, and what says of itself that it is over.
fn lifecycle(purpose: &str, days: u32) -> Value {
    let mut rules = vec![rule(&json!({ "age": days }))];
    if purpose == LEDGER {
        rules.push(rule(&over()));
    }
    json!({ "rule": rules })
}

fn rule(condition: &Value) -> Value {
    json!({ "action": { "type": "Delete" }, "condition": condition })
}

/// A record of the ledger carries the time until which it matters; a day is for clocks that differ.
fn over() -> Value {
    json!({ "daysSinceCustomTime": 1 })
}

/// Whether the ledger's bucket deletes what is over; one of an earlier version does not.
pub fn deletes_what_is_over(bucket: &Value) -> bool {
    rules(bucket).contains(&rule(&over()))
}

fn rules(bucket: &Value) -> Vec<Value> {
    let rules = bucket["lifecycle"]["rule"].as_array();
    rules.cloned().unwrap_or_default()
}

/// Adds the rule to those that the bucket has.
pub async fn let_what_is_over_go(context: &Context<'_>, bucket: &Value) -> Outcome<()> {
    let name = context.names.bucket(LEDGER);
    let mut rules = rules(bucket);
    rules.push(rule(&over()));
    // The rules are written as a whole: not over those that somebody has set meanwhile.
    let metageneration = bucket["metageneration"].as_str();
    let query = metageneration.map(|number| [("ifMetagenerationMatch", number)]);
    let request = Request {
        path: &format!("storage/v1/b/{name}"),
        query: query.as_ref().map_or(&[], |query| query.as_slice()),
        body: Some(&json!({ "lifecycle": { "rule": rules } })),
    };
    let written = context.google.call(&method::BUCKET_PATCH, request).await;
    written
        .map(|_| ())
        .during(format!("failed to give the bucket {name} a rule"))
}

/// What is put into it must stay in the project.
pub fn check_owner(names: &Names, name: &str, bucket: &Value) -> Outcome<()> {
    if names.owns(bucket) {
        return Ok(());
    }
    Err(
        Failure::new(format!("the bucket {name} belongs to another project"))
            .hint("choose another name for the service; nothing was sent there"),
    )
}
