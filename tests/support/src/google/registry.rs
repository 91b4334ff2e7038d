//! The registry of Artifact Registry: a real registry behind Google's authentication.

use std::{
    fmt::Write as _,
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::{Method, StatusCode, header};
use serde_json::json;

use super::{
    Cloud,
    fault::Fault,
    http::{Reply, Request, Served},
};
use crate::client::http;

/// A `docker-registry` process (Debian package) on a free port.
pub struct Registry {
    process: Mutex<Child>,
    pub(super) folder: PathBuf,
    /// The address on which it listens.
    pub address: String,
    client: reqwest::Client,
}

impl Registry {
    /// Starts the registry with its files in `folder`.
    pub fn start(folder: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        drop(listener);
        let mut config =
            String::from("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n");
        let _ = writeln!(
            config,
            "storage: {{filesystem: {{rootdirectory: {:?}}}, delete: {{enabled: true}}}}",
            folder.join("blobs").display().to_string()
        );
        let _ = writeln!(
            config,
            "http: {{addr: {address:?}, relativeurls: true, secret: test}}"
        );
        fs::write(folder.join("registry.yml"), config).expect("a file");
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(folder.join("registry.yml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry, from the Debian package of that name");
        let began = Instant::now();
        while std::net::TcpStream::connect(&address).is_err() {
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "docker-registry does not accept connections"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        let client = http().no_proxy().build().expect("an HTTP client");
        Self {
            process: Mutex::new(process),
            folder,
            address,
            client,
        }
    }

    /// Returns the content at this path.
    pub async fn get(&self, path: &str) -> Result<Vec<u8>, String> {
        let request = self
            .client
            .get(format!("http://{}/v2/{path}", self.address))
            .header("accept", "application/vnd.oci.image.manifest.v1+json")
            .header("accept", "application/vnd.oci.image.index.v1+json");
        let response = request.send().await.map_err(|error| error.to_string())?;
        if !response.status().is_success() {
            return Err(format!("HTTP {}", response.status()));
        }
        let body = response.bytes().await.map_err(|error| error.to_string())?;
        Ok(body.to_vec())
    }

    /// Stores a blob.
    pub async fn put_blob(&self, path: &str, digest: &str, blob: Vec<u8>) -> Result<(), String> {
        let text = |error: reqwest::Error| error.to_string();
        let url = format!("http://{}/v2/{path}/blobs/uploads/", self.address);
        let begun = self.client.post(url).send().await.map_err(text)?;
        let place = begun
            .headers()
            .get("location")
            .and_then(|value| value.to_str().ok());
        let place = place.ok_or("the registry accepts no upload")?;
        let url = format!("http://{}{place}&digest={digest}", self.address);
        let put = self.client.put(url).body(blob).send().await.map_err(text)?;
        put.error_for_status().map(|_| ()).map_err(text)
    }

    /// Stores a manifest under a tag.
    pub async fn put_manifest(
        &self,
        path: &str,
        tag: &str,
        manifest: String,
    ) -> Result<(), String> {
        let text = |error: reqwest::Error| error.to_string();
        let url = format!("http://{}/v2/{path}/manifests/{tag}", self.address);
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let put = self
            .client
            .put(url)
            .header("content-type", kind)
            .body(manifest);
        let put = put.send().await.map_err(text)?;
        put.error_for_status().map(|_| ()).map_err(text)
    }
}

impl Registry {
    /// Stops the process. Open connections may keep the value alive longer than the test.
    pub fn stop(&self) {
        if let Ok(mut process) = self.process.lock() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Answers a request to `REGION-docker.pkg.dev`.
pub async fn serve(cloud: &Cloud, host: &str, request: Request) -> Served {
    cloud
        .state()
        .registry_calls
        .push((request.method.to_string(), asked_for(&request)));
    cloud.state().began.push("registry".to_owned());
    let mut broken = cloud.state().take_fault("registry", |_| true);
    if let Some(step) = attachment(&request) {
        let mut state = cloud.state();
        state.began.push(step.clone());
        broken = broken.or_else(|| state.take_fault(&step, |_| true));
    }
    match broken {
        Some(Fault::Status(code)) => {
            return Ok(Reply::text(
                StatusCode::from_u16(code).expect("a status"),
                "unavailable",
            ));
        }
        Some(Fault::Disconnect) => return Err("the connection is cut"),
        Some(Fault::Hangs(seconds)) => tokio::time::sleep(Duration::from_secs(seconds)).await,
        _ => {}
    }
    if request.path == "/v2/token" {
        return Ok(token(cloud, &request));
    }
    let authorization = request.header("authorization").unwrap_or_default();
    let bearer = authorization.strip_prefix("Bearer ");
    if bearer.and_then(|token| cloud.holder(token)).is_none() {
        let challenge = format!("Bearer realm=\"https://{host}/v2/token\",service=\"{host}\"");
        let body = json!({ "errors": [{ "code": "UNAUTHORIZED", "message": "Unauthenticated request." }] });
        return Ok(Reply::json(401, &body, None).with("www-authenticate", &challenge));
    }
    if request.method == Method::PATCH {
        let body = json!({ "errors": [{ "code": "UNSUPPORTED", "message": "chunked uploads are not supported" }] });
        return Ok(Reply::json(405, &body, None));
    }
    if let Some(missing) = missing_repository(cloud, host, &request.path) {
        let body = json!({ "errors": [{ "code": "NAME_UNKNOWN", "message": format!("Repository {missing:?} not found") }] });
        return Ok(Reply::json(404, &body, None));
    }
    forward(cloud, request).await
}

/// Returns the name of the step that pushes an attachment of an image, for faults: `registry.` and the
/// suffix of the tag, or `registry.list` for the list of attachments.
fn attachment(request: &Request) -> Option<String> {
    let tag = request.path.rsplit_once("/manifests/sha256-")?.1;
    let suffix = tag.split_once('.').map_or("list", |(_, suffix)| suffix);
    (request.method == Method::PUT).then(|| format!("registry.{suffix}"))
}

fn asked_for(request: &Request) -> String {
    if request.raw_query.is_empty() {
        request.path.clone()
    } else {
        format!("{}?{}", request.path, request.raw_query)
    }
}

/// Returns the repository in the path if it does not exist.
fn missing_repository(cloud: &Cloud, host: &str, path: &str) -> Option<String> {
    let region = host.strip_suffix("-docker.pkg.dev")?;
    let mut parts = path
        .strip_prefix("/v2/")?
        .split('/')
        .filter(|part| !part.is_empty());
    let (project, repository) = (parts.next()?, parts.next()?);
    let name = format!("projects/{project}/locations/{region}/repositories/{repository}");
    (!cloud.state().resources.contains_key(&name)).then_some(name)
}

/// Exchanges Google's access token for a registry token, which is the same token.
fn token(cloud: &Cloud, request: &Request) -> Reply {
    let authorization = request.header("authorization").unwrap_or_default();
    let password = authorization
        .strip_prefix("Basic ")
        .and_then(|basic| BASE64_STANDARD.decode(basic).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|pair| pair.strip_prefix("oauth2accesstoken:").map(str::to_owned));
    match password {
        Some(token) if cloud.holder(&token).is_some() => {
            Reply::json(200, &json!({ "token": token, "expires_in": 300 }), None)
        }
        _ => Reply::json(
            401,
            &json!({ "errors": [{ "code": "UNAUTHORIZED" }] }),
            None,
        ),
    }
}

async fn forward(cloud: &Cloud, request: Request) -> Served {
    let registry = &cloud.registry;
    let mut url = format!("http://{}{}", registry.address, request.path);
    if !request.raw_query.is_empty() {
        url = format!("{url}?{}", request.raw_query);
    }
    let mut headers = request.headers.clone();
    for name in [
        header::HOST,
        header::AUTHORIZATION,
        header::CONTENT_LENGTH,
        header::CONNECTION,
    ] {
        headers.remove(name);
    }
    let sent = registry
        .client
        .request(request.method, url)
        .headers(headers)
        .body(request.body)
        .send()
        .await
        .map_err(|_| "the registry is unreachable")?;
    let mut reply = Reply::empty(sent.status());
    reply.headers = sent.headers().clone();
    reply.headers.remove(header::TRANSFER_ENCODING);
    reply.body = sent
        .bytes()
        .await
        .map_err(|_| "the registry is unreachable")?;
    if reply.body.is_empty() {
        // A response to HEAD keeps the length that a GET would return.
        return Ok(reply);
    }
    reply.headers.remove(header::CONTENT_LENGTH);
    Ok(reply)
}
