//! Calls single tools for the user, with a token that is kept from one call to the next.

use mcpo_common::error::Outcome;
use mcpo_probe::{Credentials, ToolClient, example_arguments};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::self_test::SelfTest;
use crate::dev::messages::{
    event::{Event, EventSender},
    self_test::TestKind,
    tool_request::ToolRequest,
};

/// The actor that tries tools.
pub struct ToolCaller {
    self_test: SelfTest,
    tool_requests: mpsc::UnboundedReceiver<ToolRequest>,
    events: EventSender,
    kept: Option<Credentials>,
}

impl ToolCaller {
    pub const fn new(
        self_test: SelfTest,
        tool_requests: mpsc::UnboundedReceiver<ToolRequest>,
        events: EventSender,
    ) -> Self {
        Self {
            self_test,
            tool_requests,
            events,
            kept: None,
        }
    }

    /// Finds and calls tools when commanded, until stopped.
    pub async fn run(mut self, stop: &CancellationToken) -> Outcome<()> {
        loop {
            let request = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                request = self.tool_requests.recv() => request,
            };
            let Some(request) = request else {
                return Ok(());
            };
            self.events
                .send(Event::TestStarted(TestKind::ToolCall))
                .await;
            let event = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                event = self.follow(request) => event,
            };
            self.events.send(event).await;
        }
    }

    async fn follow(&mut self, request: ToolRequest) -> Event {
        let (mut plan, target) = match self.self_test.plan() {
            Ok(plan) => plan,
            // The environment file may be half written.
            Err(failure) => {
                request.fail(&failure.to_string());
                let test = TestKind::ToolCall;
                return Event::TestFailed { test, failure };
            }
        };
        plan.kept.extend(self.kept.take());
        let mut client = ToolClient::new(&plan, &target);
        let event = match request {
            ToolRequest::Find(name) => find(&mut client, name).await,
            ToolRequest::List { reply } => {
                let tools = client.tools().await;
                let has_tools = tools.is_ok();
                // The page may be gone.
                let _ = reply.send(tools.map_err(|error| error.to_string()));
                Event::ToolsListed { has_tools }
            }
            ToolRequest::CallNamed {
                name,
                arguments,
                reply,
            } => match tool_named(&mut client, &name).await {
                Ok(tool) => {
                    let report = client.call_tool(&tool, arguments).await;
                    let _ = reply.send(Ok(report.clone()));
                    Event::ToolTried(Box::new(report))
                }
                Err(because) => {
                    let _ = reply.send(Err(because.clone()));
                    Event::ToolNotFound { name, because }
                }
            },
            ToolRequest::Call { tool, arguments } => {
                let report = client.call_tool(&tool, arguments).await;
                Event::ToolTried(Box::new(report))
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

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn the_page_learns_why_a_tool_cannot_be_called() {
        let folder = tempfile::tempdir().unwrap();
        // Not a file, so it cannot be read.
        std::fs::create_dir(folder.path().join(".env")).unwrap();
        let (tool_requests, inbox) = mpsc::unbounded_channel();
        let (sender, mut events) = EventSender::channel();
        let caller = ToolCaller::new(SelfTest::of_folder(folder.path()), inbox, sender);
        let (reply, tools) = oneshot::channel();
        tool_requests.send(ToolRequest::List { reply }).unwrap();
        let (reply, report) = oneshot::channel();
        let call = ToolRequest::CallNamed {
            name: "greet".to_owned(),
            arguments: serde_json::Map::new(),
            reply,
        };
        tool_requests.send(call).unwrap();
        drop(tool_requests);
        caller.run(&CancellationToken::new()).await.unwrap();
        let because = tools.await.unwrap().unwrap_err();
        assert!(because.contains(".env"), "{because}");
        assert_eq!(report.await.unwrap().unwrap_err(), because);
        for _ in 0..2 {
            let (started, ended) = (events.recv().await, events.recv().await);
            assert!(matches!(
                started,
                Some(Event::TestStarted(TestKind::ToolCall))
            ));
            assert!(matches!(
                ended,
                Some(Event::TestFailed {
                    test: TestKind::ToolCall,
                    ..
                })
            ));
        }
    }
}
