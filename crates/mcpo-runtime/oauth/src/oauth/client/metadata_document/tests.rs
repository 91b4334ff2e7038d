//! Fetches documents over real TLS from a host with a self-signed certificate.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustls::{RootCertStore, ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::*;

struct Host {
    base: String,
    documents: DocumentCache,
    answer: Arc<Mutex<String>>,
    fetches_seen: Arc<AtomicUsize>,
}

const NOW: Timestamp = Timestamp(1_000);

impl Host {
    async fn start() -> Self {
        Self::start_as("localhost", Fetcher::for_test).await
    }

    async fn start_as(name: &str, fetcher: impl FnOnce(RootCertStore) -> Fetcher) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = Arc::new(Mutex::new(String::new()));
        let fetches_seen = Arc::new(AtomicUsize::new(0));
        let (response, count) = (Arc::clone(&answer), Arc::clone(&fetches_seen));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let _ = stream.read(&mut [0; 4096]).await;
                count.fetch_add(1, Ordering::SeqCst);
                let answer = response.lock().unwrap().clone();
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        Self {
            base: format!("https://{name}:{port}"),
            documents: DocumentCache::with(fetcher(roots)).unwrap(),
            answer,
            fetches_seen,
        }
    }

    fn url(&self) -> DocumentUrl {
        DocumentUrl::parse(&format!("{}/client.json", self.base))
            .unwrap()
            .unwrap()
    }

    fn say(&self, head: &str, body: &str) {
        let length = body.len();
        *self.answer.lock().unwrap() = format!(
            "HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
    }

    fn say_document(&self, headers: &str, change: impl FnOnce(&mut serde_json::Value)) {
        let mut document = json!({
            "client_id": self.url().text,
            "client_name": "A client",
            "redirect_uris": ["https://a.example/cb"],
        });
        change(&mut document);
        let head = format!("200 OK\r\ncontent-type: application/json{headers}");
        self.say(&head, &document.to_string());
    }

    async fn client(&self, now: Timestamp) -> Result<Client, DocumentError> {
        self.documents.client(&self.url(), now, &|| true).await
    }
}

#[tokio::test]
async fn as8_as10_valid_document_describes_a_client() {
    let host = Host::start().await;
    host.say_document("", |_| {});
    let client = host.client(NOW).await.unwrap();
    assert_eq!(client.name, "A client");
    assert_eq!(client.vouched_by.as_deref(), Some("localhost"));
    assert_eq!(client.privacy, None);
    let uris = &client.redirect_uris;
    let verify = |uri| crate::oauth::redirect_uri::RedirectUri::verify(uris, Some(uri));
    assert!(verify("https://a.example/cb").is_some());
    assert!(verify("https://b.example/cb").is_none());
}

#[tokio::test]
async fn as12_only_an_https_privacy_policy_of_a_document_is_linked() {
    for (policy, is_linked) in [
        (json!("https://a.example/privacy"), true),
        (json!("javascript:alert(1)"), false),
        (json!("http://a.example/privacy"), false),
        (json!(["https://a.example/privacy"]), false),
    ] {
        let host = Host::start().await;
        host.say_document("", |document| document["policy_uri"] = policy.clone());
        let client = host.client(NOW).await.unwrap();
        assert_eq!(client.privacy.is_some(), is_linked, "{policy}");
    }
}

/// Takes the same path as a real fetch: the name is resolved, every address is checked, and the
/// connection goes to the checked address.
#[tokio::test]
async fn as8_as11_documents_are_fetched_only_from_public_addresses() {
    const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(93, 184, 215, 14));
    const PRIVATE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
    for (answer, is_fetched) in [
        (&[PUBLIC][..], true),
        (&[PUBLIC, PUBLIC], true),
        (&[PRIVATE], false),
        (&[METADATA], false),
        (&[PUBLIC, PRIVATE], false),
    ] {
        let host = Host::start_as("client.example", |roots| Fetcher::answered(roots, answer)).await;
        host.say_document("", |_| {});
        let client = host.client(NOW).await;
        assert_eq!(client.is_ok(), is_fetched, "{answer:?}: {client:?}");
        assert_eq!(
            host.fetches_seen.load(Ordering::SeqCst),
            usize::from(is_fetched)
        );
    }
}

/// A known client stays usable while its host is down, and a request that must not fetch uses what
/// is cached.
#[tokio::test]
async fn as11_cached_client_stays_valid_while_its_host_is_down() {
    let host = Host::start().await;
    host.say_document("\r\ncache-control: max-age=60", |_| {});
    assert!(host.client(NOW).await.is_ok());
    let later = NOW.plus(Duration::from_secs(61));
    let busy = host.documents.client(&host.url(), later, &|| false).await;
    assert!(busy.is_ok(), "{busy:?}");
    assert_eq!(host.fetches_seen.load(Ordering::SeqCst), 1);
    host.say("503 Service Unavailable", "");
    assert!(host.client(later).await.is_ok());
    // But for one day at most.
    let next_day = NOW.plus(MAX_LIFETIME);
    assert!(host.client(next_day).await.is_err());
    // A busy server is not cached as a fault of the document.
    let other = Host::start().await;
    other.say_document("", |_| {});
    let busy = other.documents.client(&other.url(), NOW, &|| false).await;
    assert_eq!(busy.unwrap_err(), FetchError::Busy.into());
    assert!(other.client(NOW).await.is_ok());
}

