//! The entry point of the stand-in: a proxy that terminates TLS for Google's host names, so that
//! clients need no special configuration, and plain HTTP for clients that are configured to use it.

use std::{net::SocketAddr, path::Path, sync::Arc};

use http_body_util::Full;
use hyper::{
    Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::{
    Cloud, call, dns,
    fault::Fault,
    http::{Reply, Request, Served},
    registry, run, tokens,
};

const NAMES: [&str; 9] = [
    "*.googleapis.com",
    "*.pkg.dev",
    "*.a.run.app",
    "*.europe-west1.run.app",
    "*.europe-west99.run.app",
    "*.us-central1.run.app",
    "accounts.google.com",
    "dns.google",
    CUSTOM_DOMAIN,
];
/// A domain that is not Google's. It has a certificate only while it is mapped to a service.
const CUSTOM_DOMAIN: &str = "mcp.example.com";

/// Prefix of the account whose metadata server received the request.
const METADATA: &str = "metadata:";

/// Returns a TLS acceptor with a certificate for Google's host names, issued by a CA that only the
/// tests trust.
pub fn acceptor(authority: &Path) -> TlsAcceptor {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // OpenSSL considers a certificate self-signed if its subject equals its issuer's subject.
    let name = "authority of the stand-in for Google";
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key"))
        .expect("a certificate");
    std::fs::write(authority, issuer.pem()).expect("a file");
    let key = KeyPair::generate().expect("a key");
    let mut leaf = CertificateParams::new(NAMES.map(str::to_owned)).expect("names");
    let name = "stand-in for Google";
    leaf.distinguished_name.push(DnType::CommonName, name);
    leaf.use_authority_key_identifier_extension = true;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let leaf = leaf.signed_by(&key, &issuer).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .expect("a certificate that fits its key");
    TlsAcceptor::from(Arc::new(config))
}

/// Accepts connections forever.
pub async fn listen(cloud: Cloud, listener: TcpListener, acceptor: TlsAcceptor) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        tokio::spawn(connection(cloud.share(), stream, acceptor.clone()));
    }
}

async fn connection(cloud: Cloud, stream: TcpStream, acceptor: TlsAcceptor) {
    let _ = stream.set_nodelay(true);
    let mut start = [0; 8];
    let is_tunnel = stream
        .peek(&mut start)
        .await
        .is_ok_and(|read| start[..read].starts_with(b"CONNECT "));
    if !is_tunnel {
        return serve(cloud, TokioIo::new(stream), None).await;
    }
    let Some((host, stream)) = tunnel(stream).await else {
        return;
    };
    if host == CUSTOM_DOMAIN && run::service_of_domain(&cloud.state(), &host).is_none() {
        return;
    }
    if let Ok(stream) = acceptor.accept(stream).await {
        serve(cloud, TokioIo::new(stream), Some(host)).await;
    }
}

/// Reads the head of a CONNECT request and establishes the tunnel, which ends in this process.
async fn tunnel(mut stream: TcpStream) -> Option<(String, TcpStream)> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
        if head.len() > 8192 {
            return None;
        }
    }
    let head = String::from_utf8(head).ok()?;
    let host = head.strip_prefix("CONNECT ")?.split(':').next()?.to_owned();
    stream
        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await
        .ok()?;
    Some((host, stream))
}

async fn serve<S>(cloud: Cloud, stream: S, host: Option<String>)
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let (cloud, host) = (cloud.share(), host.clone());
        async move { answer(&cloud, host.as_deref(), request).await }
    });
    // A connection that is cut by a fault ends with an error.
    let _ = http1::Builder::new()
        .auto_date_header(true)
        .serve_connection(stream, service)
        .await;
}

async fn answer(
    cloud: &Cloud,
    host: Option<&str>,
    request: hyper::Request<Incoming>,
) -> Result<Response<Full<Bytes>>, &'static str> {
    let cut = cloud.cut_body(host, &request);
    let request = Request::read(request, cut).await?;
    let reply = route(cloud, host, request).await?;
    Ok(reply.into_response(Some(&cloud.date())))
}

async fn route(cloud: &Cloud, host: Option<&str>, request: Request) -> Served {
    let path = request.path.clone();
    match host {
        Some("oauth2.googleapis.com" | "sts.googleapis.com" | "accounts.google.com") => {
            Ok(tokens::token(cloud, &request))
        }
        Some(host) if host.ends_with("-docker.pkg.dev") => {
            registry::serve(cloud, host, request).await
        }
        Some(host) if host.ends_with(".run.app") || host == CUSTOM_DOMAIN => {
            run::serve_public(cloud, host, request).await
        }
        Some("dns.google") => Ok(dns::resolve(cloud, &request)),
        Some(host) if host.starts_with(METADATA) => Ok(tokens::metadata(
            cloud,
            &request,
            host.trim_start_matches(METADATA),
        )),
        Some(host) => call::serve(cloud, host, request).await,
        None if path == "/oidc-token" => Ok(tokens::workload_identity(&request)),
        None if path == "/token" => Ok(tokens::token(cloud, &request)),
        None if path.starts_with("/computeMetadata/") => {
            Ok(tokens::metadata(cloud, &request, tokens::DEPLOYER))
        }
        None if path.contains("/storage/v1/") => {
            call::serve(cloud, "storage.googleapis.com", request).await
        }
        None if path.starts_with("/v2/") => call::serve(cloud, "run.googleapis.com", request).await,
        None => Ok(Reply::text(hyper::StatusCode::NOT_FOUND, "not found")),
    }
}

impl Cloud {
    /// Returns the number of bytes after which this request's body is cut, or `None`.
    fn cut_body(&self, host: Option<&str>, request: &hyper::Request<Incoming>) -> Option<usize> {
        if request.method() != hyper::Method::PUT {
            return None;
        }
        let place = if host.is_some_and(|host| host.ends_with(".pkg.dev")) {
            "registry"
        } else {
            "storage.upload"
        };
        match self
            .state()
            .take_fault(place, |fault| matches!(fault, Fault::DisconnectAfter(_)))?
        {
            Fault::DisconnectAfter(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// Starts a metadata server for a container that runs as `account`. Returns its address.
pub fn metadata_server(cloud: &Cloud, account: &str) -> String {
    let (listener, address) = bind();
    let (cloud, host) = (cloud.share(), format!("{METADATA}{account}"));
    tokio::spawn(async move {
        let listener = TcpListener::from_std(listener).expect("a listener");
        while let Ok((stream, _)) = listener.accept().await {
            let (cloud, host) = (cloud.share(), host.clone());
            tokio::spawn(serve(cloud, TokioIo::new(stream), Some(host)));
        }
    });
    address.to_string()
}

/// Binds a listener to a free port and returns it with its address.
pub fn bind() -> (std::net::TcpListener, SocketAddr) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener
        .set_nonblocking(true)
        .expect("a non-blocking socket");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}
