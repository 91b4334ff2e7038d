//! The URL that `mcpo dev` prints leads to its server and to no other program.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream},
};

use mcpo_test_support::{tiny::TinyProject, wait};

use crate::{running::Dev, tool};

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// Returns false and says so if this machine has no IPv6.
fn has_ipv6() -> bool {
    let has_ipv6 = TcpListener::bind((V6, 0)).is_ok();
    if !has_ipv6 {
        println!("not run: this machine has no IPv6");
    }
    has_ipv6
}

fn get(host: IpAddr, port: u16) -> String {
    let mut stream = TcpStream::connect((host, port)).unwrap();
    let request = format!("GET / HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Another program that listens on one address, on a port that is free on the other address.
struct OtherProgram(TcpListener);

impl OtherProgram {
    fn listen(host: IpAddr, free: IpAddr) -> Self {
        loop {
            let listener = TcpListener::bind((host, 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            if TcpListener::bind((free, port)).is_ok() {
                listener.set_nonblocking(true).unwrap();
                return Self(listener);
            }
        }
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    fn got_no_connection(&self) {
        let accepted = self.0.accept();
        assert_eq!(accepted.unwrap_err().kind(), ErrorKind::WouldBlock);
    }
}

fn start(project: &TinyProject, arguments: &[&str], port: u16) -> Dev {
    let mut command = tool::command(project.folder());
    command.args(["dev", "--port", &port.to_string()]);
    command.args(arguments);
    let dev = Dev::spawn(command);
    dev.wait_for(" Ready in ");
    dev
}

#[test]
fn localhost_leads_to_the_server_over_ipv4_and_ipv6() {
    if !has_ipv6() {
        return;
    }
    for environment in [&[][..], &[("MCPO_DEV_LEAD", "1")]] {
        let project = TinyProject::new();
        let dev = Dev::start(&project, environment);
        dev.wait_for(" Ready in ");
        let url = format!("Starting tiny at http://localhost:{}/mcp\n", dev.port);
        assert!(dev.said().contains(&url), "{}", dev.said());
        for host in [V4, V6] {
            let answer = get(host, dev.port);
            assert!(answer.ends_with("one"), "{host}: {answer}");
            // No other program can take the address later.
            let taken = TcpListener::bind((host, dev.port)).unwrap_err();
            assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        }
        project.answer("\"two\"");
        dev.wait_for("Reloaded ");
        dev.wait_for_answer("/", "two");
        wait::until("the new server over IPv6", || {
            get(V6, dev.port).ends_with("two").then_some(())
        });
    }
}

#[test]
fn another_program_on_the_ipv6_loopback_address_is_named_and_gets_no_connection() {
    if !has_ipv6() {
        return;
    }
    let project = TinyProject::new();
    let other = OtherProgram::listen(V6, V4);
    let port = other.port();
    let dev = start(&project, &[], port);
    let said = dev.said();
    let base = format!("http://127.0.0.1:{port}");
    assert!(
        said.contains(&format!("Starting tiny at {base}/mcp\n")),
        "{said}"
    );
    let owner = format!(
        "(process {}) listens on [::1]:{port}, so",
        std::process::id()
    );
    assert!(said.contains(&owner), "{said}");
    assert!(
        said.contains(&format!("use {base}/mcp, or another port")),
        "{said}"
    );
    assert!(!said.contains("http://localhost"), "{said}");
    assert_eq!(dev.get("/variable/BASE_URL"), base);
    assert_eq!(dev.get("/"), "one");
    other.got_no_connection();
    drop(dev);

    let dev = start(&project, &["--https"], port);
    let url = format!("Starting tiny at https://127.0.0.1:{port}/mcp\n");
    assert!(dev.said().contains(&url), "{}", dev.said());
    other.got_no_connection();
}

#[test]
fn another_program_on_the_ipv4_loopback_address_gets_no_connection() {
    if !has_ipv6() {
        return;
    }
    let project = TinyProject::new();
    let other = OtherProgram::listen(V4, V6);
    let port = other.port();
    for host in ["127.0.0.1", "0.0.0.0", "::"] {
        let port = port.to_string();
        let arguments = ["dev", "--host", host, "--port", &port];
        let said = tool::said(project.folder(), &arguments);
        assert!(said.starts_with("exit code 2"), "{said}");
        assert!(
            said.contains(&format!("port {port} is taken by ")),
            "{said}"
        );
    }
    let dev = start(&project, &["--host", "::1"], port);
    let url = format!("Starting tiny at http://[::1]:{port}/mcp\n");
    assert!(dev.said().contains(&url), "{}", dev.said());
    assert!(get(V6, port).ends_with("one"));
    other.got_no_connection();
}
