//! Methods for tests to inspect and change the stand-in.

use reqwest::{Certificate, Client, Proxy};
use serde_json::Value;

use super::{Fault, Google, builds, facts, http, run, schema};

impl Google {
    /// Makes the next `times` calls of a method fail. The names `registry` and `storage.upload`
    /// refer to requests that are not API methods.
    pub fn fail(&self, method: &str, fault: Fault, times: u32) {
        self.cloud
            .state()
            .faults
            .push((method.to_owned(), fault, times));
    }

    /// Returns the methods called so far, with the HTTP status of each response.
    pub fn calls(&self) -> Vec<(String, u16)> {
        self.cloud.state().calls.clone()
    }

    /// Returns the requests to the registry: HTTP method and path.
    pub fn registry_calls(&self) -> Vec<(String, String)> {
        self.cloud.state().registry_calls.clone()
    }

    /// Clears the recorded calls.
    pub fn clear_calls(&self) {
        let mut state = self.cloud.state();
        state.calls.clear();
        state.began.clear();
        state.registry_calls.clear();
    }

    /// Returns how many requests each revision got at the untagged addresses of its service.
    pub fn served(&self) -> std::collections::BTreeMap<String, u64> {
        self.cloud.state().served.clone()
    }

    /// Returns a resource by its full name; null if it does not exist.
    pub fn resource(&self, name: &str) -> Value {
        self.cloud
            .state()
            .resources
            .get(name)
            .cloned()
            .unwrap_or_default()
    }

    /// Returns the names of all resources.
    pub fn resources(&self) -> Vec<String> {
        self.cloud.state().resources.keys().cloned().collect()
    }

    /// Returns the complete state as text, to detect changes.
    pub fn complete_state(&self) -> String {
        let state = self.cloud.state();
        let objects: Vec<_> = state.objects.keys().collect();
        format!(
            "{:?} {:?} {:?} {objects:?} {:?}",
            state.enabled, state.resources, state.policies, state.payloads
        )
    }

    /// Returns the data of the object that was written last.
    pub fn source(&self) -> Vec<u8> {
        let state = self.cloud.state();
        let last = state
            .objects
            .values()
            .max_by_key(|object| object.generation);
        last.map(|object| object.data.clone()).unwrap_or_default()
    }

    /// Returns the versions of a secret, by its full name. Destroyed versions are empty.
    pub fn versions(&self, secret: &str) -> Vec<String> {
        use base64::Engine as _;

        let state = self.cloud.state();
        let versions = state.payloads.get(secret).into_iter().flatten();
        let decode = |data: &String| base64::prelude::BASE64_STANDARD.decode(data).ok();
        versions
            .map(|data| data.as_ref().and_then(decode).unwrap_or_default())
            .map(|bytes| String::from_utf8(bytes).unwrap_or_default())
            .collect()
    }

    /// Adds a version to a secret directly, without an API call.
    pub fn add_version(&self, secret: &str, value: &str) {
        use base64::Engine as _;

        let data = base64::prelude::BASE64_STANDARD.encode(value);
        let mut state = self.cloud.state();
        let versions = state.payloads.entry(secret.to_owned()).or_default();
        versions.push(Some(data));
    }

    /// Destroys a version of a secret directly, without an API call.
    pub fn destroy_version(&self, secret: &str, number: usize) {
        let mut state = self.cloud.state();
        if let Some(versions) = state.payloads.get_mut(secret) {
            versions[number - 1] = None;
        }
    }

    /// Returns the custom time of each object, by name.
    pub fn custom_times(&self) -> Vec<(String, Option<String>)> {
        let state = self.cloud.state();
        let objects = state.objects.iter();
        objects
            .map(|((_, name), object)| (name.clone(), object.custom_time.clone()))
            .collect()
    }

    /// Returns the content of each object, by name.
    pub fn contents(&self) -> Vec<(String, Vec<u8>)> {
        let state = self.cloud.state();
        let objects = state.objects.iter();
        objects
            .map(|((_, name), object)| (name.clone(), object.data.clone()))
            .collect()
    }

    /// Returns all versions of all secrets.
    pub fn secrets(&self) -> Vec<String> {
        use base64::Engine as _;

        let state = self.cloud.state();
        let encoded = state.payloads.values().flatten().flatten();
        encoded
            .filter_map(|data| base64::prelude::BASE64_STANDARD.decode(data).ok())
            .filter_map(|bytes| String::from_utf8(bytes).ok())
            .collect()
    }

    /// Checks the names and types of a message's fields against a schema of the API at this host.
    /// Required fields are not checked: a description requires some of them only on the top level.
    pub fn check_message(&self, host: &str, name: &str, message: &Value) -> Result<(), String> {
        let mut versions = facts::apis().iter().filter(|api| api.host == host);
        let version = versions.find(|api| !api.schema(name).is_null());
        let api = version.ok_or_else(|| format!("{host} has no schema {name}"))?;
        schema::check(api, name, message, schema::Direction::Answer)
    }

    /// Removes all pending faults.
    pub fn clear_faults(&self) {
        self.cloud.state().faults.clear();
    }

    /// Returns the methods called so far, including calls that have no response yet.
    pub fn started_calls(&self) -> Vec<String> {
        self.cloud.state().began.clone()
    }

