//! Calls single tools for the user, with a token that is kept from one call to the next.

use mcpo_common::error::Outcome;
use mcpo_probe::{Credentials, ToolClient, example_arguments};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::self_test::SelfTest;
use crate::dev::messages::{
    event::{Event, EventSender},
    trial::Trial,
};

/// The actor that tries tools.
pub struct ToolCaller {
    self_test: SelfTest,
    trials: mpsc::UnboundedReceiver<Trial>,
    events: EventSender,
    kept: Option<Credentials>,
}

impl ToolCaller {
    pub const fn new(
        self_test: SelfTest,
        trials: mpsc::UnboundedReceiver<Trial>,
        events: EventSender,
    ) -> Self {
        Self {
            self_test,
            trials,
            events,
            kept: None,
        }
    }

    /// Finds and calls tools when commanded, until stopped.
    pub async fn run(mut self, stop: &CancellationToken) -> Outcome<()> {
        loop {
            let trial = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                trial = self.trials.recv() => trial,
            };
            let Some(trial) = trial else {
                return Ok(());
            };
            let event = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                event = self.follow(trial) => event,
            };
            if let Some(event) = event {
                self.events.send(event).await;
            }
        }
    }

    async fn follow(&mut self, trial: Trial) -> Option<Event> {
        let (mut plan, target) = match self.self_test.plan() {
            Ok(plan) => plan,
            // The environment file may be half written.
            Err(failure) => return Some(Event::ProbeFailed(failure)),
        };
        plan.kept.extend(self.kept.take());
        let mut client = ToolClient::new(&plan, &target);
        let event = match trial {
            Trial::Find(name) => Some(find(&mut client, name).await),
            Trial::List { reply } => {
                let tools = client.tools().await;
                // The page may be gone.
                let _ = reply.send(tools.map_err(|error| error.to_string()));
                None
            }
            Trial::CallNamed {
                name,
                arguments,
                reply,
            } => match tool_named(&mut client, &name).await {
                Ok(tool) => {
                    let report = client.call_tool(&tool, arguments).await;
                    let _ = reply.send(Ok(report.clone()));
                    Some(Event::ToolTried(Box::new(report)))
                }
                Err(because) => {
                    let _ = reply.send(Err(because.clone()));
                    Some(Event::ToolNotFound { name, because })
                }
            },
            Trial::Call { tool, arguments } => {
                let report = client.call_tool(&tool, arguments).await;
                Some(Event::ToolTried(Box::new(report)))
            }
        };
        self.kept = client.into_credentials();
        event
    }
}

async fn find(client: &mut ToolClient<'_>, name: String) -> Event {
    match tool_named(client, &name).await {
        Ok(tool) => Event::ToolFound {
            arguments: example_arguments(&tool),
            tool: Box::new(tool),
        },
        Err(because) => Event::ToolNotFound { name, because },
    }
}

async fn tool_named(client: &mut ToolClient<'_>, name: &str) -> Result<Value, String> {
    let tools = client.tools().await.map_err(|error| error.to_string())?;
    let mut tools = tools.into_iter();
    let tool = tools.find(|tool| tool["name"].as_str() == Some(name));
    tool.ok_or_else(|| "the server does not list it".to_owned())
}
