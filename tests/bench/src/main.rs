//! Measures the runtime and prints a table. Exits with 1 if a target is missed.
//!
//!     mcpo-bench [REGISTRATIONS]     1000000 by default, with a tenth as many grants; 0 skips
//!                                    the measurement with many registrations
//!
//! If a part cannot run, for example because Redis is not installed, the other parts still run. The
//! exit code is then 2.

#![allow(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a failed measurement ends its part; the output is a table"
)]

use std::{env, panic::AssertUnwindSafe, path::Path, process::ExitCode, time::Duration};

use futures_util::FutureExt as _;

use mcpo_bench::{
    calls::{Callers, Form},
    flow::TestUser,
    server::Server,
    table::{Figure, Target, median},
};
use mcpo_test_support::redis::{RedisServer, Setup};
use tokio::task::JoinSet;

const WITH: &str = "with-runtime";
const WITH_REDIS: &str = "with-redis";
const WITHOUT: &str = "without-auth";
/// Rounds alternate between the servers, so that other load on the machine affects both equally.
const ROUNDS: usize = 41;
const ROUND: Duration = Duration::from_millis(250);
const WARM_UP: Duration = Duration::from_millis(500);
const STARTS: usize = 15;
/// The pause between the start of a server and the reading of its memory.
const IDLE_TIME: Duration = Duration::from_millis(100);
const FLOWS: u32 = 1000;
/// The number of registrations, and of grants, that one address may make in one burst.
const REGISTRATIONS_PER_USER: u32 = 60;
const GRANTS_PER_USER: u32 = 6;
const CONCURRENT_USERS: usize = 16;
/// The number of tokens that are used in turn if there are many grants.
const TOKENS: usize = 10_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let registrations = env::args().nth(1).map(|text| text.parse::<u32>());
    let registrations = registrations.unwrap_or(Ok(1_000_000)).expect("a number");
    let state = tempfile::tempdir_in("/dev/shm").expect("a folder in memory");
    let mut figures = Vec::new();
    let mut failed = Vec::new();
    for form in [Form::Newer, Form::Older] {
        let part = format!("calls, {form:?}");
        run(
            &part,
            compare_calls(form, state.path(), &mut figures),
            &mut failed,
        )
        .await;
    }
    run(
        "calls, by ledger",
        compare_ledgers(state.path(), &mut figures),
        &mut failed,
    )
    .await;
    run("flows", flow(state.path(), &mut figures), &mut failed).await;
    run(
        "start and rest",
        measure_startup_and_idle(&mut figures),
        &mut failed,
    )
    .await;
    if registrations > 0 {
        let part = format!("{registrations} registrations");
        run(&part, scale(registrations, &mut figures), &mut failed).await;
    }
    let missed = figures.iter().filter(|figure| !figure.is_met()).count();
    for figure in &figures {
        println!("{figure}");
    }
    for part in &failed {
        println!("{part:<52} could not run");
    }
    let (measured, unmeasured) = (figures.len(), failed.len());
    println!("{measured} figures, {missed} missed their target; {unmeasured} parts could not run");
    match (missed, unmeasured) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}

/// Runs a part of the measurements. A panic, whose message is on stderr, ends only this part.
async fn run(part: &str, measurements: impl Future<Output = ()>, failed: &mut Vec<String>) {
    eprintln!("{part} …");
    if AssertUnwindSafe(measurements).catch_unwind().await.is_err() {
        failed.push(part.to_owned());
    }
}

