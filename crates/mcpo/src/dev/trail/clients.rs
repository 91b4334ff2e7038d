//! Which client a request is from, and what is known of where that client stops. Data; a client is
//! added by a few lines in `clients.json`.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

use super::notice::Notice;

static CLIENTS: LazyLock<Vec<Client>> =
    LazyLock::new(|| serde_json::from_str(include_str!("clients.json")).unwrap_or_default());

/// What is known of one client.
#[derive(Debug, Deserialize)]
pub struct Client {
    pub title: String,
    marks: Marks,
    causes: BTreeMap<String, Vec<String>>,
}

/// What tells it from others: beginnings of redirect URIs, parts of `User-Agent`, names it
/// registers by.
#[derive(Debug, Deserialize)]
struct Marks {
    redirects: Vec<String>,
    agents: Vec<String>,
    names: Vec<String>,
}

impl Client {
    /// The client that this request is surely from.
    pub fn of(notice: &Notice) -> Option<&'static Self> {
        let redirect = notice.redirect_uri.as_deref();
        let by_redirect = |client: &&Self| {
            let mut known = client.marks.redirects.iter();
            redirect.is_some_and(|uri| known.any(|begin| uri.starts_with(begin)))
        };
        let by_name = |client: &&Self| {
            let mut known = client.marks.names.iter();
            notice
                .name
                .as_ref()
                .is_some_and(|name| known.any(|one| one == name))
        };
        let by_agent = |client: &&Self| {
            let mut known = client.marks.agents.iter();
            known.any(|part| notice.agent.contains(part))
        };
        CLIENTS
            .iter()
            .find(by_redirect)
            .or_else(|| CLIENTS.iter().find(by_name))
            .or_else(|| CLIENTS.iter().find(by_agent))
    }

    /// One of which nothing is known.
    pub fn unknown() -> Option<&'static Self> {
        CLIENTS.last()
    }

    /// Why it may stop after this step.
    pub fn causes(&self, step: &str) -> &[String] {
        self.causes.get(step).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::flow::STEPS, CLIENTS};

    #[test]
    fn every_cause_is_about_a_step_that_there_is() {
        assert!(CLIENTS.len() > 5);
        for client in &*CLIENTS {
            for step in client.causes.keys() {
                assert!(STEPS.contains(&step.as_str()), "{}: {step}", client.title);
            }
        }
    }
}
