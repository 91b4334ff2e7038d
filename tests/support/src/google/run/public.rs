//! The public addresses of services.

use hyper::{StatusCode, header};
use serde_json::Value;

use super::{
    super::{
        Cloud,
        fault::Fault,
        http::{Reply, Request, Served},
        tokens::DEPLOYER,
    },
    domains::service_of,
};

/// Returns the deterministic host name: `SERVICE-NUMBER.REGION.run.app`.
pub fn host(cloud: &Cloud, service: &str) -> String {
    let mut parts = service.split('/');
    let region = parts.nth(3).unwrap_or_default();
    let id = parts.nth(1).unwrap_or_default();
    format!("{id}-{}.{region}.run.app", cloud.number)
}

/// Returns the older form of a service's host name, which Cloud Run assigns as well.
pub fn hash_host(service: &str) -> String {
    let id = service.rsplit('/').next().unwrap_or_default();
    format!("{id}-abcdefghij-ew.a.run.app")
}

/// Answers a request to a service's public address.
pub async fn serve(cloud: &Cloud, host_name: &str, request: Request) -> Served {
    let (tag, host_name) = match host_name.split_once("---") {
        Some((tag, rest)) => (Some(tag), rest),
        None => (None, host_name),
    };
    let Some(service) = find(cloud, host_name) else {
        return Ok(Reply::text(StatusCode::NOT_FOUND, "Error: Page not found"));
    };
    let name = service["name"].as_str().unwrap_or_default();
    let is_public = service["invokerIamDisabled"] == true
        || cloud.state().may(name, "allUsers", &["roles/run.invoker"]);
    let mut request = request;
    if !is_public && let Err(status) = authenticate_caller(cloud, &service, &mut request) {
        return Ok(Reply::text(status, "Error: Forbidden"));
    }
    let Some(revision) = choose(cloud, &service, tag) else {
        return Ok(Reply::text(
            StatusCode::NOT_FOUND,
            "Error: no revision has traffic",
        ));
    };
    if tag.is_none() {
        let mut state = cloud.state();
        *state.served.entry(revision.clone()).or_default() += 1;
    }
    let port = cloud
        .state()
        .containers
        .get(&format!("{name}/revisions/{revision}"))
        .map(|it| it.port);
    match port {
        Some(port) => forward(cloud, port, request).await,
        None => Ok(Reply::text(
            StatusCode::SERVICE_UNAVAILABLE,
            "Service Unavailable",
        )),
    }
}

/// Authenticates a request like Google's front end: requires an identity token for this service, of
/// an account that may call it. The token's separate header is removed before the request is
/// forwarded. <https://cloud.google.com/run/docs/authenticating/service-to-service>
fn authenticate_caller(
    cloud: &Cloud,
    service: &Value,
    request: &mut Request,
) -> Result<(), StatusCode> {
    let own = request.headers.remove("x-serverless-authorization");
    let shown = own.or_else(|| request.headers.get(header::AUTHORIZATION).cloned());
    let token = shown.as_ref().and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.strip_prefix("Bearer "));
    let token = token.ok_or(StatusCode::FORBIDDEN)?;
    let mut state = cloud.state();
    let known = state.identities.get(token).cloned();
    let (email, audience) = known.ok_or(StatusCode::UNAUTHORIZED)?;
    let urls = service["urls"].as_array();
    if !urls.is_some_and(|urls| urls.iter().any(|url| *url == audience)) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let denied = state.take_fault("run.routes.invoke", |fault| {
        matches!(fault, Fault::Denied(_))
    });
    let name = service["name"].as_str().unwrap_or_default();
    let member = format!("serviceAccount:{email}");
    let may = email == DEPLOYER || state.may(name, &member, &["roles/run.invoker"]);
    if denied.is_some() || !may {
        return Err(StatusCode::FORBIDDEN);
    }
    Ok(())
}

fn find(cloud: &Cloud, host_name: &str) -> Option<Value> {
    let state = cloud.state();
    if let Some(mapped) = service_of(&state, host_name) {
        return state.resources.get(&mapped).cloned();
    }
    let services = state
        .resources
        .iter()
        .filter(|(name, _)| name.contains("/services/") && !name.contains("/revisions/"));
    services
        .filter(|(name, _)| host(cloud, name) == host_name || hash_host(name) == host_name)
        .map(|(_, service)| service.clone())
        .next()
}

/// Returns the revision for this request, in proportion to the traffic.
fn choose(cloud: &Cloud, service: &Value, tag: Option<&str>) -> Option<String> {
    let statuses = service["trafficStatuses"].as_array()?;
    let latest = service["latestReadyRevision"].as_str();
    let latest = latest.and_then(|name| name.rsplit('/').next());
    let revision = |status: &Value| status["revision"].as_str().or(latest).map(str::to_owned);
    if let Some(tag) = tag {
        return statuses
            .iter()
            .find(|status| status["tag"] == tag)
            .and_then(revision);
    }
    let mut lot = i64::try_from(cloud.state().next() % 100).unwrap_or(0);
    for status in statuses {
        lot -= status["percent"].as_i64().unwrap_or(0);
        if lot < 0 {
            return revision(status);
        }
    }
    None
}

async fn forward(cloud: &Cloud, port: u16, request: Request) -> Served {
    let mut url = format!("http://127.0.0.1:{port}{}", request.path);
    if !request.raw_query.is_empty() {
        url = format!("{url}?{}", request.raw_query);
    }
    let mut headers = request.headers;
    for name in [
        header::CONTENT_LENGTH,
        header::CONNECTION,
        header::TRANSFER_ENCODING,
    ] {
        headers.remove(name);
    }
    headers.insert(
        "x-forwarded-proto",
        "https".parse().expect("a header value"),
    );
    let sent = cloud
        .client
        .request(request.method, url)
        .headers(headers)
        .body(request.body)
        .send()
        .await;
    let Ok(sent) = sent else {
        return Ok(Reply::text(
            StatusCode::SERVICE_UNAVAILABLE,
            "Service Unavailable",
        ));
    };
    let mut reply = Reply::empty(sent.status());
    reply.headers = sent.headers().clone();
    for name in [
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
    ] {
        reply.headers.remove(name);
    }
    reply.body = sent
        .bytes()
        .await
        .map_err(|_| "the container has stopped")?;
    Ok(reply)
}
