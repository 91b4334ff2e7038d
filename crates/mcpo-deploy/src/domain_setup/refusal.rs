//! Finds what Google would refuse, before anything is created.

use mcpo_common::error::{Failure, Outcome};

use crate::{
    context::Context,
    domain::{Domain, Mapped, Ownership, Route, State},
};

/// Where owners of domains verify that they own them.
const VERIFICATION: &str = "https://search.google.com/search-console/welcome";

/// Fails if the domain cannot be mapped to the service, with the next step of the owner.
pub fn check(context: &Context<'_>, domain: &Domain) -> Outcome<()> {
    let Route::Mapping(mapped) = &domain.route else {
        return Ok(());
    };
    if let Some(mapping) = &mapped.mapping {
        let service = &mapping.spec.route_name;
        if *service != context.names.service_id {
            return Err(Failure::new(format!(
                "{} is mapped to another service, {service}",
                domain.name
            ))
            .hint("choose another domain, or delete that mapping: https://console.cloud.google.com/run/domains"));
        }
        if !mapping.is_ours(&context.names)
            && let State::Failed(condition) = mapping.state()
        {
            let cause = std::io::Error::other(condition.message.clone());
            return Err(Failure::new(format!("Google refused the domain mapping of {}", domain.name))
                .because(&cause)
                .hint("mcpo did not create this mapping; delete it, then run the same command again: https://console.cloud.google.com/run/domains"));
        }
    }
    if mapped.ownership == Ownership::NotVerified && needs_owner(mapped) {
        return Err(not_verified(context, &domain.name));
    }
    Ok(())
}

/// Only creating a mapping requires a verified owner.
fn needs_owner(mapped: &Mapped) -> bool {
    let mapping = mapped.mapping.as_ref();
    mapping.is_none_or(|mapping| matches!(mapping.state(), State::Failed(_)))
}

/// The caller is not a verified owner of the domain.
fn not_verified(context: &Context<'_>, name: &str) -> Failure {
    let who = context.google.credentials().who();
    Failure::new(format!("{who} is not a verified owner of {name}")).hint(format!(
        "add the domain at {VERIFICATION}, which shows the TXT record to add to DNS; then add {who} \
         as an owner under Settings, Users and permissions, and run the same command again"
    ))
}
