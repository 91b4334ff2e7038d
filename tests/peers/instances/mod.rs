//! Many processes that form one service: a request can reach any of them, and any of them can end
//! at any moment.

mod balancer;
mod flow;
mod rotation;
mod session;
mod transport;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcpo_test_support::{
    process::{SECRET, ServerProcess, free_port},
    redis::{RedisServer, Setup},
};
use tempfile::TempDir;
use tokio::task::{JoinHandle, JoinSet};

use self::{
    balancer::Balancer,
    flow::{TestUser, Tokens},
};

const SERVER: &str = env!("CARGO_BIN_EXE_sample-server");
const PASSWORD: &str = "correct horse battery staple";
const FLOWS: u32 = 1000;
/// One in this many flows uses a code twice: on two connections at the same time, or again later.
const CONCURRENT_EXCHANGE_EVERY: u32 = 20;
const REPLAY_EVERY: u32 = 10;

/// The instances of one service behind one address.
struct Service {
    balancer: Balancer,
    redis: RedisServer,
    folder: TempDir,
}

impl Service {
    async fn start(instances: usize) -> (Self, Vec<(u16, ServerProcess)>) {
        let service = Self {
            balancer: Balancer::start().await,
            redis: RedisServer::start(Setup::default()),
            folder: tempfile::tempdir().unwrap(),
        };
        let mut running = Vec::new();
        for _ in 0..instances {
            running.push(service.begin(free_port()).await);
        }
        (service, running)
    }

    async fn begin(&self, port: u16) -> (u16, ServerProcess) {
        let running = self.run(port).await;
        self.balancer.add(port);
        (port, running)
    }

    async fn run(&self, port: u16) -> ServerProcess {
        self.run_with(port, SECRET).await
    }

    /// Runs an instance with the given key ring.
    async fn run_with(&self, port: u16, ring: &str) -> ServerProcess {
        let base = format!("http://localhost:{}", self.balancer.port);
        let environment = [
            ("BASE_URL", base.as_str()),
            ("ADMIN_PASSWORD", PASSWORD),
            ("MCPO_SECRET", ring),
            ("MCPO_LEDGER", &self.redis.url()),
            ("MCPO_LOG", "error"),
        ];
        ServerProcess::start(SERVER, port, self.folder.path(), &environment).await
    }
}

/// Repeatedly kills a random instance and restarts it, until `over` is set; two more instances join
/// on the way. Returns the number of kills and the running instances.
fn restart_randomly(
    service: Arc<Service>,
    mut running: Vec<(u16, ServerProcess)>,
    over: Arc<AtomicBool>,
    finished: Arc<AtomicUsize>,
) -> JoinHandle<(usize, Vec<(u16, ServerProcess)>)> {
    tokio::spawn(async move {
        let mut kills = 0;
        while !over.load(Ordering::SeqCst) {
            if running.len() == 2 && finished.load(Ordering::SeqCst) > FLOWS as usize / 4 {
                running.push(service.begin(free_port()).await);
                running.push(service.begin(free_port()).await);
            }
            tokio::time::sleep(Duration::from_millis(100 + random(300))).await;
            let index = usize::try_from(random(running.len() as u64)).unwrap();
            let (port, process) = running.swap_remove(index);
            process.kill();
            kills += 1;
            tokio::time::sleep(Duration::from_millis(random(100))).await;
            running.push((port, service.run(port).await));
        }
        (kills, running)
    })
}

/// Returns a random number below `bound`, different in each run.
fn random(bound: u64) -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(bound) % bound
}

/// The result of a flow.
struct FlowResult {
    user: TestUser,
    /// `None` if the grant must have ended.
    tokens: Option<Tokens>,
}

async fn one_flow(number: u32, port: u16) -> FlowResult {
    let mut user = TestUser::new(number, port);
    user.register().await;
    if number % CONCURRENT_EXCHANGE_EVERY == 1 {
        exchange_twice_concurrently(&mut user).await;
    }
    let code = user.code().await;
    let first = user.exchange(&code).await;
    user.call(&first).await;
    let second = user.refresh(&first).await.expect("a grant was lost");
    user.call(&second).await;
    let mut tokens = Some(second.clone());
    if number % REPLAY_EVERY == 2 {
        assert!(!user.can_exchange(&code).await, "a code was spent twice");
        let after = user.refresh(&second).await;
        assert!(after.is_none(), "a replay ends the grant");
        tokens = None;
    }
    FlowResult { user, tokens }
}

/// Runs the same exchange on two connections at the same time, usually at two instances. There must
/// be only one grant, which both connections share.
async fn exchange_twice_concurrently(user: &mut TestUser) {
    let code = user.code().await;
    let mut other = user.duplicate();
    let (one, two) = tokio::join!(user.exchange(&code), other.exchange(&code));
    let next = user.refresh(&one).await.expect("a grant was lost");
    assert!(!other.can_exchange(&code).await, "a code was spent twice");
    for tokens in [two, next] {
        let after = user.refresh(&tokens).await;
        assert!(after.is_none(), "a replay ends the grant");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as15_as17_as18_thousand_flows_survive_instance_restarts() {
    let (service, running) = Service::start(2).await;
    let service = Arc::new(service);
    let port = service.balancer.port;
    let over = Arc::new(AtomicBool::new(false));
    let finished = Arc::new(AtomicUsize::new(0));
    let restarts = restart_randomly(
        Arc::clone(&service),
        running,
        Arc::clone(&over),
        Arc::clone(&finished),
    );
    let mut flows = JoinSet::new();
    for number in 0..FLOWS {
        let finished = Arc::clone(&finished);
        flows.spawn(async move {
            let done = one_flow(number, port).await;
            finished.fetch_add(1, Ordering::SeqCst);
            done
        });
    }
    let done = flows.join_all().await;
    over.store(true, Ordering::SeqCst);
    let (kills, running) = restarts.await.unwrap();
    assert_eq!(running.len(), 4, "two instances have joined");

    let retries: usize = done.iter().map(|done| done.user.retries).sum();
    let broken = service.balancer.broken();
    println!("{kills} kills, {broken} requests broken off, {retries} retries");
    assert!(
        kills >= 5 && broken > 0,
        "the run had no kills or no interrupted requests"
    );

    // No grant was lost: every grant that was not ended is still valid.
    let mut last = JoinSet::new();
    for mut done in done {
        let Some(tokens) = done.tokens else { continue };
        last.spawn(async move {
            let renewed = done.user.refresh(&tokens).await;
            done.user.call(&renewed.expect("a grant was lost")).await;
        });
    }
    assert_eq!(
        last.len(),
        FLOWS as usize - FLOWS.div_ceil(REPLAY_EVERY) as usize
    );
    last.join_all().await;
}
