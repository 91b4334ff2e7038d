//! Runs a pushed image as Cloud Run does: pulls it by digest, unpacks it, and starts it with
//! `runc`.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::registry::Registry;
use crate::process::free_port;

/// A running container; it is stopped when the value is dropped.
pub struct Container {
    id: String,
    process: Option<Child>,
    /// The port in the container's `PORT`.
    pub port: u16,
}

/// Takes a line of output, and whether it was written to stderr.
pub type Log = Arc<dyn Fn(&str, bool) + Send + Sync>;

/// The parameters for starting a container.
pub struct Start<'a> {
    /// The unpacked image.
    pub image: &'a Unpacked,
    /// The environment, without `PORT`.
    pub environment: Vec<(String, String)>,
    /// Receives the container's output.
    pub log: Log,
}

/// An image that is unpacked on disk.
pub struct Unpacked {
    bundle: PathBuf,
    config: Value,
}

/// Pulls `REGION-docker.pkg.dev/PROJECT/REPOSITORY/NAME@sha256:…`.
pub async fn pull(registry: &Registry, image: &str, folder: &Path) -> Result<Unpacked, String> {
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, digest),
        // A tag resolves to its current digest.
        None => image.rsplit_once(':').unwrap_or((image, "latest")),
    };
    let (host, path) = name.split_once('/').ok_or("invalid image name")?;
    if !host.ends_with("-docker.pkg.dev") {
        return Err(format!("{host} is not an Artifact Registry host"));
    }
    let manifest = registry.get(&format!("{path}/manifests/{digest}")).await?;
    if digest.starts_with("sha256:") {
        check_digest(&manifest, digest)?;
    }
    let manifest: Value = serde_json::from_slice(&manifest).map_err(|error| error.to_string())?;
    let config = blob(registry, path, &manifest["config"]).await?;
    let config: Value = serde_json::from_slice(&config).map_err(|error| error.to_string())?;
    if config["architecture"] != "amd64" || config["os"] != "linux" {
        return Err(format!(
            "the image is for {} {}",
            config["os"], config["architecture"]
        ));
    }
    let root = folder.join("rootfs");
    fs::create_dir_all(&root).map_err(|error| error.to_string())?;
    let layers = manifest["layers"].as_array().cloned().unwrap_or_default();
    let ids = config["rootfs"]["diff_ids"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for (layer, id) in layers.iter().zip(&ids) {
        let packed = blob(registry, path, layer).await?;
        let mut tar = Vec::new();
        GzDecoder::new(&*packed)
            .read_to_end(&mut tar)
            .map_err(|error| error.to_string())?;
        check_digest(&tar, id.as_str().unwrap_or_default())?;
        let mut archive = tar::Archive::new(&*tar);
        archive.unpack(&root).map_err(|error| error.to_string())?;
    }
    // Servers read the metadata documents of clients. The tests have no network, and without this entry
    // each server waits five seconds for an answer of DNS. Servers refuse addresses of this machine.
    let hosts = root.join("etc/hosts");
    fs::create_dir_all(root.join("etc"))
        .and_then(|()| fs::write(hosts, "127.0.0.1 localhost claude.ai\n"))
        .map_err(|error| error.to_string())?;
    Ok(Unpacked {
        bundle: folder.to_owned(),
        config: config["config"].clone(),
    })
}

async fn blob(registry: &Registry, path: &str, descriptor: &Value) -> Result<Vec<u8>, String> {
    let digest = descriptor["digest"].as_str().unwrap_or_default();
    let bytes = registry.get(&format!("{path}/blobs/{digest}")).await?;
    check_digest(&bytes, digest)?;
    if descriptor["size"] != bytes.len() {
        return Err(format!("the size of {digest} differs from its descriptor"));
    }
    Ok(bytes)
}

fn check_digest(bytes: &[u8], digest: &str) -> Result<(), String> {
    use std::fmt::Write as _;

    let mut found = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        let _ = write!(found, "{byte:02x}");
    }
    if found == digest {
        Ok(())
    } else {
        Err(format!("expected digest {digest}, found {found}"))
    }
}

