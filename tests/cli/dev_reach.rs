//! Ways to the server from elsewhere: tunnels, by stand-ins for their programs, and TLS.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Command};

use mcpo_test_support::{tiny::TinyProject, wait};
use tempfile::TempDir;

use crate::{running::Dev, tool};

/// A folder of programs that goes before all others on the path.
struct Programs(TempDir);

impl Programs {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A shell script; it notes its arguments and its process number first.
    fn add(&self, name: &str, script: &str) -> &Self {
        let path = self.0.path().join(name);
        let notes = self.notes(name).display().to_string();
        let text = format!(
            "#!/bin/sh\necho \"$@\" > {notes}.draft\necho $$ >> {notes}.draft\nmv {notes}.draft {notes}\n{script}\n"
        );
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn notes(&self, name: &str) -> PathBuf {
        self.0.path().join(format!("{name}.noted"))
    }

    fn noted(&self, name: &str) -> (String, u32) {
        let text = fs::read_to_string(self.notes(name)).unwrap();
        let (arguments, process) = text.trim().rsplit_once('\n').unwrap();
        (arguments.to_owned(), process.parse().unwrap())
    }

    /// With the rest of the path, or with nothing but a shell's own needs.
    fn path(&self) -> String {
        let rest = std::env::var("PATH").unwrap();
        format!("{}:{rest}", self.0.path().display())
    }
}

const CLOUDFLARED: &str =
    "echo '2026 INF |  https://four-random-words-here.trycloudflare.com  |' >&2; exec sleep 600";
const NGROK: &str = r#"echo '{"lvl":"info","msg":"started tunnel","url":"https://abcd.ngrok-free.app"}'; exec sleep 600"#;
const TAILSCALE: &str =
    "printf 'Available on the internet:\\n\\nhttps://box.tail1.ts.net/\\n'; exec sleep 600";

#[test]
fn the_public_address_is_known_before_the_first_request() {
    for (name, script, arguments, base) in [
        (
            "cloudflared",
            CLOUDFLARED,
            "tunnel --no-autoupdate --url http://127.0.0.1:PORT",
            "https://four-random-words-here.trycloudflare.com",
        ),
        (
            "ngrok",
            NGROK,
            "http 127.0.0.1:PORT --log stdout --log-format json",
            "https://abcd.ngrok-free.app",
        ),
        (
            "tailscale",
            TAILSCALE,
            "funnel 127.0.0.1:PORT",
            "https://box.tail1.ts.net",
        ),
    ] {
        let (project, programs) = (TinyProject::new(), Programs::new());
        programs.add(name, script);
        project.write(
            ".env",
            "MCPO_SECRET=x\nBASE_URL=https://of-the-file.example\n",
        );
        let path = programs.path();
        let dev = Dev::start_with(&project, &["--tunnel", name], &[("PATH", &path)]);
        // The first answer of the first server knows it already.
        dev.wait_for_answer("/variable/BASE_URL", base);
        let said = dev.said();
        assert!(said.contains(&format!("Connector {base}/mcp\n")), "{said}");
        assert!(
            said.contains("Settings → Connectors → Add custom connector"),
            "{said}"
        );
        let (noted, process) = programs.noted(name);
        assert_eq!(noted, arguments.replace("PORT", &dev.port.to_string()));
        // Nobody is let in by accident, and the next run asks for the same.
        let password = dev.get("/variable/ADMIN_PASSWORD");
        assert!(password.len() >= 24 && said.contains(&password), "{said}");
        let kept = fs::metadata(project.path(".mcpo/tunnel-password")).unwrap();
        assert_eq!(kept.permissions().mode() & 0o077, 0);
        drop(dev);
        assert!(!wait::is_running(process), "{name} is left");
    }
}

#[test]
fn any_tunnel_will_do_and_a_sign_in_of_ones_own_is_kept() {
    let (project, programs) = (TinyProject::new(), Programs::new());
    programs.add("ngrok", NGROK);
    project.write(".env", "MCPO_SECRET=x\nADMIN_PASSWORD=of-my-own\n");
    let path = programs.path();
    let dev = Dev::start_with(&project, &["--tunnel"], &[("PATH", &path)]);
    dev.wait_for_answer("/variable/BASE_URL", "https://abcd.ngrok-free.app");
    assert_eq!(dev.get("/variable/ADMIN_PASSWORD"), "of-my-own");
    assert!(!dev.said().contains("of-my-own"), "{}", dev.said());
}

#[test]
fn open_to_anyone_is_said_out_loud() {
    let (project, programs) = (TinyProject::new(), Programs::new());
    programs.add("cloudflared", CLOUDFLARED);
    let path = programs.path();
    let arguments = ["--tunnel", "cloudflared", "--open-to-anyone"];
    let dev = Dev::start_with(&project, &arguments, &[("PATH", &path)]);
    dev.wait_for(" Ready in ");
    assert_eq!(dev.get("/variable/ADMIN_PASSWORD"), "");
    assert!(
        dev.said().contains("ANYONE on the internet"),
        "{}",
        dev.said()
    );
}

#[test]
fn a_killed_parent_takes_the_tunnel_along() {
    let (project, programs) = (TinyProject::new(), Programs::new());
    programs.add("cloudflared", CLOUDFLARED);
    let path = programs.path();
    let mut dev = Dev::start_with(&project, &["--tunnel"], &[("PATH", &path)]);
    dev.wait_for(" Ready in ");
    let (_, process) = programs.noted("cloudflared");
    assert!(wait::is_running(process));
    dev.signal("KILL");
    dev.wait();
    wait::until("the tunnel's end", || {
        (!wait::is_running(process)).then_some(())
    });
}

#[test]
fn a_tunnel_that_ends_is_told_and_the_server_goes_on() {
    let (project, programs) = (TinyProject::new(), Programs::new());
    programs.add(
        "cloudflared",
        &CLOUDFLARED.replace("exec sleep 600", "read -r _ < fifo; exit 3"),
    );
    let made = Command::new("mkfifo")
        .arg(project.path("fifo"))
        .status()
        .unwrap();
    assert!(made.success());
    let path = programs.path();
    let dev = Dev::start_with(&project, &["--tunnel"], &[("PATH", &path)]);
    dev.wait_for(" Ready in ");
    fs::write(project.path("fifo"), "\n").unwrap();
    dev.wait_for("cloudflared ended (exit status: 3): nobody outside reaches the server");
    assert_eq!(dev.get("/"), "one");
}

#[test]
fn a_tunnel_without_an_address_says_why() {
    let (project, programs) = (TinyProject::new(), Programs::new());
    let script = "echo 'ERROR: authentication failed: ERR_NGROK_4018' >&2; exit 1";
    programs.add("ngrok", script);
    let output = tool::command(project.folder())
        .args(["dev", "--port", "0", "--tunnel", "ngrok"])
        .env("PATH", programs.path())
        .output()
        .unwrap();
    let said = tool::transcript(project.folder(), &output);
    assert!(said.starts_with("exit code 2"), "{said}");
    assert!(said.contains("ngrok ended without an address"), "{said}");
    assert!(said.contains("ERR_NGROK_4018"), "{said}");
}

#[test]
fn a_tunnel_that_is_not_installed_says_where_to_get_one() {
    let project = TinyProject::new();
    let said = tool::said(
        project.folder(),
        &["dev", "--port", "0", "--tunnel", "tailscale"],
    );
    assert!(said.contains("there is no tailscale on the PATH"), "{said}");
    assert!(said.contains("https://tailscale.com/download"), "{said}");
}

/// What the server answers over TLS to a client that trusts this file.
fn ask(dev: &Dev, host: &str, certificate: &PathBuf, path: &str) -> Result<String, String> {
    let pem = fs::read(certificate).unwrap();
    let root = reqwest::Certificate::from_pem(&pem).unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([root])
        .build()
        .unwrap();
    let url = format!("https://{host}:{}{path}", dev.port);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let answer = client
            .get(url)
            .send()
            .await
            .map_err(|error| format!("{error:?}"))?;
        answer.text().await.map_err(|error| error.to_string())
    })
}