/// Compares calls through the runtime with calls of the same service without authentication.
async fn compare_calls(form: Form, state: &Path, figures: &mut Vec<Figure>) {
    let (with, without) = (one_core(WITH, state), one_core(WITHOUT, state));
    let mut user = TestUser::new(with.port, 0).await;
    let client = user.register().await;
    let token = user.token(&client).await;
    let mut authenticated = Callers::connect(&with, form, &[token]).await;
    let mut open = Callers::connect(&without, form, &[]).await;
    authenticated.round(&with, WARM_UP).await;
    open.round(&without, WARM_UP).await;
    let mut rounds = Vec::new();
    for turn in 0..ROUNDS {
        if turn % 2 == 0 {
            let ours = authenticated.round(&with, ROUND).await;
            rounds.push((ours, open.round(&without, ROUND).await));
        } else {
            let theirs = open.round(&without, ROUND).await;
            rounds.push((authenticated.round(&with, ROUND).await, theirs));
        }
    }
    let (version, least) = match form {
        Form::Newer => ("2026-07-28, JSON", 0.95),
        Form::Older => ("2025-11-25, SSE", 0.92),
    };
    let ours = median(rounds.iter().map(|(ours, _)| ours.rate));
    let theirs = median(rounds.iter().map(|(_, theirs)| theirs.rate));
    let rate = rounds.iter().map(|(ours, theirs)| ours.rate / theirs.rate);
    let p99 = rounds.iter().map(|(ours, theirs)| ours.p99 / theirs.p99);
    let cpu = rounds.iter().map(|(ours, theirs)| ours.cpu - theirs.cpu);
    let mut add = |name: &str, value, unit, target| {
        let name = format!("{name} ({version})");
        figures.push(Figure {
            name,
            value,
            unit,
            target,
        });
    };
    add("calls through the runtime", ours, "/s", Target::None);
    add("calls without authentication", theirs, "/s", Target::None);
    add(
        "throughput, ratio",
        median(rate),
        "",
        Target::AtLeast(least),
    );
    add("p99, ratio", median(p99), "", Target::AtMost(1.2));
    add(
        "CPU that the runtime adds to a call",
        median(cpu),
        "us",
        Target::None,
    );
}

/// Compares calls with the ledger in Redis and with the ledger in memory.
async fn compare_ledgers(state: &Path, figures: &mut Vec<Figure>) {
    let redis = RedisServer::start(Setup::default());
    let ledgers = ["memory".to_owned(), redis.url()];
    let mut servers = Vec::new();
    for ledger in &ledgers {
        let server = Server::start_with(WITH_REDIS, state, Some(1), &[("MCPO_LEDGER", ledger)]);
        let mut user = TestUser::new(server.port, 0).await;
        let client = user.register().await;
        let token = user.token(&client).await;
        let mut callers = Callers::connect(&server, Form::Newer, &[token]).await;
        callers.round(&server, WARM_UP).await;
        servers.push((server, callers));
    }
    let mut rates = Vec::new();
    for turn in 0..ROUNDS {
        let mut measured = [0.0; 2];
        for step in 0..2 {
            let index = (turn + step) % 2;
            let (server, callers) = &mut servers[index];
            measured[index] = callers.round(server, ROUND).await.rate;
        }
        rates.push(measured[1] / measured[0]);
    }
    figures.push(Figure {
        name: "throughput, ledger in Redis against memory".to_owned(),
        value: median(rates),
        unit: "",
        target: Target::AtLeast(0.95),
    });
}

async fn flow(state: &Path, figures: &mut Vec<Figure>) {
    let server = one_core(WITH, state);
    let mut users = Vec::new();
    for number in 0..=FLOWS / GRANTS_PER_USER {
        users.push(TestUser::new(server.port, number).await);
    }
    let (before, mut flows) = (server.cpu(), 0);
    for user in &mut users {
        for _ in 0..GRANTS_PER_USER {
            let client = user.register().await;
            user.token(&client).await;
            flows += 1;
        }
    }
    let used = server.cpu().saturating_sub(before).as_secs_f64() * 1e3 / f64::from(flows);
    figures.push(Figure {
        name: "CPU of register, authorize, consent, token".to_owned(),
        value: used,
        unit: "ms",
        target: Target::AtMost(1.0),
    });
}

/// The same program as [`WITH`], in the release profile of the projects that `mcpo new` creates, and
/// linked statically as `mcpo deploy` does.
fn as_deployed() -> String {
    format!("../{}-unknown-linux-gnu/template/{WITH}", env::consts::ARCH)
}

