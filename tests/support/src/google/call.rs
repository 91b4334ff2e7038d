//! One API call: maps a request to its method, validates it, and validates the response.

use std::collections::BTreeMap;

use hyper::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::{
    Cloud, accounts, artifacts, builds,
    error::{Answer, ApiError},
    facts::{self, Found},
    fault::Fault,
    http::{Reply, Request, Served},
    kms, logging, monitoring, projects, proto_json, redis, run, schema,
    schema::Direction,
    secrets, storage,
};

/// A well-formed call.
pub struct Call {
    /// The method and its path parameters.
    pub found: Found,
    /// The decoded query.
    pub query: BTreeMap<String, Vec<String>>,
    /// The JSON body.
    pub body: Value,
    /// The account that calls.
    pub caller: String,
}

impl Call {
    /// Returns a path parameter.
    pub fn path(&self, name: &str) -> String {
        self.found.path.get(name).cloned().unwrap_or_default()
    }

    /// Returns a query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name)?.first().map(String::as_str)
    }
}

/// Answers a request to one of the APIs.
pub async fn serve(cloud: &Cloud, host: &str, request: Request) -> Served {
    let refused = |error: &ApiError| {
        Ok(Reply::json(
            error.code,
            &error.body(host),
            error.retry_after,
        ))
    };
    let path = request.path.trim_start_matches('/');
    let found = facts::find(host, request.method.as_str(), path);
    let Some(found) = found else {
        cloud.violation(format!(
            "no such method: {} https://{host}{}",
            request.method, request.path
        ));
        return refused(&ApiError::new(
            404,
            "The requested URL was not found on this server.",
        ));
    };
    let mut id = found.method.id.clone();
    // A validate-only call is counted under a separate name, and faults for it are too.
    if request
        .query
        .get("validateOnly")
        .is_some_and(|value| value == &["true"])
    {
        id.push_str(":validateOnly");
    }
    cloud.state().began.push(id.clone());
    let served = match cloud.fault_before(&id, &request).await {
        Some(Err(cut)) => Err(cut),
        Some(Ok(error)) => refused(&error),
        None => match prepare(cloud, found, &request) {
            Err(error) => refused(&error),
            Ok(call) => match storage::serve(cloud, &call, &request) {
                Some(served) => served,
                None => answer(cloud, &call).await,
            },
        },
    };
    let status = served.as_ref().map_or(0, |reply| reply.status.as_u16());
    cloud.state().calls.push((id.clone(), status));
    if cloud
        .state()
        .take_fault(&id, |fault| *fault == Fault::LostResponse)
        .is_some()
    {
        return Err("the response is lost");
    }
    served
}

/// Makes the checks that precede every method: authentication, enabled API, query and body.
fn prepare(cloud: &Cloud, found: Found, request: &Request) -> Result<Call, ApiError> {
    let caller = cloud.caller(request)?;
    cloud.check_enabled(found.api.host, &caller)?;
    let invalid = |problem: String| {
        cloud.violation(format!("{}: {problem}", found.method.id));
        ApiError::new(400, problem)
    };
    schema::check_query(&found, &request.query).map_err(invalid)?;
    let mut body = if request.body.is_empty() || found.is_upload {
        Value::Null
    } else {
        serde_json::from_slice(&request.body)
            .map_err(|error| invalid(format!("Invalid JSON payload received. {error}")))?
    };
    match (&found.method.request, &body) {
        (_, _) if found.is_upload => {}
        (Some(name), body) => {
            let empty = json!({});
            let body = if body.is_null() { &empty } else { body };
            let direction = if request.method == hyper::Method::PATCH {
                Direction::Change
            } else {
                Direction::Request
            };
            schema::check(found.api, name, body, direction).map_err(invalid)?;
        }
        (None, Value::Null) => {}
        (None, _) => return Err(invalid("this method takes no body".into())),
    }
    if let Some(name) = &found.method.request {
        proto_json::with_enum_names(found.api, name, &mut body);
    }
    Ok(Call {
        query: request.query.clone(),
        found,
        body,
        caller,
    })
}

async fn answer(cloud: &Cloud, call: &Call) -> Served {
    let host = call.found.api.host;
    let mut answered = dispatch(cloud, call).await;
    if let (Ok(value), Some(name)) = (&mut answered, &call.found.method.response)
        && !host.starts_with("storage.")
    {
        *value = proto_json::without_defaults(call.found.api, name, value);
    }
    if let (Ok(value), Some(name)) = (&answered, &call.found.method.response)
        && let Err(problem) = schema::check(call.found.api, name, value, Direction::Answer)
    {
        cloud.violation(format!(
            "invalid response of the stand-in to {}: {problem}",
            call.found.method.id
        ));
    }
    Ok(match answered {
        Ok(Value::Null) => Reply::empty(StatusCode::NO_CONTENT),
        Ok(value) => Reply::json(200, &value, None),
        Err(error) => Reply::json(error.code, &error.body(host), error.retry_after),
    })
}

