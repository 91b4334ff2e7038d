//! The lines of the plan for the custom domain.

use crate::{
    context::Context,
    domain::{Domain, Route, State},
    google::method,
    plan::Line,
};

/// What a run does to the domain mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Create,
    /// A mapping that Google refused stays as it is, so it is deleted first.
    Recreate,
}

impl Domain {
    /// Returns what this run must do to the mapping.
    pub fn change(&self, context: &Context<'_>) -> Option<Change> {
        let Route::Mapping(mapped) = &self.route else {
            return None;
        };
        match &mapped.mapping {
            None => Some(Change::Create),
            Some(mapping) if !mapping.is_ours(&context.names) => None,
            Some(mapping) => match mapping.state() {
                State::Failed(_) => Some(Change::Recreate),
                State::Ready | State::Pending(_) => None,
            },
        }
    }

    /// Returns the line of the plan.
    pub fn line(&self, context: &Context<'_>) -> Option<Line> {
        let (name, service) = (&self.name, &context.names.service_id);
        Some(match self.change(context)? {
            Change::Create => Line {
                sign: '+',
                text: format!("domain mapping: {name} leads to {service}"),
                methods: vec![method::DOMAIN_MAPPING_CREATE.id],
            },
            Change::Recreate => Line {
                sign: '~',
                text: format!("domain mapping: {name}, created again because Google refused it"),
                methods: vec![
                    method::DOMAIN_MAPPING_DELETE.id,
                    method::DOMAIN_MAPPING_CREATE.id,
                ],
            },
        })
    }
}
