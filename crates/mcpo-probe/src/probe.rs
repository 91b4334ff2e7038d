//! The probe for other programs: one call with few settings.

use std::time::Duration;

use mcpo_common::{error::Outcome, secret::Secret};
use serde_json::{Map, Value};

use crate::{
    check::Quiet, flow, plan::Plan, profile::Client, report::Report, store::Store,
    target::parse_target,
};

/// Probes one server. Settings that are not made have the values of `mcpo probe URL`.
#[derive(Clone, Debug)]
#[must_use = "a probe sends nothing until it runs"]
pub struct Probe {
    url: String,
    client: Client,
    user: Option<String>,
    password: Option<Secret>,
    tool: Option<(String, Map<String, Value>)>,
    timeout: Option<Duration>,
    attacks: bool,
    stores: Vec<Store>,
}

impl Probe {
    /// Creates a probe of the MCP endpoint at `url`, as claude.ai. The URL is checked when the
    /// probe runs.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            client: Client::default(),
            user: None,
            password: None,
            tool: None,
            timeout: None,
            attacks: false,
            stores: Vec::new(),
        }
    }

    /// Imitates another client: its identity, redirect URIs and time limits.
    pub const fn as_client(mut self, client: Client) -> Self {
        self.client = client;
        self
    }

    /// Sets the password for the server's sign-in form.
    pub fn with_password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(Secret::new(password));
        self
    }

    /// Sets the user name for a sign-in form that asks for one in addition to the password.
    pub fn with_user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Calls this tool instead of one that is safe to call automatically.
    pub fn with_tool(mut self, name: impl Into<String>, arguments: Map<String, Value>) -> Self {
        self.tool = Some((name.into(), arguments));
        self
    }

    /// Sets the time limit for one response, instead of the client's own.
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Also attacks the server, to find security holes. Use it only with your own servers.
    pub const fn with_attacks(mut self) -> Self {
        self.attacks = true;
        self
    }

    /// Also checks the published rules of these stores.
    pub fn for_stores(mut self, stores: impl IntoIterator<Item = Store>) -> Self {
        self.stores = stores.into_iter().collect();
        self
    }

    /// Runs all checks and returns the report. Fails only if the URL is not an address that clients
    /// accept; problems of the server are verdicts.
    pub async fn run(self) -> Outcome<Report> {
        let plan = self.plan()?;
        Ok(Box::pin(flow::run(&plan, &mut Quiet)).await)
    }

    fn plan(self) -> Outcome<Plan> {
        let mut plan = Plan::new(parse_target(&self.url)?, self.client)?;
        if let Some(password) = self.password {
            plan.sign_in_with(self.user, password);
        }
        if let Some((tool, arguments)) = self.tool {
            plan.tool = Some(tool);
            plan.arguments = Some(arguments);
        }
        if let Some(timeout) = self.timeout {
            plan.timeout = timeout;
            plan.refresh_timeout = timeout;
        }
        plan.security = self.attacks;
        plan.stores = self.stores;
        Ok(plan)
    }
}
