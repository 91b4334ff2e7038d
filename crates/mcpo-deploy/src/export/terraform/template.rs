//! The template of the service: its container and variables.

use hcl::Block;
use mcpo_common::error::Outcome;

use super::{ACCOUNT, MAIN, SECRET, literal, object, reference};
use crate::{
    export::Description,
    google::api::run::{Container, EnvVar},
    settings::SecretSource,
};

/// Returns the block with the settings of the revision.
pub fn template(described: &Description<'_>) -> Outcome<Block> {
    let template = described.service.template.clone().unwrap_or_default();
    let account = match &described.context.settings.service_account {
        Some(email) => literal(email),
        None => reference(&[ACCOUNT, MAIN, "email"])?,
    };
    let mut block = Block::builder("template")
        .add_attribute(("service_account", account))
        .add_attribute(("timeout", literal(&template.timeout)))
        .add_attribute((
            "execution_environment",
            literal(&template.execution_environment),
        ));
    if let Some(concurrency) = template.max_instance_request_concurrency {
        block = block.add_attribute(("max_instance_request_concurrency", concurrency));
    }
    if let Some(affinity) = template.session_affinity {
        block = block.add_attribute(("session_affinity", affinity));
    }
    let mut scaling = Block::builder("scaling");
    let counts = template.scaling.unwrap_or_default();
    if let Some(count) = counts.min_instance_count {
        scaling = scaling.add_attribute(("min_instance_count", count));
    }
    if let Some(count) = counts.max_instance_count {
        scaling = scaling.add_attribute(("max_instance_count", count));
    }
    let container = container(described, &described.container())?;
    Ok(block
        .add_block(scaling.build())
        .add_block(container)
        .build())
}

fn container(described: &Description<'_>, container: &Container) -> Outcome<Block> {
    let mut block =
        Block::builder("containers").add_attribute(("image", literal(&container.image)));
    for port in &container.ports {
        let port = Block::builder("ports")
            .add_attribute(("name", literal(&port.name)))
            .add_attribute(("container_port", port.number));
        block = block.add_block(port.build());
    }
    let resources = container.resources.clone().unwrap_or_default();
    let mut limits =
        Block::builder("resources").add_attribute(("limits", object(&resources.limits)));
    if let Some(is_idle) = resources.cpu_idle {
        limits = limits.add_attribute(("cpu_idle", is_idle));
    }
    if let Some(boost) = resources.startup_cpu_boost {
        limits = limits.add_attribute(("startup_cpu_boost", boost));
    }
    block = block.add_block(limits.build());
    if let Some(probe) = &container.startup_probe {
        let mut startup = Block::builder("startup_probe");
        let numbers = [
            ("period_seconds", probe.period_seconds),
            ("timeout_seconds", probe.timeout_seconds),
            ("failure_threshold", probe.failure_threshold),
        ];
        for (name, number) in numbers {
            if let Some(number) = number {
                startup = startup.add_attribute((name, number));
            }
        }
        if let Some(get) = &probe.http_get {
            let get = Block::builder("http_get").add_attribute(("path", literal(&get.path)));
            startup = startup.add_block(get.build());
        }
        block = block.add_block(startup.build());
    }
    for variable in &container.env {
        block = block.add_block(self::variable(described, variable)?);
    }
    Ok(block.build())
}

fn variable(described: &Description<'_>, variable: &EnvVar) -> Outcome<Block> {
    let block = Block::builder("env").add_attribute(("name", literal(&variable.name)));
    let Some(secret) = variable.secret() else {
        let value = variable.value.as_deref().unwrap_or_default();
        return Ok(block.add_attribute(("value", literal(value))).build());
    };
    let settings = &described.context.settings;
    let is_own = settings.secrets.iter().any(|setting| {
        setting.variable == variable.name
            && !matches!(setting.source, SecretSource::Existing { .. })
    });
    let id = if is_own {
        reference(&[SECRET, &variable.name.to_lowercase(), "secret_id"])?
    } else {
        literal(&secret.secret)
    };
    let version = match &*secret.version {
        "" => "latest",
        version => version,
    };
    let key = Block::builder("secret_key_ref")
        .add_attribute(("secret", id))
        .add_attribute(("version", literal(version)))
        .build();
    let source = Block::builder("value_source").add_block(key).build();
    Ok(block.add_block(source).build())
}
