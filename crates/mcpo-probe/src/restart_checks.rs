//! Checks what must survive a restart, and concurrent refreshes.
//!
//! Clients keep and reuse their client id and refresh token forever. If the server forgets them,
//! the client shows the server as connected but has no tools.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

use crate::{
    check::Log,
    http::RequestError,
    plan::{Plan, Restart},
    rules::Rule,
    security::{AttackContext, AttackOutcome, AttackResult, Guarantee, read, summarize},
};

/// How long a server may take to come back.
const RESTART_TIMEOUT: Duration = Duration::from_secs(120);
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

macro_rules! guarantee {
    ($name:ident, $id:literal, $title:literal, $clause:literal, $expected:literal, $fix:literal) => {
        static $name: Guarantee = Guarantee {
            rule: Rule {
                id: $id,
                title: $title,
                clause: $clause,
                security: false,
            },
            expected: $expected,
            fix: $fix,
        };
    };
}

guarantee!(
    CONCURRENT_REFRESH,
    "concurrent-refresh",
    "concurrent refresh",
    "OAuth 2.1 §4.3.1; claude.ai refreshes from two addresses at once",
    "both are answered, and the tokens of each answer work",
    "accept the previous refresh token for a minute: the second refresh is a retry, not a theft"
);
guarantee!(
    RESTARTED,
    "restart",
    "restarted",
    "claude.ai gives up after 10 s",
    "an answer after the restart",
    "check why the server does not come back"
);
guarantee!(
    RESTART_ACCESS,
    "restart-access",
    "access kept",
    "RFC 6749 §1.4; clients keep their tokens across redeploys",
    "the access token still works after the restart",
    "keep signing keys and tokens outside the process"
);
guarantee!(
    RESTART_REFRESH,
    "restart-refresh",
    "refresh kept",
    "RFC 6749 §1.5; clients keep their tokens across redeploys",
    "the refresh token still works after the restart",
    "keep grants in a store that outlives the process"
);
guarantee!(
    RESTART_CLIENT,
    "restart-client",
    "client kept",
    "RFC 7591 §3.2.1; clients keep their id across redeploys",
    "the client is known after the restart",
    "keep registrations in a store that outlives the process, or encrypt them into the client id"
);

/// Returns every rule of this file.
#[cfg(test)]
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    let all = [
        &CONCURRENT_REFRESH,
        &RESTARTED,
        &RESTART_ACCESS,
        &RESTART_REFRESH,
        &RESTART_CLIENT,
    ];
    all.into_iter().map(|guarantee| &guarantee.rule)
}

/// Runs the checks that the user requested in addition to the probe.
pub async fn check(plan: &Plan, context: &AttackContext<'_>, log: &mut Log<'_>) {
    if plan.concurrent_refresh {
        CONCURRENT_REFRESH.check(log, both_at_once(context)).await;
    }
    if let Some(restart) = &plan.restart {
        survive(restart, context, log).await;
    }
}

/// Refreshes twice at the same time with one token, on two connections.
async fn both_at_once(context: &AttackContext<'_>) -> AttackResult {
    let Some(refresh) = context.tokens().await?.refresh_token else {
        return Ok(AttackOutcome::Skipped(
            "no refresh token was issued".to_owned(),
        ));
    };
    let refresh = || context.refresh(context.client, &refresh);
    let (first, second) = tokio::join!(refresh(), refresh());
    let (first, second) = (first?, second?);
    let (Ok(one), Ok(other)) = (read(&first), read(&second)) else {
        return Ok(AttackOutcome::Failed(format!(
            "{} and {}",
            summarize(&first),
            summarize(&second)
        )));
    };
    for tokens in [&one, &other] {
        if !context.accepts(&tokens.access_token).await? {
            return Ok(AttackOutcome::Failed(
                "an access token that is not accepted".to_owned(),
            ));
        }
    }
    // A client may keep either of the two tokens.
    let kept = other
        .refresh_token
        .or(one.refresh_token)
        .unwrap_or_default();
    let next = context.refresh(context.client, &kept).await?;
    let seen = format!("both answered; the next refresh: {}", summarize(&next));
    Ok(AttackOutcome::when(next.status.is_success(), seen))
}

async fn survive(restart: &Restart, context: &AttackContext<'_>, log: &mut Log<'_>) {
    let before = match context.tokens().await {
        Ok(tokens) => tokens,
        Err(request_error) => {
            return RESTARTED
                .check(log, std::future::ready(Err(request_error)))
                .await;
        }
    };
    RESTARTED.check(log, back(restart, context)).await;
    RESTART_ACCESS
        .check(log, async {
            let answer = context.present(&before.access_token).await?;
            Ok(AttackOutcome::when(
                answer.status.is_success(),
                summarize(&answer),
            ))
        })
        .await;
    RESTART_REFRESH
        .check(log, async {
            let Some(refresh) = &before.refresh_token else {
                return Ok(AttackOutcome::Skipped(
                    "no refresh token was issued".to_owned(),
                ));
            };
            let answer = context.refresh(context.client, refresh).await?;
            Ok(AttackOutcome::when(
                answer.status.is_success(),
                summarize(&answer),
            ))
        })
        .await;
    RESTART_CLIENT
        .check(log, async {
            let given = context.gives_code(&context.request()?.url).await?;
            let seen = if given {
                "known"
            } else {
                "no code for the registered client"
            };
            Ok(AttackOutcome::when(given, seen))
        })
        .await;
}

/// Restarts the server, or waits for the user to do it, then waits until the server answers again.
async fn back(restart: &Restart, context: &AttackContext<'_>) -> AttackResult {
    match restart {
        Restart::Command(command) => {
            let status = Command::new("sh")
                .args(["-c", command])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .status()
                .await
                .map_err(|error| RequestError::other(&error))?;
            if !status.success() {
                return Err(RequestError::Other(format!(
                    "the --restart command failed: {status}"
                )));
            }
        }
        Restart::ByHand => {
            let mut line = String::new();
            let mut stdin = BufReader::new(tokio::io::stdin());
            let read = stdin.read_line(&mut line).await;
            read.map_err(|error| RequestError::other(&error))?;
        }
    }
    let since = Instant::now();
    loop {
        match context
            .http
            .without_state()
            .send_for_head(context.unauthenticated_request()?)
            .await
        {
            Ok(answer) if !answer.status.is_server_error() => break,
            Err(request_error) if since.elapsed() > RESTART_TIMEOUT => return Err(request_error),
            Ok(answer) if since.elapsed() > RESTART_TIMEOUT => {
                return Ok(AttackOutcome::Failed(summarize(&answer)));
            }
            _ => tokio::time::sleep(RETRY_INTERVAL).await,
        }
    }
    Ok(AttackOutcome::Passed(format!(
        "answers after {:.1} s",
        since.elapsed().as_secs_f64()
    )))
}
