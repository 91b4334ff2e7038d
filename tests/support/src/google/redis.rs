//! Memorystore for Redis: instances without a server.

use serde_json::{Value, json};

use super::{
    Cloud,
    call::{Call, unsupported_method},
    error::{Answer, ApiError},
    fault::Fault,
    limits::{self, Kind, Subject},
    state::{State, timestamp},
};

/// Handles calls to `redis`.
pub fn answer(cloud: &Cloud, call: &Call) -> Answer {
    let method = call
        .found
        .method
        .id
        .strip_prefix("redis.projects.locations.");
    match method.unwrap_or_default() {
        "operations.get" => cloud.operation_status(&call.path("name")),
        "instances.get" => get(&mut cloud.state(), &call.path("name")),
        "instances.getAuthString" => {
            let instance = cloud.state().get(&call.path("name"))?;
            let password = &instance["password"];
            Ok(json!({ "authString": password }))
        }
        "instances.create" => create(&mut cloud.state(), call),
        "instances.delete" => {
            let name = call.path("name");
            let parent = name.split("/instances/").next().unwrap_or_default();
            let mut state = cloud.state();
            state.delete(&name)?;
            let empty = json!({ "@type": "type.googleapis.com/google.protobuf.Empty" });
            Ok(state.operation(parent, json!({ "done": true, "response": empty })))
        }
        _ => Err(unsupported_method(call)),
    }
}

/// Returns the instance, which needs some polls until it is ready.
fn get(state: &mut State, name: &str) -> Answer {
    let instance = state.get(name)?;
    let mut shown = shown(&instance);
    if let Some((_, looks)) = state.operations.get_mut(name)
        && *looks > 0
    {
        *looks -= 1;
        shown["state"] = "CREATING".into();
    }
    Ok(shown)
}

/// Returns the instance without its password, which only `getAuthString` returns.
fn shown(instance: &Value) -> Value {
    let mut shown = instance.clone();
    if let Some(fields) = shown.as_object_mut() {
        fields.remove("password");
    }
    shown
}

fn create(state: &mut State, call: &Call) -> Answer {
    let id = call
        .query("instanceId")
        .ok_or_else(|| ApiError::new(400, "no instanceId"))?;
    let parent = call.path("parent");
    let subject = Subject {
        id,
        location: parent.rsplit('/').next().unwrap_or_default(),
        body: &call.body,
    };
    limits::check(Kind::Instance, &subject)?;
    let name = format!("{parent}/instances/{id}");
    let mut instance = call.body.clone();
    instance["name"] = name.clone().into();
    instance["createTime"] = timestamp().into();
    instance["state"] = "READY".into();
    instance["host"] = "10.0.0.3".into();
    instance["port"] = 6379.into();
    instance["password"] = format!("password-{}", state.next()).into();
    let is_slow = |fault: &Fault| matches!(fault, Fault::Slow(_));
    let looks = match state.take_fault(&call.found.method.id, is_slow) {
        Some(Fault::Slow(looks)) => looks,
        _ => 0,
    };
    state.create(&name, instance.clone())?;
    // Counts the reads until the instance is ready.
    state.operations.insert(name.clone(), (Value::Null, looks));
    let mut response = shown(&instance);
    response["@type"] = "type.googleapis.com/google.cloud.redis.v1.Instance".into();
    let done = state.operation(&parent, json!({ "done": true, "response": response }));
    let key = done["name"].as_str().unwrap_or_default().to_owned();
    if looks == 0 {
        return Ok(done);
    }
    state.operations.insert(key.clone(), (done, looks));
    Ok(json!({ "name": key }))
}
