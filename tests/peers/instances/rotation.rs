//! The rotation of `MCPO_SECRET` as described in docs/key-rotation.md, with instances that are
//! restarted one after the other while clients sign in, refresh, call and revoke.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use mcpo_test_support::process::{OTHER_SECRET, SECRET, ServerProcess, free_port};
use tokio::task::JoinSet;

use super::{
    Service,
    flow::{TestUser, Tokens},
};

const INSTANCES: usize = 4;
const CLIENTS: u32 = 12;
/// New clients use separate addresses.
const FIRST_NEW_CLIENT: u32 = 1000;

/// A client that stays signed in, with its current tokens.
struct SignedInClient {
    user: TestUser,
    tokens: Tokens,
}

impl SignedInClient {
    async fn new(number: u32, port: u16) -> Self {
        let (user, tokens) = sign_in(number, port).await;
        Self { user, tokens }
    }

    async fn refresh_and_call(&mut self) {
        let next = self.user.refresh(&self.tokens).await;
        self.tokens = next.expect("a client was signed out");
        self.user.call(&self.tokens).await;
    }
}

async fn sign_in(number: u32, port: u16) -> (TestUser, Tokens) {
    let mut user = TestUser::new(number, port);
    user.register().await;
    let code = user.code().await;
    let tokens = user.exchange(&code).await;
    user.call(&tokens).await;
    (user, tokens)
}

/// Signs a new client in, calls a tool and revokes its tokens, which must then be invalid
/// everywhere.
async fn sign_in_and_revoke(number: u32, port: u16) -> (TestUser, Tokens) {
    let (mut user, tokens) = sign_in(number, port).await;
    user.revoke(&tokens).await;
    (user, tokens)
}

struct Rotation {
    service: Arc<Service>,
    running: Vec<(u16, ServerProcess)>,
    clients: Vec<SignedInClient>,
    revoked: Vec<(TestUser, Tokens)>,
    new_clients: Arc<AtomicU32>,
}

impl Rotation {
    /// Restarts all instances one after the other with this ring, under load.
    async fn step(&mut self, ring: &str) {
        let over = Arc::new(AtomicBool::new(false));
        let port = self.service.balancer.port;
        let mut load = JoinSet::new();
        for mut client in self.clients.drain(..) {
            let over = Arc::clone(&over);
            load.spawn(async move {
                while !over.load(Ordering::SeqCst) {
                    client.refresh_and_call().await;
                }
                client
            });
        }
        let mut revoking = JoinSet::new();
        for _ in 0..3 {
            let (over, new_clients) = (Arc::clone(&over), Arc::clone(&self.new_clients));
            revoking.spawn(async move {
                let mut revoked = Vec::new();
                while !over.load(Ordering::SeqCst) {
                    let number = new_clients.fetch_add(1, Ordering::SeqCst);
                    revoked.push(sign_in_and_revoke(number, port).await);
                }
                revoked
            });
        }
        for (port, process) in std::mem::take(&mut self.running) {
            process.kill();
            let started = self.service.run_with(port, ring).await;
            self.running.push((port, started));
        }
        over.store(true, Ordering::SeqCst);
        self.clients = load.join_all().await;
        self.revoked
            .extend(revoking.join_all().await.into_iter().flatten());
    }

    /// Checks the revocations at a new instance, which has nothing cached and reads the ledger.
    async fn check_revocations(&mut self, ring: &str) {
        let port = free_port();
        let fresh = self.service.run_with(port, ring).await;
        for (user, tokens) in &mut self.revoked {
            user.use_port(port);
            assert!(!user.can_call(tokens).await, "a revocation was lost");
            assert!(!user.can_refresh(tokens).await);
        }
        fresh.kill();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as15_as20_secret_rotation_keeps_grants_and_revocations() {
    let (service, running) = Service::start(INSTANCES).await;
    let port = service.balancer.port;
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(SignedInClient::new(number, port));
    }
    let mut rotation = Rotation {
        service: Arc::new(service),
        running,
        clients: clients.join_all().await,
        revoked: Vec::new(),
        new_clients: Arc::new(AtomicU32::new(FIRST_NEW_CLIENT)),
    };
    let steps = [
        format!("{SECRET},{OTHER_SECRET}"),
        format!("{OTHER_SECRET},{SECRET}"),
        OTHER_SECRET.to_owned(),
    ];
    for ring in &steps {
        rotation.step(ring).await;
        // The documented waiting time: each client refreshes at least once before the next step.
        for client in &mut rotation.clients {
            client.refresh_and_call().await;
        }
        rotation.check_revocations(ring).await;
    }
    let revoked = rotation.revoked.len();
    println!("{revoked} grants were revoked meanwhile");
    assert!(revoked >= 3 * steps.len(), "too few grants were revoked");
    assert_eq!(rotation.clients.len(), usize::try_from(CLIENTS).unwrap());
    for client in &mut rotation.clients {
        client.refresh_and_call().await;
    }
}
