//! The fields of a service that mcpo sets itself, and the setting to use instead.

/// One field: its path in Cloud Run's API, and what to do instead.
pub struct OwnedField {
    pub path: &'static str,
    pub instead: &'static str,
}

const fn owned(path: &'static str, instead: &'static str) -> OwnedField {
    OwnedField { path, instead }
}

/// All fields that `cloud-run` must not contain.
pub const OWNED: &[OwnedField] = &[
    owned("annotations", "mcpo keeps its records there"),
    owned("binaryAuthorization", "use binary-authorization = \"…\""),
    owned("buildConfig", "mcpo builds the image; see --remote-build"),
    owned("client", "mcpo sets it with every write"),
    owned("clientVersion", "mcpo sets it with every write"),
    owned("etag", "mcpo sets it with every write"),
    owned("functionalType", "mcpo marks the service as an MCP server"),
    owned("ingress", "use ingress = \"…\""),
    owned("invokerIamDisabled", "use private = true or false"),
    owned("labels", "use labels = { … }"),
    owned("multiRegionSettings", "mcpo deploys to one region"),
    owned("name", "use service = \"…\""),
    owned("traffic", "use --canary, --no-traffic or --promote"),
    owned("template.client", "mcpo sets it with every write"),
    owned("template.clientVersion", "mcpo sets it with every write"),
    owned("template.encryptionKey", "use encryption-key = \"…\""),
    owned(
        "template.maxInstanceRequestConcurrency",
        "use concurrency = …",
    ),
    owned("template.revision", "mcpo names the revisions"),
    owned("template.scaling.maxInstanceCount", "use max-instances = …"),
    owned("template.scaling.minInstanceCount", "use min-instances = …"),
    owned("template.serviceAccount", "use service-account = \"…\""),
    owned("template.timeout", "use timeout-seconds = …"),
    owned("template.vpcAccess.egress", "use egress = \"…\""),
    owned(
        "template.vpcAccess.networkInterfaces",
        "use network, subnetwork and network-tags",
    ),
    owned(
        "template.containers[0].baseImageUri",
        "mcpo builds the image",
    ),
    owned(
        "template.containers[0].buildConfig",
        "mcpo builds the image",
    ),
    owned("template.containers[0].env", "use env and secrets"),
    owned("template.containers[0].image", "mcpo builds the image"),
    owned("template.containers[0].ports", "mcpo sets the port"),
    owned(
        "template.containers[0].resources.limits.cpu",
        "use cpu = \"…\"",
    ),
    owned(
        "template.containers[0].resources.limits.memory",
        "use memory = \"…\"",
    ),
    owned("template.containers[0].sourceCode", "mcpo builds the image"),
];

/// Returns what to do instead of setting the field at this path of the API.
pub fn instead(path: &str) -> Option<&'static str> {
    let found = OWNED.iter().find(|field| field.path == path);
    found.map(|field| field.instead)
}