impl Container {
    /// Starts the image's entry point on a free port.
    pub fn start(start: Start<'_>) -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // A test that was killed leaves its container behind, and process ids repeat.
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_nanos();
        let id = format!("mcpo-test-{}-{now}-{count}", std::process::id());
        let port = free_port();
        let spec = specification(start.image, &start.environment, port)?;
        fs::write(start.image.bundle.join("config.json"), spec.to_string())
            .map_err(|error| error.to_string())?;
        let mut process = runc()
            .args(["run", "--bundle"])
            .arg(&start.image.bundle)
            .arg(&id)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("runc: {error}"))?;
        let log = start.log;
        if let Some(out) = process.stdout.take() {
            follow(out, Arc::clone(&log), false);
        }
        if let Some(err) = process.stderr.take() {
            follow(err, log, true);
        }
        Ok(Self {
            id,
            process: Some(process),
            port,
        })
    }

    /// Starts a server that replies "hello", in place of an image that cannot be pulled in the
    /// tests.
    pub async fn hello() -> Result<Self, String> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.map_err(|error| error.to_string())?;
        let port = listener.local_addr().map_err(|error| error.to_string())?;
        tokio::spawn(async move {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else {
                        break;
                    };
                    head.push(byte);
                }
                let hello =
                    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
                let _ = stream.write_all(hello.as_bytes()).await;
            }
        });
        Ok(Self {
            id: String::new(),
            process: None,
            port: port.port(),
        })
    }

    /// Waits until a GET on `path` succeeds, or until a connection succeeds if there is no path.
    pub async fn wait_until_ready(
        &mut self,
        path: Option<&str>,
        patience: Duration,
    ) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let process = self.process.as_mut();
            if let Some(Ok(Some(status))) = process.map(Child::try_wait) {
                return Err(format!("the container exited ({status})"));
            }
            let ready = match path {
                Some(path) => crate::http::get(self.port, path).is_ok(),
                None => std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok(),
            };
            if ready {
                return Ok(());
            }
            if began.elapsed() > patience {
                return Err(
                    "the container did not listen on the port defined by PORT in time".into(),
                );
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        let _ = runc()
            .args(["delete", "--force", &self.id])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let _ = process.kill();
        let _ = process.wait();
    }
}

/// Returns a command for `runc`, which requires root.
fn runc() -> Command {
    static IS_ROOT: LazyLock<bool> = LazyLock::new(|| {
        let asked = Command::new("id").arg("-u").output();
        asked.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
    });
    if *IS_ROOT {
        return Command::new("runc");
    }
    let mut command = Command::new("sudo");
    command.args(["--non-interactive", "runc"]);
    command
}

fn follow(from: impl Read + Send + 'static, log: Log, is_error: bool) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            match line {
                Ok(line) => log(&line, is_error),
                Err(_) => return,
            }
        }
    });
}

/// Returns the runtime specification: as restricted as Cloud Run, but with the host's network.
fn specification(
    image: &Unpacked,
    environment: &[(String, String)],
    port: u16,
) -> Result<Value, String> {
    let list = |name: &str| image.config[name].as_array().cloned().unwrap_or_default();
    let mut arguments = list("Entrypoint");
    arguments.extend(list("Cmd"));
    if arguments.is_empty() {
        return Err("the image has no entry point".into());
    }
    let mut env: Vec<Value> = list("Env");
    env.push(format!("PORT={port}").into());
    env.extend(
        environment
            .iter()
            .map(|(name, value)| format!("{name}={value}").into()),
    );
    let user = image.config["User"].as_str().unwrap_or("0");
    let (uid, gid) = user.split_once(':').unwrap_or((user, user));
    let number = |text: &str| {
        text.parse::<u32>()
            .map_err(|_| format!("the user {user:?} is not a number"))
    };
    Ok(json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": { "uid": number(uid)?, "gid": number(gid)? },
            "args": arguments,
            "env": env,
            "cwd": image.config["WorkingDir"].as_str().filter(|dir| !dir.is_empty()).unwrap_or("/"),
            "noNewPrivileges": true,
        },
        "root": { "path": "rootfs", "readonly": false },
        "mounts": [
            { "destination": "/proc", "type": "proc", "source": "proc" },
            { "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"] },
        ],
        "linux": { "namespaces": [
            { "type": "pid" }, { "type": "mount" }, { "type": "ipc" }, { "type": "uts" },
        ] },
    }))
}
