//! A real nginx in front of the server, configured as in docs/proxies.md.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use mcpo_test_support::{
    process::{ServerProcess, free_port},
    proxied_browser::{HOST, ProxiedBrowser},
    wait,
};

use crate::{PASSWORD, SERVER};

const PAGE: &str = include_str!("../../docs/proxies.md");

struct Nginx {
    child: Child,
    port: u16,
}

impl Nginx {
    fn start(folder: &Path, server: u16) -> Self {
        let port = free_port();
        let block = PAGE.split("```nginx\n").nth(1).unwrap();
        let location = block.split("```").next().unwrap();
        let location = location.replace("127.0.0.1:8080", &format!("127.0.0.1:{server}"));
        let folder = folder.display();
        let settings = format!(
            "daemon off; pid {folder}/pid; error_log stderr; events {{}}\n\
             http {{ access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b;\n\
             fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;\n\
             server {{ listen 127.0.0.1:{port};\n{location}\n}} }}\n"
        );
        let file = format!("{folder}/nginx.conf");
        fs::write(&file, settings).unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let child = Command::new("nginx")
            .env("PATH", format!("{path}:/usr/sbin"))
            .args(["-c", &file, "-p", &folder.to_string()])
            .stdin(Stdio::null())
            .spawn()
            .expect("could not run: nginx is not installed; run scripts/check to install it");
        let nginx = Self { child, port };
        wait::until("nginx", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
        });
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let _ = self.child.wait();
    }
}

const fn address(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))
}

/// On Linux, all of 127.0.0.0/8 belongs to this machine, so clients can have separate addresses.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn as21_clients_behind_nginx_are_throttled_separately() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let environment = [
        ("BASE_URL", format!("https://{HOST}")),
        ("HOST", "127.0.0.1".to_owned()),
        ("ADMIN_PASSWORD", PASSWORD.to_owned()),
        ("MCPO_TRUSTED_PROXIES", "127.0.0.1".to_owned()),
    ];
    let environment = environment
        .each_ref()
        .map(|(name, value)| (*name, &**value));
    let _server =
        ServerProcess::start(SERVER, port, &folder.path().join("state"), &environment).await;
    let nginx = Nginx::start(folder.path(), port);
    let url = format!("http://127.0.0.1:{}", nginx.port);
    let mut attacker = ProxiedBrowser::new(&url, Some(address(2))).await;
    for number in 0..6 {
        // The header that the browser itself sends has no effect.
        let invented = format!("203.0.113.{number}");
        assert!(!attacker.sign_in_from(&invented, "wrong").await);
    }
    // Two more failures, so that the wait is long enough for a busy machine.
    for wait in [1_100, 2_100] {
        tokio::time::sleep(Duration::from_millis(wait)).await;
        assert!(!attacker.sign_in(None, "wrong").await);
    }
    let mut neighbor = ProxiedBrowser::new(&url, Some(address(2))).await;
    assert!(!neighbor.sign_in(None, PASSWORD).await);
    let mut owner = ProxiedBrowser::new(&url, Some(address(3))).await;
    assert!(owner.sign_in(None, PASSWORD).await);
}
