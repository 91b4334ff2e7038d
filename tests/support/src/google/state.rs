//! The state of the stand-in.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};

use super::{
    container::Container,
    error::ApiError,
    fault::Fault,
    limits::{self, Kind, Subject},
};

/// All mutable state.
#[derive(Default)]
pub struct State {
    /// Pending faults: the method, the fault, and the remaining count.
    pub faults: Vec<(String, Fault, u32)>,
    /// The ids of the called methods in order, with the HTTP status of each response.
    pub calls: Vec<(String, u16)>,
    /// The ids of the called methods in order, recorded when the request arrives.
    pub began: Vec<String>,
    /// Requests to the registry: HTTP method and path.
    pub registry_calls: Vec<(String, String)>,
    /// Violations in requests and in responses of the stand-in.
    pub violations: Vec<String>,
    /// The enabled APIs.
    pub enabled: BTreeSet<String>,
    /// The number of calls to a newly enabled API that will still fail.
    pub propagation: BTreeMap<String, u32>,
    /// Repositories, accounts, secrets, services, revisions and buckets by full name.
    pub resources: BTreeMap<String, Value>,
    /// IAM policies by resource name.
    pub policies: BTreeMap<String, Value>,
    /// Payloads by secret, in the order of the versions, beginning with version 1; `None` is a
    /// destroyed version.
    pub payloads: BTreeMap<String, Vec<Option<String>>>,
    /// Objects by bucket and name.
    pub objects: BTreeMap<(String, String), Object>,
    /// Resumable uploads in progress.
    pub uploads: BTreeMap<String, Upload>,
    /// Operations by name, and the number of polls until they are done.
    pub operations: BTreeMap<String, (Value, u32)>,
    /// Identity tokens: the account and the audience.
    pub identities: BTreeMap<String, (String, String)>,
    /// Access tokens: the account and the expiry.
    pub tokens: BTreeMap<String, (String, SystemTime)>,
    /// The records in DNS, by name and type.
    pub dns: BTreeMap<(String, String), Vec<String>>,
    /// Whether the callers are verified owners of no domain.
    pub owns_no_domain: bool,
    /// How often a mapping was read after its records were in DNS, by domain.
    pub looks_at_domains: BTreeMap<String, u32>,
    /// Log entries.
    pub entries: Vec<Value>,
    /// The number of requests to the untagged addresses of services, by revision.
    pub served: BTreeMap<String, u64>,
    /// Running containers by revision.
    pub containers: BTreeMap<String, Container>,
    /// The private keys of key versions in PEM, by name.
    pub keys: BTreeMap<String, String>,
    /// Whether the policies of Binary Authorization allow no image.
    pub denies_images: bool,
    counter: u64,
}

/// An object in a bucket.
#[derive(Clone, Debug, Default)]
pub struct Object {
    /// The content.
    pub data: Vec<u8>,
    /// The content type.
    pub content_type: String,
    /// The generation, which changes with every write.
    pub generation: u64,
    /// The time of the write.
    pub written: String,
    /// The custom time, which the ledger sets to the expiry.
    pub custom_time: Option<String>,
}

/// A resumable upload.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The bucket to upload to.
    pub bucket: String,
    /// The object's name.
    pub name: String,
    /// The data received so far.
    pub data: Vec<u8>,
    /// The content type.
    pub content_type: String,
    /// The generation that the object must have when the upload finishes.
    pub if_generation: Option<u64>,
    /// The object's custom time.
    pub custom_time: Option<String>,
}

impl State {
    /// Returns a number that was not returned before.
    pub fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// Returns the next matching fault for this method, if any, and decrements its count.
    pub fn take_fault(&mut self, method: &str, wanted: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let index = self
            .faults
            .iter()
            .position(|(name, fault, left)| name == method && *left > 0 && wanted(fault))?;
        let (_, fault, left) = self.faults.get_mut(index)?;
        *left -= 1;
        Some(fault.clone())
    }

    /// Returns the resource with this name.
    pub fn get(&self, name: &str) -> Result<Value, ApiError> {
        self.resources
            .get(name)
            .cloned()
            .ok_or_else(|| ApiError::not_found(name))
    }

    /// Inserts a new resource.
    pub fn create(&mut self, name: &str, value: Value) -> Result<Value, ApiError> {
        if self.resources.contains_key(name) {
            return Err(ApiError::exists(name));
        }
        self.resources.insert(name.to_owned(), value.clone());
        Ok(value)
    }

