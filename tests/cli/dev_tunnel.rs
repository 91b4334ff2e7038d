//! Tunnels, with fake tunnel programs.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Command};

use mcpo_test_support::{tiny::TinyProject, wait};
use tempfile::TempDir;

use crate::{running::Dev, tool};

/// A folder of programs that comes first on the PATH.
struct Programs(TempDir);

impl Programs {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Adds a shell script. It first records its arguments and its process id.
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

    /// Returns the PATH with this folder in front.
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
fn the_first_server_knows_the_public_url_of_the_tunnel() {
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
        // The first answer of the first server must already contain it.
        dev.wait_for_answer("/variable/BASE_URL", base);
        dev.wait_for(&format!("Connector {base}/mcp\n"));
        dev.wait_for("Settings → Connectors → Add custom connector");
        let said = dev.said();
        let (noted, process) = programs.noted(name);
        assert_eq!(noted, arguments.replace("PORT", &dev.port.to_string()));
        // The server must not be open by accident, and the next run must use the same password.
        let password = dev.get("/variable/ADMIN_PASSWORD");
        assert!(password.len() >= 24 && said.contains(&password), "{said}");
        let kept = fs::metadata(project.path(".mcpo/tunnel-password")).unwrap();
        assert_eq!(kept.permissions().mode() & 0o077, 0);
        drop(dev);
        assert!(!wait::is_running(process), "{name} is left");
    }
}

#[test]
fn an_installed_tunnel_is_chosen_and_a_configured_password_is_kept() {
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
fn open_to_anyone_prints_a_warning() {
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
fn the_tunnel_ends_when_mcpo_is_killed() {
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
fn a_tunnel_that_ends_is_reported_and_the_server_keeps_running() {
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
    dev.wait_for("cloudflared ended (exit status: 3): the server is no longer reachable");
    assert_eq!(dev.get("/"), "one");
}

#[test]
fn the_output_of_a_failed_tunnel_is_printed() {
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
fn a_missing_tunnel_program_is_reported_with_its_download_page() {
    let project = TinyProject::new();
    let said = tool::said(
        project.folder(),
        &["dev", "--port", "0", "--tunnel", "tailscale"],
    );
    assert!(said.contains("not found on the PATH: tailscale"), "{said}");
    assert!(said.contains("https://tailscale.com/download"), "{said}");
}