/// Starts servers as a user does: not pinned to a core, with a new state folder on disk.
async fn measure_startup_and_idle(figures: &mut Vec<Figure>) {
    let (mut starts, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let state = tempfile::tempdir().expect("a folder");
        let server = Server::start(WITH, &state.path().join("state"), None);
        starts.push(server.started_in.as_secs_f64() * 1e3);
        tokio::time::sleep(IDLE_TIME).await;
        memory.push(server.memory());
    }
    let deployed = as_deployed();
    let mut memory_as_deployed = Vec::new();
    for _ in 0..STARTS {
        let state = tempfile::tempdir().expect("a folder");
        let server = Server::start(&deployed, &state.path().join("state"), None);
        tokio::time::sleep(IDLE_TIME).await;
        memory_as_deployed.push(server.memory());
    }
    figures.push(Figure {
        name: format!("start to the first 200, median of {STARTS}"),
        value: median(starts),
        unit: "ms",
        target: Target::AtMost(10.0),
    });
    figures.push(Figure {
        name: "memory of an idle server, built for speed".to_owned(),
        value: median(memory),
        unit: "MB",
        target: Target::None,
    });
    figures.push(Figure {
        name: "memory of an idle server, as `mcpo deploy` builds it".to_owned(),
        value: median(memory_as_deployed),
        unit: "MB",
        target: Target::AtMost(8.0),
    });
}

/// Compares the cost of a call with many registrations and with one.
async fn scale(registrations: u32, figures: &mut Vec<Figure>) {
    let state = tempfile::tempdir_in("/dev/shm").expect("a folder in memory");
    let server = one_core(WITH, &state.path().join("many"));
    let fresh = one_core(WITH, &state.path().join("one"));
    let tokens = sign_in_users(&server, registrations).await;
    let mut user = TestUser::new(fresh.port, 0).await;
    let client = user.register().await;
    let token = user.token(&client).await;
    let mut among_many = Callers::connect(&server, Form::Newer, &tokens).await;
    let mut alone = Callers::connect(&fresh, Form::Newer, &[token]).await;
    among_many.round(&server, 2 * WARM_UP).await;
    alone.round(&fresh, WARM_UP).await;
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let many = among_many.round(&server, ROUND).await;
        ratios.push(many.cpu / alone.round(&fresh, ROUND).await.cpu);
    }
    let grants = registrations / REGISTRATIONS_PER_USER * GRANTS_PER_USER;
    figures.push(Figure {
        name: format!("a call at {registrations} registrations, {grants} grants"),
        value: median(ratios),
        unit: "x of 1",
        target: Target::AtMost(1.1),
    });
    figures.push(Figure {
        name: "memory with that many registrations".to_owned(),
        value: server.memory(),
        unit: "MB",
        target: Target::None,
    });
}

/// Registers clients from many addresses, and returns some of the tokens that were issued.
async fn sign_in_users(server: &Server, registrations: u32) -> Vec<String> {
    let port = server.port;
    let mut tasks = JoinSet::new();
    let mut tokens = Vec::new();
    for number in 0..registrations.div_ceil(REGISTRATIONS_PER_USER) {
        if tasks.len() == CONCURRENT_USERS
            && let Some(joined) = tasks.join_next().await
        {
            tokens.extend(joined.expect("a user"));
        }
        tasks.spawn(async move {
            let mut user = TestUser::new(port, number).await;
            let mut tokens = Vec::new();
            for turn in 0..REGISTRATIONS_PER_USER {
                let client = user.register().await;
                if turn < GRANTS_PER_USER {
                    tokens.push(user.token(&client).await);
                }
            }
            tokens
        });
    }
    while let Some(joined) = tasks.join_next().await {
        tokens.extend(joined.expect("a user"));
    }
    let step = tokens.len().div_ceil(TOKENS).max(1);
    tokens.into_iter().step_by(step).collect()
}

fn one_core(program: &str, state: &Path) -> Server {
    Server::start(program, state, Some(1))
}
