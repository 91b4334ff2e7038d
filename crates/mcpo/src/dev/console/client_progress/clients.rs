//! Identifies the client of a request, and lists known reasons why that client stops. To add a
//! client, add a few lines to `clients.json`.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

use crate::dev::messages::request_event::RequestEvent;

static CLIENTS: LazyLock<Vec<Client>> =
    LazyLock::new(|| serde_json::from_str(include_str!("clients.json")).unwrap_or_default());

/// A known client.
#[derive(Debug, Deserialize)]
pub struct Client {
    pub title: String,
    marks: Marks,
    causes: BTreeMap<String, Vec<String>>,
}

/// Properties that identify a client: prefixes of redirect URIs, parts of `User-Agent`, and names
/// in registrations.
#[derive(Debug, Deserialize)]
struct Marks {
    redirects: Vec<String>,
    agents: Vec<String>,
    names: Vec<String>,
}

impl Client {
    /// Returns the client that sent this request, if its properties match a known one.
    pub fn of(request: &RequestEvent) -> Option<&'static Self> {
        let redirect = request.redirect_uri.as_deref();
        Self::with(redirect, request.name.as_deref(), &request.agent)
    }

    /// Returns the client with one of these properties, if it is known.
    pub fn with(redirect: Option<&str>, name: Option<&str>, agent: &str) -> Option<&'static Self> {
        let by_redirect = |client: &&Self| {
            let mut known = client.marks.redirects.iter();
            redirect.is_some_and(|uri| known.any(|begin| uri.starts_with(begin)))
        };
        let by_name = |client: &&Self| {
            let mut known = client.marks.names.iter();
            name.is_some_and(|name| known.any(|one| one == name))
        };
        let by_agent = |client: &&Self| {
            let mut known = client.marks.agents.iter();
            known.any(|part| agent.contains(part))
        };
        CLIENTS
            .iter()
            .find(by_redirect)
            .or_else(|| CLIENTS.iter().find(by_name))
            .or_else(|| CLIENTS.iter().find(by_agent))
    }

    /// Returns the entry for unknown clients.
    pub fn unknown() -> Option<&'static Self> {
        CLIENTS.last()
    }

    /// Returns possible reasons for stopping after this step.
    pub fn causes(&self, step: &str) -> &[String] {
        self.causes.get(step).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::flow::STEPS, CLIENTS};

    #[test]
    fn every_cause_names_an_existing_step() {
        assert!(CLIENTS.len() > 5);
        for client in &*CLIENTS {
            for step in client.causes.keys() {
                assert!(STEPS.contains(&step.as_str()), "{}: {step}", client.title);
            }
        }
    }
}
