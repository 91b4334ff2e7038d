//! The buckets that deploy creates: in the service's region, not public, with lifecycle rules.

use mcpo_common::error::{Failure, Outcome};
use serde::{Serialize, de::IgnoredAny};

use crate::{
    context::Context,
    google::{
        ErrorContext as _, GoogleError, Request,
        api::{
            IntString, Labels,
            storage::{
                Action, Bucket, Condition, Encryption, IamConfiguration, Lifecycle, Rule,
                SoftDeletePolicy, UniformBucketLevelAccess,
            },
        },
        method,
    },
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
    let body = Bucket {
        name: name.clone(),
        location: names.region.clone(),
        labels: Labels::from([(LABEL.0.to_owned(), LABEL.1.to_owned())]),
        iam_configuration: Some(IamConfiguration {
            uniform_bucket_level_access: UniformBucketLevelAccess { enabled: true },
            public_access_prevention: "enforced".to_owned(),
        }),
        // No soft delete: deleted objects are never needed again.
        soft_delete_policy: Some(SoftDeletePolicy {
            retention_duration_seconds: IntString(0),
        }),
        lifecycle: lifecycle(purpose, days),
        encryption: context
            .settings
            .encryption_key
            .as_ref()
            .map(|key| Encryption {
                default_kms_key_name: key.clone(),
            }),
        ..Bucket::default()
    };
    let request = Request {
        query: &[("project", names.project.as_str())],
        ..Request::with_body("storage/v1/b", &body)
    };
    let begun = context.made.begin(format!("bucket {name}"));
    let created = context.google.call(&method::BUCKET_CREATE, request).await;
    match created {
        Ok(IgnoredAny) => {
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
fn lifecycle(purpose: &str, days: u32) -> Lifecycle {
    let mut rule = vec![delete_if(Condition {
        age: Some(days),
        ..Condition::default()
    })];
    if purpose == LEDGER {
        rule.push(expired_records());
    }
    Lifecycle {
        rule,
        ..Lifecycle::default()
    }
}

fn delete_if(condition: Condition) -> Rule {
    Rule {
        action: Action {
            kind: "Delete".to_owned(),
            ..Action::default()
        },
        condition,
        ..Rule::default()
    }
}

/// A ledger record's custom time is when it expires. One day allows for clock differences.
fn expired_records() -> Rule {
    delete_if(Condition {
        days_since_custom_time: Some(1),
        ..Condition::default()
    })
}

/// The rule of earlier versions. It also deleted records that live for years, such as the first
/// owner of a sign-in name.
fn records_of_100_days() -> Rule {
    delete_if(Condition {
        age: Some(100),
        ..Condition::default()
    })
}

/// Returns true if the ledger's bucket deletes expired records and no others. Buckets of earlier
/// versions do not.
pub fn deletes_only_expired_records(bucket: &Bucket) -> bool {
    let rules = &bucket.lifecycle.rule;
    rules.contains(&expired_records()) && !rules.contains(&records_of_100_days())
}

/// The body of an update that replaces the lifecycle rules only.
#[derive(Serialize)]
struct LifecyclePatch {
    lifecycle: Lifecycle,
}

/// Corrects the rules of the ledger's bucket. Rules that mcpo does not know stay.
pub async fn correct_rules(context: &Context<'_>, bucket: &Bucket) -> Outcome<()> {
    let name = context.names.bucket(LEDGER);
    let mut lifecycle = bucket.lifecycle.clone();
    let rules = &mut lifecycle.rule;
    rules.retain(|rule| *rule != records_of_100_days());
    if !rules.contains(&expired_records()) {
        rules.push(expired_records());
    }
    // The rules are replaced as a whole, so the request must fail if they have changed since they
    // were read.
    let metageneration = bucket.metageneration.map(|number| number.0.to_string());
    let query = metageneration
        .as_deref()
        .map(|number| [("ifMetagenerationMatch", number)]);
    let path = format!("storage/v1/b/{name}");
    let body = LifecyclePatch { lifecycle };
    let request = Request {
        query: query.as_ref().map_or(&[], |query| query.as_slice()),
        ..Request::with_body(&path, &body)
    };
    let written = context.google.call(&method::BUCKET_PATCH, request).await;
    written.map(|IgnoredAny| ()).during(format!(
        "failed to correct the lifecycle rules of the bucket {name}"
    ))
}

/// Fails if the bucket belongs to another project: its data must stay in this project.
pub fn check_owner(names: &Names, name: &str, bucket: &Bucket) -> Outcome<()> {
    if names.owns(bucket) {
        return Ok(());
    }
    Err(
        Failure::new(format!("the bucket {name} belongs to another project"))
            .hint("choose another name for the service; nothing was sent there"),
    )
}
