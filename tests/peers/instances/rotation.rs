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
    flow::{Tokens, Visitor},
};

const INSTANCES: usize = 4;
const CLIENTS: u32 = 12;
/// New clients use separate addresses.
const FIRST_NEWCOMER: u32 = 1000;

/// A client that stays signed in, with its current tokens.
struct Member {
    visitor: Visitor,
    tokens: Tokens,
}

impl Member {
    async fn new(number: u32, port: u16) -> Self {
        let (visitor, tokens) = sign_in(number, port).await;
        Self { visitor, tokens }
    }

    async fn refresh_and_call(&mut self) {
        let next = self.visitor.refresh(&self.tokens).await;
        self.tokens = next.expect("a client was signed out");
        self.visitor.call(&self.tokens).await;
    }
}

async fn sign_in(number: u32, port: u16) -> (Visitor, Tokens) {
    let mut visitor = Visitor::new(number, port);
    visitor.register().await;
    let code = visitor.code().await;
    let tokens = visitor.exchange(&code).await;
    visitor.call(&tokens).await;
    (visitor, tokens)
}

/// Signs a new client in, calls a tool and revokes its tokens, which must then be invalid
/// everywhere.
async fn come_and_revoke(number: u32, port: u16) -> (Visitor, Tokens) {
    let (mut visitor, tokens) = sign_in(number, port).await;
    visitor.revoke(&tokens).await;
    (visitor, tokens)
}

struct Rotation {
    service: Arc<Service>,
    running: Vec<(u16, ServerProcess)>,
    members: Vec<Member>,
    revoked: Vec<(Visitor, Tokens)>,
    newcomers: Arc<AtomicU32>,
}

impl Rotation {
    /// Restarts all instances one after the other with this ring, under load.
    async fn step(&mut self, ring: &str) {
        let over = Arc::new(AtomicBool::new(false));
        let port = self.service.balancer.port;
        let mut load = JoinSet::new();
        for mut member in self.members.drain(..) {
            let over = Arc::clone(&over);
            load.spawn(async move {
                while !over.load(Ordering::SeqCst) {
                    member.refresh_and_call().await;
                }
                member
            });
        }
        let mut coming = JoinSet::new();
        for _ in 0..3 {
            let (over, newcomers) = (Arc::clone(&over), Arc::clone(&self.newcomers));
            coming.spawn(async move {
                let mut revoked = Vec::new();
                while !over.load(Ordering::SeqCst) {
                    let number = newcomers.fetch_add(1, Ordering::SeqCst);
                    revoked.push(come_and_revoke(number, port).await);
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
        self.members = load.join_all().await;
        self.revoked
            .extend(coming.join_all().await.into_iter().flatten());
    }

    /// Checks the revocations at a new instance, which has nothing cached and reads the ledger.
    async fn check_revocations(&mut self, ring: &str) {
        let port = free_port();
        let fresh = self.service.run_with(port, ring).await;
        for (visitor, tokens) in &mut self.revoked {
            visitor.go_to(port);
            assert!(!visitor.can_call(tokens).await, "a revocation was lost");
            assert!(!visitor.can_refresh(tokens).await);
        }
        fresh.kill();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as15_as20_a_rotation_of_the_secret_signs_nobody_out_and_loses_no_revocation() {
    let (service, running) = Service::start(INSTANCES).await;
    let port = service.balancer.port;
    let mut members = JoinSet::new();
    for number in 0..CLIENTS {
        members.spawn(Member::new(number, port));
    }
    let mut rotation = Rotation {
        service: Arc::new(service),
        running,
        members: members.join_all().await,
        revoked: Vec::new(),
        newcomers: Arc::new(AtomicU32::new(FIRST_NEWCOMER)),
    };
    let steps = [
        format!("{SECRET},{OTHER_SECRET}"),
        format!("{OTHER_SECRET},{SECRET}"),
        OTHER_SECRET.to_owned(),
    ];
    for ring in &steps {
        rotation.step(ring).await;
        // The documented waiting time: each client refreshes at least once before the next step.
        for member in &mut rotation.members {
            member.refresh_and_call().await;
        }
        rotation.check_revocations(ring).await;
    }
    let revoked = rotation.revoked.len();
    println!("{revoked} grants were revoked meanwhile");
    assert!(revoked >= 3 * steps.len(), "too few grants were revoked");
    assert_eq!(rotation.members.len(), usize::try_from(CLIENTS).unwrap());
    for member in &mut rotation.members {
        member.refresh_and_call().await;
    }
}
