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
    http::Trouble,
    plan::{Plan, Restart},
    rules::Rule,
    security::{Finding, Guarantee, Held, Lab, read, told},
};

/// How long a server may take to come back.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(100);

macro_rules! guarantee {
    ($name:ident, $id:literal, $title:literal, $clause:literal, $expected:literal, $mend:literal) => {
        static $name: Guarantee = Guarantee {
            rule: Rule {
                id: $id,
                title: $title,
                clause: $clause,
                security: false,
            },
            expected: $expected,
            mend: $mend,
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

/// Runs the checks that the user requested in addition to the walk.
pub async fn check(plan: &Plan, lab: &Lab<'_>, log: &mut Log<'_>) {
    if plan.concurrent_refresh {
        CONCURRENT_REFRESH.check(log, both_at_once(lab)).await;
    }
    if let Some(restart) = &plan.restart {
        survive(restart, lab, log).await;
    }
}

/// Refreshes twice at the same time with one token, on two connections.
async fn both_at_once(lab: &Lab<'_>) -> Finding {
    let Some(refresh) = lab.tokens().await?.refresh_token else {
        return Ok(Held::Skipped("no refresh token was issued".to_owned()));
    };
    let refresh = || lab.refresh(lab.client, &refresh);
    let (first, second) = tokio::join!(refresh(), refresh());
    let (first, second) = (first?, second?);
    let (Ok(one), Ok(other)) = (read(&first), read(&second)) else {
        return Ok(Held::No(format!("{} and {}", told(&first), told(&second))));
    };
    for tokens in [&one, &other] {
        if !lab.accepts(&tokens.access_token).await? {
            return Ok(Held::No("an access token that is not accepted".to_owned()));
        }
    }
    // A client may keep either of the two tokens.
    let kept = other
        .refresh_token
        .or(one.refresh_token)
        .unwrap_or_default();
    let next = lab.refresh(lab.client, &kept).await?;
    let seen = format!("both answered; the next refresh: {}", told(&next));
    Ok(Held::when(next.status.is_success(), seen))
}

async fn survive(restart: &Restart, lab: &Lab<'_>, log: &mut Log<'_>) {
    let before = match lab.tokens().await {
        Ok(tokens) => tokens,
        Err(trouble) => return RESTARTED.check(log, std::future::ready(Err(trouble))).await,
    };
    RESTARTED.check(log, back(restart, lab)).await;
    RESTART_ACCESS
        .check(log, async {
            let answer = lab.present(&before.access_token).await?;
            Ok(Held::when(answer.status.is_success(), told(&answer)))
        })
        .await;
    RESTART_REFRESH
        .check(log, async {
            let Some(refresh) = &before.refresh_token else {
                return Ok(Held::Skipped("no refresh token was issued".to_owned()));
            };
            let answer = lab.refresh(lab.client, refresh).await?;
            Ok(Held::when(answer.status.is_success(), told(&answer)))
        })
        .await;
    RESTART_CLIENT
        .check(log, async {
            let given = lab.gives_code(&lab.request()?.url).await?;
            let seen = if given {
                "known"
            } else {
                "no code for the registered client"
            };
            Ok(Held::when(given, seen))
        })
        .await;
}

/// Restarts the server, or waits for the user to do it, then waits until the server answers again.
async fn back(restart: &Restart, lab: &Lab<'_>) -> Finding {
    match restart {
        Restart::Command(command) => {
            let status = Command::new("sh")
                .args(["-c", command])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .status()
                .await
                .map_err(|error| Trouble::other(&error))?;
            if !status.success() {
                return Err(Trouble::Other(format!(
                    "the --restart command failed: {status}"
                )));
            }
        }
        Restart::ByHand => {
            let mut line = String::new();
            let mut stdin = BufReader::new(tokio::io::stdin());
            let read = stdin.read_line(&mut line).await;
            read.map_err(|error| Trouble::other(&error))?;
        }
    }
    let since = Instant::now();
    loop {
        match lab.exchange.stranger().send_for_head(lab.knock()?).await {
            Ok(answer) if !answer.status.is_server_error() => break,
            Err(trouble) if since.elapsed() > PATIENCE => return Err(trouble),
            Ok(answer) if since.elapsed() > PATIENCE => return Ok(Held::No(told(&answer))),
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
    Ok(Held::Yes(format!(
        "answers after {:.1} s",
        since.elapsed().as_secs_f64()
    )))
}
