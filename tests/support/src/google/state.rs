//! What the stand-in remembers.

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

/// Everything that changes.
#[derive(Default)]
pub struct State {
    /// Faults to come: the method, what goes wrong, how often.
    pub faults: Vec<(String, Fault, u32)>,
    /// The ids of the methods that were called, in order, with the HTTP status of the answer.
    pub calls: Vec<(String, u16)>,
    /// The same, as soon as they were heard of.
    pub began: Vec<String>,
    /// Requests to the registry: verb and path.
    pub registry_calls: Vec<(String, String)>,
    /// What was wrong with requests or with our own answers.
    pub violations: Vec<String>,
    /// APIs that are enabled.
    pub enabled: BTreeSet<String>,
    /// How many calls to a newly enabled API still fail.
    pub propagation: BTreeMap<String, u32>,
    /// Repositories, accounts, secrets, services, revisions and buckets by full name.
    pub resources: BTreeMap<String, Value>,
    /// Access policies by the name of what they are about.
    pub policies: BTreeMap<String, Value>,
    /// Payloads of secrets by secret: the first is version 1; `None` was destroyed.
    pub payloads: BTreeMap<String, Vec<Option<String>>>,
    /// Objects by bucket and name.
    pub objects: BTreeMap<(String, String), Object>,
    /// Uploads that are under way.
    pub uploads: BTreeMap<String, Upload>,
    /// Operations by name, and how many looks they still need.
    pub operations: BTreeMap<String, (Value, u32)>,
    /// Whose identity token it is, and for whom.
    pub identities: BTreeMap<String, (String, String)>,
    /// Who holds an access token, and until when.
    pub tokens: BTreeMap<String, (String, SystemTime)>,
    /// Log entries.
    pub entries: Vec<Value>,
    /// What runs, by revision.
    pub containers: BTreeMap<String, Container>,
    counter: u64,
}

/// An object in a bucket.
#[derive(Clone, Debug)]
pub struct Object {
    /// What is in it.
    pub data: Vec<u8>,
    /// Its content type.
    pub content_type: String,
    /// Which writing of that name it is.
    pub generation: u64,
    /// When it was written.
    pub written: String,
    /// What it says itself about when it was or ends.
    pub custom_time: Option<String>,
}

/// A resumable upload.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Where it goes.
    pub bucket: String,
    /// What it will be called.
    pub name: String,
    /// What came so far.
    pub data: Vec<u8>,
    /// Its content type.
    pub content_type: String,
    /// The generation that has to be there when it is done.
    pub if_generation: Option<u64>,
    /// What the object is to say of itself.
    pub custom_time: Option<String>,
}

impl State {
    /// A number that was never given out before.
    pub fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// The fault that is to happen now, if any.
    pub fn take_fault(&mut self, method: &str, wanted: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let index = self
            .faults
            .iter()
            .position(|(name, fault, left)| name == method && *left > 0 && wanted(fault))?;
        let (_, fault, left) = self.faults.get_mut(index)?;
        *left -= 1;
        Some(fault.clone())
    }

    /// The resource of that name.
    pub fn get(&self, name: &str) -> Result<Value, ApiError> {
        self.resources
            .get(name)
            .cloned()
            .ok_or_else(|| ApiError::not_found(name))
    }

    /// Puts a new resource there.
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

    /// The policy of a resource.
    pub fn policy(&self, name: &str) -> Value {
        let none = || json!({ "version": 1, "etag": "ACAB" });
        self.policies.get(name).cloned().unwrap_or_else(none)
    }

    /// The policy as it is shown to who asked for this version: before the third, conditions are
    /// left out and their bindings marked.
    /// <https://cloud.google.com/iam/docs/policies#versions>
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

    /// Replaces the policy of a resource, if nobody else did so meanwhile.
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
            let message = "A policy with conditions has to be written in version 3.";
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

    /// Whether an account of this project exists.
    pub fn account_exists(&self, email: &str) -> bool {
        self.resources
            .iter()
            .any(|(name, _)| name.contains("/serviceAccounts/") && name.ends_with(email))
    }

    /// Whether `member` has one of `roles` on the resource.
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

    /// Starts an operation that is done when `response` is there.
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

/// The time as Google writes it.
pub fn timestamp() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    format_time(since.unwrap_or(Duration::ZERO))
}

/// Seconds since 1970 as RFC 3339.
fn format_time(since: Duration) -> String {
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
