//! Decides where the server can be reached, and which settings the server needs for that: on this
//! machine, in its network through TLS, or from the internet through a tunnel.

mod args;
mod certificate;
mod exposure;
mod localhost;
mod password;
mod providers;
mod proxy;
mod tunnel;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket},
    path::Path,
};

use mcpo_common::{
    error::{Failure, Outcome},
    project::Environment,
    ui::Ui,
};
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

pub use self::{
    args::ExposeArgs, exposure::Exposure, providers::TunnelChoice, proxy::Proxy, tunnel::Tunnel,
};
use self::{certificate::Certificate, localhost::Localhost, proxy::Inside};
use crate::dev::{
    local_access::has_local_base,
    run::{
        listener::{Listener, Mode},
        socket,
    },
};

/// The addresses of the server, and everything that leads to it.
pub struct Entrypoint {
    /// The end of the connection path that faces the servers.
    pub listener: Listener,
    /// The URL to type into a client on this machine.
    pub local: String,
    /// Variables that override the shell and the environment file of the servers.
    pub decided: Vec<(String, String)>,
    pub tunnel: Option<Tunnel>,
    pub proxy: Option<Proxy>,
    /// Accepts connections on the second address of `localhost`.
    pub localhost: Option<Proxy>,
    /// Decides whether the proxies refuse other machines.
    pub local_only: watch::Sender<bool>,
    /// The certificate that clients must trust, and its file.
    pub certificate: Option<(CertificateDer<'static>, String)>,
    /// Which machines can reach the server, and how it is protected from them.
    pub exposure: Exposure,
    /// The password that was generated because other machines can reach the server.
    pub password: Option<String>,
}

impl Entrypoint {
    /// Opens the proxy and the tunnel, as far as the arguments ask for them.
    pub async fn open(
        args: &ExposeArgs,
        outer: TcpListener,
        state: &Path,
        environment: &Environment,
        ui: &Ui,
    ) -> Outcome<Self> {
        let port = local_address(&outer)?.port();
        let tls = args
            .https
            .then(|| Tls::keep(args.host, state))
            .transpose()?;
        let acceptor = tls.as_ref().map(|tls| proxy::acceptor(&tls.certificate));
        let acceptor = acceptor.transpose()?;
        let mut localhost = Localhost::claim(&outer)
            .map_err(|error| Failure::new("failed to listen").because(&error))?;
        let (local_only, is_local_only) = watch::channel(false);
        let (listener, proxy, inside) = open_listener(
            Mode::of_this_system(),
            outer,
            acceptor.clone(),
            is_local_only.clone(),
        )?;
        let other = localhost.other.take();
        let mut entrypoint = Self {
            listener,
            local: format!("http://{}/mcp", localhost.authority(args.host, port)),
            decided: Vec::new(),
            tunnel: None,
            proxy,
            localhost: other.map(|other| Proxy::new(other, acceptor, inside, is_local_only)),
            local_only,
            certificate: None,
            exposure: Exposure::default(),
            password: None,
        };
        if let Some(tls) = tls {
            let base = format!("https://{}", localhost.authority(tls.host, port));
            entrypoint.is_encrypted(tls, base, environment);
        } else if localhost.is_taken() && environment.get("BASE_URL").is_none() {
            // By default, a server calls itself `localhost`.
            let base = entrypoint.local.trim_end_matches("/mcp").to_owned();
            entrypoint.decide("BASE_URL", base);
        }
        localhost.warn(ui, &entrypoint.local);
        if let Some(choice) = args.tunnel {
            let tunnel = Tunnel::open(choice, port, ui).await?;
            entrypoint.decide("BASE_URL", tunnel.address.clone());
            entrypoint.tunnel = Some(tunnel);
        }
        entrypoint.protect(args, state, environment)?;
        Ok(entrypoint)
    }

    /// Generates a password if other machines can reach the server and no sign-in is configured.
    /// Must be called after everything that decides the public address.
    fn protect(
        &mut self,
        args: &ExposeArgs,
        state: &Path,
        environment: &Environment,
    ) -> Outcome<()> {
        let as_served = environment.clone().with(&self.decided);
        self.exposure = Exposure::of(args, &as_served)?;
        self.local_only.send_replace(has_local_base(&as_served));
        if self.exposure.is_open {
            self.decide(exposure::OPEN_TO_ANYONE, "1".to_owned());
        } else if self.exposure.needs_password {
            let made = password::keep(state)?;
            self.decide("ADMIN_PASSWORD", made.expose().to_owned());
            self.password = Some(made.expose().to_owned());
        }
        Ok(())
    }

    fn is_encrypted(&mut self, tls: Tls, base: String, environment: &Environment) {
        self.local = format!("{base}/mcp");
        if environment.get("BASE_URL").is_none() {
            self.decide("BASE_URL", base);
        }
        let file = tls.certificate.file.display().to_string();
        self.certificate = Some((tls.certificate.der, file));
    }

    fn decide(&mut self, name: &str, value: String) {
        self.decided.push((name.to_owned(), value));
    }
}

/// The certificate for https, and its host.
struct Tls {
    host: IpAddr,
    certificate: Certificate,
}

impl Tls {
    fn keep(host: IpAddr, state: &Path) -> Outcome<Self> {
        let host = if host.is_unspecified() {
            in_the_network().unwrap_or(host)
        } else {
            host
        };
        let certificate = Certificate::keep(state, &certificate::names(host))?;
        Ok(Self { host, certificate })
    }
}

/// Returns the path from the socket to the servers, with a proxy if one is needed. Also returns the
/// address to forward connections to from other sockets.
fn open_listener(
    mode: Mode,
    outer: TcpListener,
    acceptor: Option<TlsAcceptor>,
    is_local_only: watch::Receiver<bool>,
) -> Outcome<(Listener, Option<Proxy>, Inside)> {
    match mode {
        #[cfg(unix)]
        Mode::PassSocket => {
            let Some(acceptor) = acceptor else {
                let (_, inside) = watch::channel(Some(reachable(local_address(&outer)?)));
                return Ok((Listener::PassSocket(outer), None, inside));
            };
            let inner = socket::listen(Ipv4Addr::LOCALHOST.into(), 0)?;
            let (_, inside) = watch::channel(Some(local_address(&inner)?));
            let proxy = Proxy::new(outer, Some(acceptor), inside.clone(), is_local_only);
            Ok((Listener::PassSocket(inner), Some(proxy), inside))
        }
        Mode::Proxy => {
            let port = local_address(&outer)?.port();
            let (to, inside) = watch::channel(None);
            let proxy = Proxy::new(outer, acceptor, inside.clone(), is_local_only);
            Ok((Listener::Proxy { port, to }, Some(proxy), inside))
        }
    }
}

/// Returns the address under which this machine reaches a socket.
fn reachable(bound: SocketAddr) -> SocketAddr {
    let host = match bound.ip() {
        IpAddr::V4(host) if host.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(host) if host.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        host => host,
    };
    SocketAddr::new(host, bound.port())
}

fn local_address(listener: &TcpListener) -> Outcome<SocketAddr> {
    listener
        .local_addr()
        .map_err(|error| Failure::new("failed to get the listening address").because(&error))
}

/// Returns this machine's address in its network. Nothing is sent to the address below, which is
/// reserved for documentation (RFC 5737).
fn in_the_network() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_unspecified() && !address.is_loopback()).then_some(address)
}
