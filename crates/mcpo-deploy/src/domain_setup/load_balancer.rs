//! Describes the load balancer that leads a domain to a service where Cloud Run has no domain
//! mappings. mcpo creates none of its parts.
//!
//! The resources and fields are those of the Compute Engine API, version 1.
//! <https://cloud.google.com/load-balancing/docs/https/setting-up-https-serverless>

use crate::{
    context::Context,
    settings::{MAPPING_REGIONS_AS_OF, MAPPING_REGIONS_SOURCE},
};

/// Returns the steps of the owner, as lines.
pub fn steps(context: &Context<'_>, name: &str) -> Vec<String> {
    let (service, region) = (&context.names.service_id, &context.names.region);
    let why = if context.settings.has_public_ingress() {
        format!(
            "{region} has no domain mappings ({MAPPING_REGIONS_SOURCE}, as of {MAPPING_REGIONS_AS_OF})"
        )
    } else {
        "a domain mapping cannot reach a service with this ingress".to_owned()
    };
    let resource = |number: u8, kind: &str, fields: String| format!("  {number}. {kind}: {fields}");
    let mut lines = vec![format!(
        "{why}, so {name} needs a global external load balancer. mcpo does not create it. Create in \
         the project {}:",
        context.names.project
    )];
    lines.extend([
        resource(1, "globalAddresses", format!("{service}-address")),
        resource(
            2,
            "regionNetworkEndpointGroups",
            format!(
                "{service}-neg in {region}, networkEndpointType SERVERLESS, cloudRun.service {service}"
            ),
        ),
        resource(
            3,
            "backendServices",
            format!(
                "{service}-backend, loadBalancingScheme EXTERNAL_MANAGED, backends[0].group {service}-neg"
            ),
        ),
        resource(4, "urlMaps", format!("{service}-map, defaultService {service}-backend")),
        resource(
            5,
            "sslCertificates",
            format!("{service}-certificate, type MANAGED, managed.domains [{name}]"),
        ),
        resource(
            6,
            "targetHttpsProxies",
            format!(
                "{service}-proxy, urlMap {service}-map, sslCertificates [{service}-certificate]"
            ),
        ),
        resource(
            7,
            "globalForwardingRules",
            format!(
                "{service}-rule, loadBalancingScheme EXTERNAL_MANAGED, IPAddress {service}-address, \
                 portRange 443, target {service}-proxy"
            ),
        ),
        format!("  8. DNS: {name}. A ADDRESS, the IP address of {service}-address"),
        "  9. Cargo.toml: env = { MCPO_TRUSTED_PROXIES = \"cloud-run,ADDRESS\" }, then deploy again"
            .to_owned(),
    ]);
    lines
}
