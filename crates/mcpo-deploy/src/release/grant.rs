//! Grants the service's account access to its secrets and its ledger.

use std::time::{Duration, Instant};

use mcpo_common::error::Outcome;
use serde_json::{Value, json};

use crate::{
    context::Context,
    google::{
        ErrorContext as _, GoogleError, POLICY_VERSION, Request,
        method::{self, Method},
    },
    names::{LEDGER_ROLE, SECRET_ROLE},
};

/// How long a new account may be unknown to other APIs.
const ACCOUNT_PROPAGATION: Duration = Duration::from_secs(90);
const CONCURRENT_CHANGES: u32 = 5;

pub async fn secret(context: &Context<'_>, id: &str) -> Outcome<()> {
    let name = context.names.secret(id);
    let read = format!("v1/{name}:getIamPolicy");
    let write = format!("v1/{name}:setIamPolicy");
    let wrap = |policy: Value| json!({ "policy": policy });
    let granted = grant(
        context,
        (&method::SECRET_POLICY, &read),
        (&method::SECRET_GRANT, &write),
        SECRET_ROLE,
        wrap,
    );
    granted
        .await
        .during(format!("failed to let the service read the secret {id}"))
}

pub async fn bucket(context: &Context<'_>) -> Outcome<()> {
    let path = format!("storage/v1/b/{}/iam", context.names.bucket("ledger"));
    let same = |policy: Value| policy;
    let granted = grant(
        context,
        (&method::BUCKET_POLICY, &path),
        (&method::BUCKET_GRANT, &path),
        LEDGER_ROLE,
        same,
    );
    granted
        .await
        .during("failed to let the service use the ledger's bucket")
}

/// Adds the account to the role with a read-modify-write of the policy. Retries if the policy has
/// changed in between.
async fn grant(
    context: &Context<'_>,
    (read, read_path): (&Method, &str),
    (write, write_path): (&Method, &str),
    role: &str,
    wrap: impl Fn(Value) -> Value,
) -> Result<(), GoogleError> {
    let member = format!(
        "serviceAccount:{}",
        context.names.account(&context.settings)
    );
    let until = Instant::now() + ACCOUNT_PROPAGATION;
    let mut conflicts = 0;
    loop {
        let mut policy = context.google.policy(read, read_path).await?;
        add_member(&mut policy, role, &member);
        let body = wrap(policy);
        let request = Request {
            path: write_path,
            query: &[],
            body: Some(&body),
        };
        match context.google.call(write, request).await {
            Ok(_) => return Ok(()),
            Err(GoogleError::Conflict(_)) if conflicts < CONCURRENT_CHANGES => conflicts += 1,
            Err(google_error)
                if Instant::now() < until
                    && google_error.refusal().is_some_and(|refusal| {
                        refusal.status == 400 && refusal.message.contains("does not exist")
                    }) =>
            {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(google_error) => return Err(google_error),
        }
    }
}

fn add_member(policy: &mut Value, role: &str, member: &str) {
    if !policy["bindings"].is_array() {
        policy["bindings"] = json!([]);
    }
    let Some(bindings) = policy["bindings"].as_array_mut() else {
        return;
    };
    let ours = bindings
        .iter_mut()
        .find(|binding| binding["role"] == role && binding["condition"].is_null());
    match ours.and_then(|binding| binding["members"].as_array_mut()) {
        Some(members) if members.iter().any(|one| one == member) => {}
        Some(members) => members.push(member.into()),
        None => bindings.push(json!({ "role": role, "members": [member] })),
    }
    // In an older policy version, the conditions of other bindings would be lost.
    if bindings
        .iter()
        .any(|binding| !binding["condition"].is_null())
    {
        policy["version"] = POLICY_VERSION.into();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::add_member;

    #[test]
    fn conditional_bindings_are_kept() {
        let conditional =
            json!({ "role": "r", "members": ["a"], "condition": { "expression": "x" } });
        let mut policy = json!({ "version": 1, "etag": "e", "bindings": [conditional] });
        add_member(&mut policy, "r", "b");
        let expected = json!({ "version": 3, "etag": "e", "bindings": [
            conditional, { "role": "r", "members": ["b"] },
        ] });
        assert_eq!(policy, expected);
    }
}