    /// Sets the records of a name in DNS, of one type such as `CNAME`.
    pub fn set_dns(&self, name: &str, kind: &str, data: &[&str]) {
        let data = data.iter().map(|data| (*data).to_owned()).collect();
        let key = (name.to_owned(), kind.to_owned());
        self.cloud.state().dns.insert(key, data);
    }

    /// From now on, the callers are verified owners of no domain, or again of `example.com`.
    pub fn set_owns_no_domain(&self, owns_none: bool) {
        self.cloud.state().owns_no_domain = owns_none;
    }

    /// Changes a resource directly, without an API call.
    pub fn edit(&self, name: &str, change: impl FnOnce(&mut Value)) {
        if let Some(resource) = self.cloud.state().resources.get_mut(name) {
            change(resource);
        }
    }

    /// Changes the settings of a service as another account does with another tool, without an API
    /// call.
    pub fn change_elsewhere(
        &self,
        service: &str,
        account: &str,
        client: &str,
        change: impl FnOnce(&mut Value),
    ) {
        run::change_elsewhere(&self.cloud, service, account, client, change);
    }

    /// Sets the IAM policy of a resource directly, without an API call.
    pub fn set_policy(&self, name: &str, policy: Value) {
        self.cloud.state().policies.insert(name.to_owned(), policy);
    }

    /// Creates a resource directly, without an API call.
    pub fn put(&self, name: &str, resource: Value) {
        self.cloud
            .state()
            .resources
            .insert(name.to_owned(), resource);
    }

    /// Writes an object directly, without an API call.
    pub fn put_object(&self, bucket: &str, name: &str) {
        let mut state = self.cloud.state();
        let object = super::state::Object {
            content_type: "application/json".to_owned(),
            generation: state.next(),
            written: super::state::timestamp(),
            ..super::state::Object::default()
        };
        state
            .objects
            .insert((bucket.to_owned(), name.to_owned()), object);
    }

    /// Removes a resource directly, without an API call: also its policy and, for a secret, its
    /// versions.
    pub fn remove(&self, name: &str) {
        let mut state = self.cloud.state();
        state.resources.remove(name);
        state.policies.remove(name);
        state.payloads.remove(name);
    }

    /// Returns the tags of an image and their digests, by the package's full name.
    pub fn tags(&self, package: &str) -> Vec<(String, String)> {
        self.cloud.registry.tags(package)
    }

    /// Removes a tag of an image.
    pub fn untag(&self, package: &str, tag: &str) {
        self.cloud.registry.untag(package, tag);
    }

    /// Returns the content of the registry at this path, such as `my-project/mcpo/tiny/blobs/…`.
    pub fn from_registry(&self, path: &str) -> Vec<u8> {
        let runtime = self.runtime.as_ref().expect("the runtime is running");
        let found = runtime.block_on(self.cloud.registry.get(path));
        found.unwrap_or_else(|problem| panic!("{path}: {problem}"))
    }

    /// Pushes an image that mcpo did not create under this path and tag.
    pub fn push_image(&self, path: &str, tag: &str) {
        let runtime = self.runtime.as_ref().expect("the runtime is running");
        let pushed = runtime.block_on(builds::push_something(&self.cloud, path, tag));
        pushed.expect("an image can be pushed");
    }

    /// Returns all IAM policies.
    pub fn policies(&self) -> Vec<(String, Value)> {
        let state = self.cloud.state();
        let policies = state.policies.iter();
        policies
            .map(|(name, policy)| (name.clone(), policy.clone()))
            .collect()
    }

    /// Returns every file of every image that was run, and every blob that was pushed.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![
            self.folder.path().join("containers"),
            self.folder.path().join("blobs"),
        ];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                // The file next to the image contains the container's environment, which includes
                // secrets.
                if path.ends_with("config.json") || path.is_symlink() {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let bytes = std::fs::read(&path).unwrap_or_default();
                    found.push((path.display().to_string(), bytes));
                }
            }
        }
        found
    }

    /// Sends a GET request to a public address and returns the response.
    pub fn fetch(&self, host: &str, path: &str) -> (u16, String) {
        let request = http::Request {
            method: hyper::Method::GET,
            path: path.to_owned(),
            query: std::collections::BTreeMap::new(),
            raw_query: String::new(),
            headers: hyper::HeaderMap::from_iter([(
                hyper::header::HOST,
                host.parse().expect("a host name"),
            )]),
            body: hyper::body::Bytes::new(),
        };
        let runtime = self.runtime.as_ref().expect("the runtime is running");
        match runtime.block_on(run::serve_public(&self.cloud, host, request)) {
            Ok(reply) => (
                reply.status.as_u16(),
                String::from_utf8_lossy(&reply.body).into_owned(),
            ),
            Err(problem) => (0, problem.to_owned()),
        }
    }

    /// Returns a browser that reaches the public addresses of services.
    pub fn browser(&self) -> Client {
        let authority = std::fs::read(self.authority()).expect("a certificate");
        let authority = Certificate::from_pem(&authority).expect("a certificate");
        let proxy = Proxy::https(format!("http://{}", self.address())).expect("a proxy");
        let builder = crate::client::http().tls_certs_only([authority]);
        crate::client::browser_with(builder.proxy(proxy))
    }

    /// Returns an access token for this account.
    pub fn token(&self, email: &str) -> String {
        self.cloud.mint(email)
    }
}
