//! Grants the service's account access to its secrets and its ledger.

use std::time::{Duration, Instant};

use mcpo_common::error::{Failure, Outcome};
use serde::{Serialize, de::IgnoredAny};

use crate::{
    context::Context,
    google::{
        ErrorContext as _, GoogleError, Request,
        api::{iam::Policy, secret_manager::SetIamPolicyRequest},
        method::{self, Method},
    },
    names::{LEDGER_ROLE, SECRET_ROLE, SQL_ROLE},
};

/// How long a new account may be unknown to other APIs.
const ACCOUNT_PROPAGATION: Duration = Duration::from_secs(90);
const CONCURRENT_CHANGES: u32 = 5;

pub async fn secret(context: &Context<'_>, id: &str) -> Outcome<()> {
    let name = context.names.secret(id);
    let read = format!("v1/{name}:getIamPolicy");
    let write = format!("v1/{name}:setIamPolicy");
    let wrap = |policy| SetIamPolicyRequest { policy };
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
    let same = |policy| policy;
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

/// Lets the service connect to the Cloud SQL instances of a project.
pub async fn project(context: &Context<'_>, project: &str) -> Outcome<()> {
    let read = format!("v3/projects/{project}:getIamPolicy");
    let write = format!("v3/projects/{project}:setIamPolicy");
    let wrap = |policy| SetIamPolicyRequest { policy };
    let granted = grant(
        context,
        (&method::PROJECT_POLICY, &read),
        (&method::PROJECT_GRANT, &write),
        SQL_ROLE,
        wrap,
    );
    granted.await.during(format!(
        "failed to let the service connect to Cloud SQL in {project}"
    ))
}

/// Takes the access to the Cloud SQL instances of a project, `v3/projects/P`, from the service.
pub async fn revoke_sql(context: &Context<'_>, project: &str) -> Outcome<()> {
    let read = format!("{project}:getIamPolicy");
    let write = format!("{project}:setIamPolicy");
    let member = format!("serviceAccount:{}", context.names.account_email());
    let during = "failed to take the access to Cloud SQL from the service";
    for _ in 0..=CONCURRENT_CHANGES {
        let policy = context.google.policy(&method::PROJECT_POLICY, &read).await;
        let mut policy = policy.during(during)?;
        policy.revoke(SQL_ROLE, &member);
        let body = SetIamPolicyRequest { policy };
        let request = Request::with_body(&write, &body);
        match context.google.call(&method::PROJECT_GRANT, request).await {
            Err(GoogleError::Conflict(_)) => {}
            sent => return sent.map(|IgnoredAny| ()).during(during),
        }
    }
    Err(Failure::new(during).because(&GoogleError::Conflict(
        "the policy changes all the time".to_owned(),
    )))
}

/// Adds the account to the role with a read-modify-write of the policy. Retries if the policy has
/// changed in between.
async fn grant<B: Serialize>(
    context: &Context<'_>,
    (read, read_path): (&Method, &str),
    (write, write_path): (&Method, &str),
    role: &str,
    wrap: impl Fn(Policy) -> B,
) -> Result<(), GoogleError> {
    let member = format!(
        "serviceAccount:{}",
        context.names.account(&context.settings)
    );
    let until = Instant::now() + ACCOUNT_PROPAGATION;
    let mut conflicts = 0;
    loop {
        let mut policy = context.google.policy(read, read_path).await?;
        policy.grant(role, &member);
        let body = wrap(policy);
        let request = Request::with_body(write_path, &body);
        match context.google.call(write, request).await {
            Ok(IgnoredAny) => return Ok(()),
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