#[tokio::test]
async fn as9_invalid_document_is_rejected() {
    type Change = fn(&mut serde_json::Value);
    let cases: [(Change, DocumentError); 6] = [
        (
            |d| d["client_id"] = json!("https://localhost/other"),
            DocumentError::ClientId,
        ),
        (|d| d["client_id"] = json!(1), DocumentError::Json),
        (
            |d| d["redirect_uris"] = json!([]),
            DocumentError::RedirectUris,
        ),
        (
            |d| d["redirect_uris"] = json!(["http://a.example/cb"]),
            DocumentError::RedirectUri {
                uri: "http://a.example/cb".into(),
                error: RedirectUriError::NotSecure,
            },
        ),
        (
            |d| d["token_endpoint_auth_method"] = json!("client_secret_post"),
            DocumentError::Secret,
        ),
        (|d| d["client_secret"] = json!("x"), DocumentError::Secret),
    ];
    for (change, error) in cases {
        let host = Host::start().await;
        host.say_document("", change);
        assert_eq!(host.client(NOW).await.unwrap_err(), error);
    }
    let plain = "200 OK\r\ncontent-type: text/html";
    let json = "200 OK\r\ncontent-type: application/json";
    let moved = "302 Found\r\nlocation: https://localhost/";
    let huge = " ".repeat(6000);
    for (head, body, error) in [
        (plain, "{}", FetchError::ContentType.into()),
        (json, "nonsense", DocumentError::Json),
        (json, &huge, FetchError::TooLong.into()),
        ("403 Forbidden", "", FetchError::Status(403).into()),
        (moved, "", FetchError::Status(302).into()),
    ] {
        let host = Host::start().await;
        host.say(head, body);
        assert_eq!(host.client(NOW).await.unwrap_err(), error);
    }
}

#[test]
fn as9_invalid_document_url_is_rejected() {
    let parse = |text: &str| DocumentUrl::parse(text);
    assert_eq!(parse("mcpo_ci_x").unwrap(), None);
    assert!(parse("https://a.example/client.json").unwrap().is_some());
    for bad in [
        "http://a.example/c",
        "https://a.example",
        "https://a.example/",
        "https://a.example/c#x",
        "https://u@a.example/c",
        "https://a.example/x/../c",
        "https://A.example/c",
        "https://127.0.0.1/c",
        "https://[::1]/c",
        "https://2130706433/c",
        "javascript://a/c",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn as11_document_is_cached_as_its_headers_allow() {
    for (headers, later, fetches) in [
        ("\r\ncache-control: max-age=100", 99, 1),
        ("\r\ncache-control: max-age=100", 100, 2),
        ("\r\ncache-control: public, Max-Age=99999999", 86_399, 1),
        ("\r\ncache-control: max-age=99999999", 86_400, 2),
        ("\r\ncache-control: no-store, max-age=100", 0, 2),
        ("", 599, 1),
        ("", 600, 2),
    ] {
        let host = Host::start().await;
        host.say_document(headers, |_| {});
        host.client(NOW).await.unwrap();
        host.client(Timestamp(NOW.0 + later)).await.unwrap();
        assert_eq!(
            host.fetches_seen.load(Ordering::SeqCst),
            fetches,
            "{headers} after {later} s"
        );
    }
}

#[tokio::test]
async fn as11_failed_fetch_is_cached_for_a_minute() {
    let host = Host::start().await;
    host.say("500 Oops", "");
    assert!(host.client(NOW).await.is_err());
    host.say_document("", |_| {});
    assert!(host.client(Timestamp(NOW.0 + 59)).await.is_err());
    assert_eq!(host.fetches_seen.load(Ordering::SeqCst), 1);
    assert!(host.client(Timestamp(NOW.0 + 60)).await.is_ok());
}

#[tokio::test]
async fn as8_pinned_documents_are_used_without_a_fetch() {
    let documents = DocumentCache::with(Fetcher::for_test(RootCertStore::empty())).unwrap();
    assert_eq!(documents.pinned.len(), 4);
    let text = "https://claude.ai/oauth/mcp-oauth-client-metadata";
    let url = DocumentUrl::parse(text).unwrap().unwrap();
    let client = documents.client(&url, NOW, &|| true).await.unwrap();
    assert_eq!(client.name, "Claude");
    assert_eq!(client.vouched_by.as_deref(), Some("claude.ai"));
}

proptest::proptest! {
    /// Any bytes and any JSON are refused, or describe the client of that URL.
    #[test]
    fn as9_document_of_another_client_is_rejected(
        id in "https://localhost/(client.json|other)|.{0,20}",
        uris in proptest::collection::vec("(https?|javascript):/{0,3}.{0,20}", 0..4),
        junk in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..60),
    ) {
        let url = DocumentUrl::parse("https://localhost/client.json").unwrap().unwrap();
        let document = json!({ "client_id": id, "redirect_uris": uris }).to_string();
        for body in [document.as_bytes(), &junk] {
            if let Ok(client) = read(body, &url) {
                proptest::prop_assert_eq!(client.key, ClientKey::of("https://localhost/client.json"));
                proptest::prop_assert_eq!(&id, "https://localhost/client.json");
                proptest::prop_assert!(!client.redirect_uris.is_empty());
            }
        }
    }
}
