//! Access from other machines without a tunnel: TLS, passwords, and who is refused.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{IpAddr, TcpStream, UdpSocket},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
};

use mcpo_test_support::{tiny::TinyProject, wait};

use crate::{running::Dev, tool};

/// Returns the server's answer over TLS, for a client that trusts this file.
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
fn https_uses_the_same_certificate_in_each_run() {
    let project = TinyProject::new();
    let file = project.path(".mcpo/tls/certificate.pem");
    let dev = Dev::start_with(&project, &["--https"], &[]);
    dev.wait_for(" Ready in ");
    let said = dev.said();
    assert!(
        said.contains(&format!(
            "Starting tiny at https://localhost:{}/mcp",
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
    wait::until("the new server", || {
        (ask(&dev, "localhost", &file, "/").unwrap() == "two").then_some(())
    });
    let key = fs::metadata(project.path(".mcpo/tls/key.pem")).unwrap();
    assert_eq!(key.permissions().mode() & 0o077, 0);
    drop(dev);

    // A client that trusts the certificate does not have to trust it again.
    let before = fs::read(&file).unwrap();
    let dev = Dev::start_with(&project, &["--https"], &[]);
    dev.wait_for(" Ready in ");
    assert_eq!(fs::read(&file).unwrap(), before);
    assert_eq!(ask(&dev, "localhost", &file, "/").unwrap(), "two");
}

/// Returns an address of this machine that is not a loopback address. Nothing is sent to the
/// address below, which is reserved for documentation (RFC 5737).
fn address_in_the_network() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().unwrap().ip();
    (!address.is_unspecified() && !address.is_loopback()).then_some(address)
}

/// Returns the answer to a client at that address, which sends a forged `Host`.
fn ask_at(address: IpAddr, port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect((address, port)).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: localhost:{port}\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_server_that_other_machines_reach_gets_a_generated_password() {
    let base = ("BASE_URL", "https://of-a-proxy.example");
    for (arguments, environment) in [
        (&["--host", "0.0.0.0"][..], &[][..]),
        (&["--host", "0.0.0.0", "--https"], &[]),
        (&["--host", "::"], &[]),
        // A proxy, or a tunnel that mcpo did not start.
        (&[], &[base]),
        (&["--https"], &[base]),
    ] {
        let project = TinyProject::new();
        let dev = Dev::start_with(&project, arguments, environment);
        dev.wait_for(" Ready in ");
        let said = dev.said();
        let kept = fs::read_to_string(project.path(".mcpo/tunnel-password")).unwrap();
        assert_eq!(kept.trim().len(), 24);
        assert!(
            said.contains(&format!("Password {}", kept.trim())),
            "{said}"
        );
        assert!(said.contains("Sign-in with ADMIN_PASSWORD"), "{said}");
        let is_in_the_network = arguments.contains(&"0.0.0.0") && arguments.contains(&"--https");
        if is_in_the_network && address_in_the_network().is_some() {
            assert!(said.contains(" in this network;"), "{said}");
        }
        if !arguments.contains(&"--https") {
            assert_eq!(dev.get("/variable/ADMIN_PASSWORD"), kept.trim());
            assert_eq!(dev.get("/variable/MCPO_OPEN_TO_ANYONE"), "");
        }
    }
}

#[test]
fn a_server_that_only_this_machine_reaches_gets_no_password() {
    let project = TinyProject::new();
    let base = ("BASE_URL", "http://127.0.0.1:8080");
    let dev = Dev::start_with(&project, &["--host", "127.0.0.1"], &[base]);
    dev.wait_for(" Ready in ");
    assert_eq!(dev.get("/variable/ADMIN_PASSWORD"), "");
    assert!(!dev.said().contains("Password"), "{}", dev.said());
    assert!(!project.path(".mcpo/tunnel-password").exists());
}

#[test]
fn an_existing_sign_in_is_kept_on_the_network() {
    let project = TinyProject::new();
    let sign_in = ("GITHUB_CLIENT_ID", "of-my-own");
    let dev = Dev::start_with(&project, &["--host", "0.0.0.0"], &[sign_in]);
    dev.wait_for(" Ready in ");
    assert_eq!(dev.get("/variable/ADMIN_PASSWORD"), "");
    assert!(dev.said().contains("Sign-in with GitHub"), "{}", dev.said());
}

#[test]
fn an_open_server_on_the_network_needs_an_option_and_prints_a_warning() {
    for (arguments, environment) in [
        (
            &["--host", "0.0.0.0"][..],
            &[("MCPO_OPEN_TO_ANYONE", "1")][..],
        ),
        (&["--host", "0.0.0.0", "--open-to-anyone"], &[]),
    ] {
        let project = TinyProject::new();
        let dev = Dev::start_with(&project, arguments, environment);
        dev.wait_for(" Ready in ");
        assert_eq!(dev.get("/variable/ADMIN_PASSWORD"), "");
        assert_eq!(dev.get("/variable/MCPO_OPEN_TO_ANYONE"), "1");
        let said = dev.said();
        assert!(
            said.contains("can call these tools without signing in"),
            "{said}"
        );
        let by_variable = said.contains("because MCPO_OPEN_TO_ANYONE=1 is set");
        assert_eq!(by_variable, !environment.is_empty(), "{said}");
    }
}

#[test]
fn other_values_of_open_to_anyone_are_ignored() {
    let project = TinyProject::new();
    let wrong = ("MCPO_OPEN_TO_ANYONE", "0");
    let dev = Dev::start_with(&project, &["--host", "0.0.0.0"], &[wrong]);
    dev.wait_for("Password ");
}

#[test]
fn open_to_anyone_on_this_machine_only_is_refused() {
    let project = TinyProject::new();
    let said = tool::said(
        project.folder(),
        &["dev", "--port", "0", "--open-to-anyone"],
    );
    assert!(said.starts_with("exit code 2"), "{said}");
    assert!(
        said.contains("only this machine can reach the server"),
        "{said}"
    );
}

#[test]
fn an_address_without_tls_prints_a_warning_with_the_command_to_use() {
    let project = TinyProject::new();
    let dev = Dev::start_with(&project, &["--host", "0.0.0.0"], &[]);
    dev.wait_for("requests from other machines get 403: OAuth requires https for other machines");
    dev.wait_for(" --https, or mcpo dev --tunnel\n");
}

#[test]
fn the_proxy_refuses_other_machines_for_a_local_base_url() {
    let Some(address) = address_in_the_network() else {
        println!("not run: this machine has no address but loopback addresses");
        return;
    };
    let project = TinyProject::new();
    let lead = ("MCPO_DEV_LEAD", "1");
    let dev = Dev::start_with(&project, &["--host", "0.0.0.0"], &[lead]);
    dev.wait_for(" Ready in ");
    assert_eq!(dev.get("/"), "one");
    let refused = ask_at(address, dev.port, "/variable/ADMIN_PASSWORD");
    assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
    // The same words as in mcpo-runtime, which refuses such requests if it sees the address itself.
    let words = "only this machine can use this server; to let others in, set BASE_URL";
    assert!(refused.contains(words), "{refused}");
    drop(dev);

    // With a public base URL they are served.
    let base = ("BASE_URL", "https://of-a-proxy.example");
    let dev = Dev::start_with(&project, &["--host", "0.0.0.0"], &[lead, base]);
    dev.wait_for(" Ready in ");
    let served = ask_at(address, dev.port, "/");
    assert!(served.ends_with("one"), "{served}");
}

#[test]
fn a_changed_base_url_changes_which_machines_the_proxy_refuses() {
    let Some(address) = address_in_the_network() else {
        println!("not run: this machine has no address but loopback addresses");
        return;
    };
    let project = TinyProject::new();
    let variables = |base| format!("MCPO_SECRET=x\nADMIN_PASSWORD=y\nBASE_URL={base}\n");
    project.write(".env", &variables("https://of-a-proxy.example"));
    let lead = ("MCPO_DEV_LEAD", "1");
    let dev = Dev::start_with(&project, &["--host", "0.0.0.0"], &[lead]);
    dev.wait_for(" Ready in ");
    let served = ask_at(address, dev.port, "/");
    assert!(served.ends_with("one"), "{served}");
    project.write(".env", &variables("http://localhost"));
    dev.wait_for("Reloaded .env");
    let refused = ask_at(address, dev.port, "/");
    assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
    project.write(".env", &variables("https://of-a-proxy.example"));
    dev.wait_for_times("Reloaded .env", 2);
    let served = ask_at(address, dev.port, "/");
    assert!(served.ends_with("one"), "{served}");
}