async fn dispatch(cloud: &Cloud, call: &Call) -> Answer {
    let id = call.found.method.id.as_str();
    match id.split('.').next().unwrap_or_default() {
        "artifactregistry" => artifacts::answer(cloud, call),
        "cloudkms" => kms::answer(cloud, call),
        "cloudbuild" => builds::answer(cloud, call),
        "cloudresourcemanager" | "serviceusage" => projects::answer(cloud, call),
        "iam" | "iamcredentials" => accounts::answer(cloud, call),
        "logging" => logging::answer(cloud, call),
        "billingbudgets" | "cloudbilling" | "monitoring" => monitoring::answer(cloud, call),
        "redis" => redis::answer(cloud, call),
        "run" => run::answer(cloud, call).await,
        "secretmanager" => secrets::answer(cloud, call),
        "storage" => storage::answer(cloud, call),
        _ => Err(unsupported_method(call)),
    }
}

/// Returns the error for a method that the stand-in does not implement.
pub fn unsupported_method(call: &Call) -> ApiError {
    ApiError::new(
        501,
        format!("the stand-in does not implement {}", call.found.method.id),
    )
}

impl Cloud {
    /// Returns the fault that fails a call before it is handled.
    async fn fault_before(
        &self,
        id: &str,
        request: &Request,
    ) -> Option<Result<ApiError, &'static str>> {
        let is_early = |fault: &Fault| {
            matches!(
                fault,
                Fault::Denied(_)
                    | Fault::Quota(_)
                    | Fault::Recorded(..)
                    | Fault::Status(_)
                    | Fault::Disconnect
                    | Fault::TokensExpire
                    | Fault::ConcurrentChange
                    | Fault::Hangs(_)
                    | Fault::Barrier(_)
            )
        };
        let fault = self.state().take_fault(id, is_early)?;
        match fault {
            Fault::Denied(permission) => Some(Ok(ApiError::denied(permission))),
            Fault::Quota(after) => Some(Ok(ApiError::quota(after))),
            Fault::Status(code) => Some(Ok(ApiError::new(
                code,
                "The service is currently unavailable.",
            ))),
            Fault::Recorded(code, body) => {
                let body = serde_json::from_str(&body).expect("a recorded response is JSON");
                Some(Ok(ApiError::recorded(code, &body)))
            }
            Fault::Disconnect => Some(Err("the connection is cut")),
            Fault::Hangs(seconds) => {
                tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
                None
            }
            Fault::Barrier(count) => {
                for _ in 0..1200 {
                    let began = self.state().began.iter().filter(|name| *name == id).count();
                    if began >= count {
                        return None;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
                Some(Err("no other caller arrived"))
            }
            Fault::TokensExpire => {
                self.state().tokens.clear();
                None
            }
            Fault::ConcurrentChange => {
                run::change_as_another_user(self, &request.path);
                None
            }
            _ => None,
        }
    }

    /// Returns the account of the request's token.
    fn caller(&self, request: &Request) -> Result<String, ApiError> {
        let unauthenticated = || {
            ApiError::new(
                401,
                "Request had invalid authentication credentials. Expected OAuth 2 access token.",
            )
        };
        let header = request.headers.get(header::AUTHORIZATION);
        let token = header
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        match token {
            Some(token) => self.holder(token).ok_or_else(unauthenticated),
            // Google's own Python client also sends requests with anonymous credentials.
            None if request.headers.get("x-goog-api-client").is_some() => {
                Ok("anonymous".to_owned())
            }
            None if request.method == Method::PUT && request.query.contains_key("upload_id") => {
                Ok("anonymous".to_owned())
            }
            None => Err(unauthenticated()),
        }
    }

    /// Refuses calls to disabled APIs, and for some calls after an API was enabled.
    fn check_enabled(&self, host: &str, caller: &str) -> Result<(), ApiError> {
        let mut state = self.state();
        let disabled = || ApiError::disabled(host, self.number);
        if caller == "anonymous" || host == "serviceusage.googleapis.com" {
            return Ok(());
        }
        if !state.enabled.contains(host) {
            return Err(disabled());
        }
        match state.propagation.get_mut(host) {
            Some(left) if *left > 0 => {
                *left -= 1;
                Err(disabled())
            }
            _ => Ok(()),
        }
    }
}