#[test]
fn https_by_a_certificate_that_is_kept() {
    let project = TinyProject::new();
    let file = project.path(".mcpo/tls/certificate.pem");
    let dev = Dev::start_with(&project, &["--https"], &[]);
    dev.wait_for(" Ready in ");
    let said = dev.said();
    assert!(
        said.contains(&format!(
            "Serving tiny at https://localhost:{}/mcp",
            dev.port
        )),
        "{said}"
    );
    assert!(said.contains("NODE_EXTRA_CA_CERTS="), "{said}");
    for host in ["localhost", "127.0.0.1"] {
        assert_eq!(ask(&dev, host, &file, "/").unwrap(), "one");
    }
    let base = format!("https://localhost:{}", dev.port);
    assert_eq!(
        ask(&dev, "localhost", &file, "/variable/BASE_URL").unwrap(),
        base
    );
    project.answer("\"two\"");
    dev.wait_for("Reloaded src/main.rs in ");
    assert_eq!(ask(&dev, "localhost", &file, "/").unwrap(), "two");
    let key = fs::metadata(project.path(".mcpo/tls/key.pem")).unwrap();
    assert_eq!(key.permissions().mode() & 0o077, 0);
    drop(dev);

    // Whoever trusts it once need not do so again.
    let before = fs::read(&file).unwrap();
    let dev = Dev::start_with(&project, &["--https"], &[]);
    dev.wait_for(" Ready in ");
    assert_eq!(fs::read(&file).unwrap(), before);
    assert_eq!(ask(&dev, "localhost", &file, "/").unwrap(), "two");
}

#[test]
fn an_open_address_without_tls_says_who_is_refused() {
    let project = TinyProject::new();
    let dev = Dev::start_with(&project, &["--host", "0.0.0.0"], &[]);
    dev.wait_for("OAuth needs https off this machine; add --https or --tunnel");
}