    /// Removes a resource and its policy.
    pub fn delete(&mut self, name: &str) -> Result<Value, ApiError> {
        self.policies.remove(name);
        self.resources
            .remove(name)
            .ok_or_else(|| ApiError::not_found(name))
    }

    /// Returns the policy of a resource.
    pub fn policy(&self, name: &str) -> Value {
        let none = || json!({ "version": 1, "etag": "ACAB" });
        self.policies.get(name).cloned().unwrap_or_else(none)
    }

    /// Returns the policy in the requested version. In versions before 3, conditions are omitted
    /// and their bindings are marked. <https://cloud.google.com/iam/docs/policies#versions>
    pub fn policy_for(&self, name: &str, version: Option<&str>) -> Value {
        let mut policy = self.policy(name);
        if version == Some("3") {
            return policy;
        }
        policy["version"] = 1.into();
        for binding in policy["bindings"].as_array_mut().into_iter().flatten() {
            let Some(fields) = binding.as_object_mut() else {
                continue;
            };
            if fields.remove("condition").is_some() {
                let role = fields["role"].as_str().unwrap_or_default();
                fields["role"] = format!("{role}_withcond_0123456789abcdef").into();
            }
        }
        policy
    }

    /// Replaces the policy of a resource if its etag matches.
    pub fn set_policy(&mut self, name: &str, mut policy: Value) -> Result<Value, ApiError> {
        if let Some(etag) = policy["etag"].as_str()
            && etag != self.policy(name)["etag"]
        {
            return Err(ApiError::aborted(name));
        }
        let is_conditional = |policy: &Value| {
            let bindings = policy["bindings"].as_array();
            bindings
                .into_iter()
                .flatten()
                .any(|binding| !binding["condition"].is_null())
        };
        if (is_conditional(&policy) || is_conditional(&self.policy(name))) && policy["version"] != 3
        {
            let message = "A policy with conditions must have version 3.";
            return Err(ApiError::new(400, message));
        }
        let subject = Subject {
            id: name,
            location: "",
            body: &policy,
        };
        limits::check(Kind::Policy, &subject)?;
        for member in members(&policy) {
            if let Some(email) = member.strip_prefix("serviceAccount:")
                && email.ends_with(".iam.gserviceaccount.com")
                && !self.account_exists(email)
            {
                let message = format!("Service account {email} does not exist.");
                return Err(ApiError::new(400, message));
            }
        }
        policy["etag"] = format!("BwX{:05}", self.next() % 100_000).into();
        self.policies.insert(name.to_owned(), policy.clone());
        Ok(policy)
    }

    /// Returns true if the project has this service account.
    pub fn account_exists(&self, email: &str) -> bool {
        self.resources
            .iter()
            .any(|(name, _)| name.contains("/serviceAccounts/") && name.ends_with(email))
    }

    /// Returns true if `member` has one of `roles` on the resource.
    pub fn may(&self, name: &str, member: &str, roles: &[&str]) -> bool {
        let policy = self.policy(name);
        let bindings = policy["bindings"].as_array();
        bindings.into_iter().flatten().any(|binding| {
            roles.iter().any(|role| binding["role"] == *role)
                && binding["members"]
                    .as_array()
                    .is_some_and(|members| members.iter().any(|one| one == member))
        })
    }

    /// Stores an operation that is done at the first poll, and returns it.
    pub fn operation(&mut self, parent: &str, value: Value) -> Value {
        let name = format!("{parent}/operations/op-{}", self.next());
        let mut operation = value;
        operation["name"] = name.clone().into();
        self.operations.insert(name, (operation.clone(), 0));
        operation
    }
}

fn members(policy: &Value) -> Vec<String> {
    let bindings = policy["bindings"].as_array();
    bindings
        .into_iter()
        .flatten()
        .flat_map(|binding| binding["members"].as_array().into_iter().flatten())
        .filter_map(|member| member.as_str().map(str::to_owned))
        .collect()
}

/// Returns the current time in Google's format.
pub fn timestamp() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    format_time(since.unwrap_or(Duration::ZERO))
}

/// Formats seconds since 1970 as in RFC 3339.
pub fn format_time(since: Duration) -> String {
    let (days, rest) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Howard Hinnant's `civil_from_days`.
    let z = days + 719_468;
    let era = z / 146_097;
    let day_of_era = z % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:06}Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60,
        since.subsec_micros()
    )
}
