//! A real Redis on a free port of this machine, with its files in a temporary folder.

use std::{
    fs,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use crate::{process::free_port, wait};

const START_TIMEOUT: Duration = Duration::from_secs(20);

/// The configuration of a server.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setup {
    /// The password that clients must use.
    pub password: Option<&'static str>,
    /// Accept only TLS connections.
    pub tls: bool,
    /// Run as a node of a cluster, without slots at first.
    pub cluster: bool,
}

/// A running server; it is killed when the value is dropped.
pub struct RedisServer {
    child: Child,
    folder: TempDir,
    port: u16,
    setup: Setup,
}

impl RedisServer {
    /// Starts a server and waits until it answers.
    pub fn start(setup: Setup) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        if setup.tls {
            write_certificates(&folder);
        }
        let port = free_port();
        let child = spawn(&folder, port, setup);
        let server = Self {
            child,
            folder,
            port,
            setup,
        };
        server.wait_until_it_answers();
        server
    }

    /// Returns the URL for `MCPO_LEDGER`.
    pub fn url(&self) -> String {
        let scheme = if self.setup.tls { "rediss" } else { "redis" };
        let password = self.setup.password.map(|password| format!(":{password}@"));
        let password = password.unwrap_or_default();
        format!("{scheme}://{password}localhost:{}", self.port)
    }

    /// Returns the port on loopback.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Returns the certificate authority in PEM.
    pub fn authority(&self) -> Option<Vec<u8>> {
        let path = self.folder.path().join("ca.pem");
        self.setup
            .tls
            .then(|| fs::read(path).expect("a certificate"))
    }

    /// Runs a command and returns the output of `redis-cli`.
    pub fn command(&self, words: &[&str]) -> String {
        let mut command = Command::new("redis-cli");
        command.args(["-p", &self.port.to_string()]);
        if let Some(password) = self.setup.password {
            command.env("REDISCLI_AUTH", password);
        }
        if self.setup.tls {
            let authority = self.folder.path().join("ca.pem");
            command.arg("--tls").arg("--cacert").arg(authority);
            command.args(["--sni", "localhost"]);
        }
        let output = command.args(words).output().expect("redis-cli");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Adds another node to the cluster of this node.
    pub fn join_cluster(&self, other: &Self) {
        let myself = other.command(&["CLUSTER", "NODES"]);
        // ID ADDRESS:PORT@BUS …
        let bus = myself
            .split('@')
            .nth(1)
            .and_then(|rest| rest.split(' ').next());
        let bus = bus.expect("a port").split(',').next().unwrap_or_default();
        self.command(&["CLUSTER", "MEET", "127.0.0.1", &other.port.to_string(), bus]);
    }

    /// Returns how often `command` was executed.
    pub fn calls(&self, command: &str) -> u64 {
        let stats = self.command(&["INFO", "commandstats"]);
        let line = stats
            .lines()
            .find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        let number = line.and_then(|line| line.split(',').next());
        number.map_or(0, |number| number.parse().expect("a number"))
    }

    /// Stops answering without closing connections.
    pub fn pause(&self) {
        wait::signal("STOP", self.child.id());
    }

    /// Continues after [`Self::pause`].
    pub fn resume(&self) {
        wait::signal("CONT", self.child.id());
    }

    /// Kills the server, as in a crash.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts the server again with the data that it wrote.
    pub fn restart(&mut self) {
        self.kill();
        self.child = spawn(&self.folder, self.port, self.setup);
        self.wait_until_it_answers();
    }

    fn wait_until_it_answers(&self) {
        let began = Instant::now();
        while self.command(&["PING"]) != "PONG" {
            assert!(
                began.elapsed() < START_TIMEOUT,
                "Redis on {} does not answer",
                self.port
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(folder: &TempDir, port: u16, setup: Setup) -> Child {
    let mut command = Command::new("redis-server");
    let (plain, with_tls) = if setup.tls { (0, port) } else { (port, 0) };
    command
        .current_dir(folder.path())
        .args(["--bind", "127.0.0.1", "--save", ""])
        .args(["--port", &plain.to_string()])
        // A write is on disk before it is answered.
        .args(["--appendonly", "yes", "--appendfsync", "always"]);
    if let Some(password) = setup.password {
        command.args(["--requirepass", password]);
    }
    if setup.tls {
        command
            .args(["--tls-port", &with_tls.to_string()])
            .args(["--tls-cert-file", "server.pem"])
            .args(["--tls-key-file", "server.key"])
            .args(["--tls-ca-cert-file", "ca.pem"])
            .args(["--tls-auth-clients", "no"]);
    }
    if setup.cluster {
        command
            .args(["--cluster-enabled", "yes"])
            .args(["--cluster-port", &free_port().to_string()]);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("could not run: redis-server is not installed; run scripts/check to install it")
}

fn write_certificates(folder: &TempDir) {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // OpenSSL treats a certificate as self-signed if its subject equals its issuer.
    let name = &mut params.distinguished_name;
    name.push(DnType::CommonName, "the authority of this test");
    let key = KeyPair::generate().expect("a key");
    let authority = CertifiedIssuer::self_signed(params, key).expect("a certificate");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let server = params.signed_by(&key, &authority).expect("a certificate");
    let write = |name: &str, text: String| {
        fs::write(folder.path().join(name), text).expect("a file");
    };
    write("ca.pem", authority.pem());
    write("server.pem", server.pem());
    write("server.key", key.serialize_pem());
}
