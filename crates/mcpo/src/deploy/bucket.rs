//! A bucket of our own: in the region, closed to the public, emptied by itself.

use serde_json::json;

use super::{
    context::Context,
    google::{During as _, Request, Trouble, method},
    names::Names,
    plan::LABEL,
};
use crate::error::{Failure, Outcome};

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
        "lifecycle": { "rule": [
            { "action": { "type": "Delete" }, "condition": { "age": days } },
        ] },
    });
    let request = Request {
        path: "storage/v1/b",
        query: &[("project", names.project.as_str())],
        body: Some(&body),
    };
    match context.google.call(&method::BUCKET_CREATE, request).await {
        Ok(_) => {
            context.made.add(format!("bucket {name}"));
            Ok(())
        }
        Err(Trouble::Exists(_)) => {
            // Ours from a lost answer, or somebody else's from anywhere in the world.
            let found = context.google.get(&method::BUCKET_GET, &path).await;
            check_owner(names, &name, &found.during(&during)?)
        }
        Err(trouble) => Err(trouble).during(during),
    }
}

/// What is put into it must stay in the project.
pub fn check_owner(names: &Names, name: &str, bucket: &serde_json::Value) -> Outcome<()> {
    if names.owns(bucket) {
        return Ok(());
    }
    Err(
        Failure::new(format!("the bucket {name} belongs to another project"))
            .hint("choose another name for the service; nothing was sent there"),
    )
}
