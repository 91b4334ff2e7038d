//! JSON-RPC with one process of a local server: one message per line.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use mcpo_common::text::clean_to;
use serde_json::{Value, json};

use super::{
    reply::{self, Reply},
    rpc::{self, Call, WireFormat},
};
use crate::{
    http::{Record, Recorder},
    stdio::{Ending, Line, ServerCommand, ServerProcess, StdioError},
};

/// How many characters of a line are shown.
const SHOWN: usize = 120;

/// The first line on stdout of any process that is no message, without secrets.
pub type Noise = Option<String>;

/// One process, and the ids of its requests.
pub struct StdioConnection {
    process: ServerProcess,
    program: String,
    /// The id of the last request.
    last_id: u64,
    /// The requests without a response.
    open: Vec<(u64, Record)>,
    recorder: Rc<Recorder>,
    /// The first line of this process on stdout that is no message.
    noise: Option<String>,
    /// Whether the client may answer requests of the server; without sessions, there are none.
    has_session: bool,
}

impl StdioConnection {
    /// Starts a process.
    pub fn start(command: &ServerCommand, recorder: &Rc<Recorder>) -> Result<Self, StdioError> {
        recorder.announce(&format!("starting {}", command.as_str()));
        let process = ServerProcess::start(command);
        let process = process.map_err(|error| StdioError::NotStarted {
            program: command.program().to_owned(),
            error,
        })?;
        Ok(Self {
            process,
            program: command.program().to_owned(),
            last_id: 0,
            open: Vec::new(),
            recorder: Rc::clone(recorder),
            noise: None,
            has_session: false,
        })
    }

    /// Sends a request or a notification. Returns the id of the request.
    pub async fn send(&mut self, wire_format: &WireFormat, call: &Call) -> Result<u64, StdioError> {
        self.has_session |= matches!(
            wire_format,
            WireFormat::Opening | WireFormat::Session { .. }
        );
        self.last_id += 1;
        let id = self.last_id;
        let message = rpc::body(wire_format, call, id);
        let record = self.recorder.begin_message(&self.program, &message);
        if call.is_notification() {
            record.accepted();
        } else {
            self.open.push((id, record));
        }
        self.write(&message).await?;
        Ok(id)
    }

    async fn write(&mut self, message: &Value) -> Result<(), StdioError> {
        match self.process.send(&message.to_string()).await {
            Ok(()) => Ok(()),
            // The server has closed its stdin, so it has ended or will.
            Err(_) => Err(self.ended().await),
        }
    }

    /// Sends a request and waits for its response; a notification has none.
    pub async fn call(
        &mut self,
        wire_format: &WireFormat,
        call: &Call,
        limit: Duration,
        noise: &mut Noise,
    ) -> Result<Reply, StdioError> {
        // The server may read slowly, which is part of the time for a response.
        let since = Instant::now();
        let sent = tokio::time::timeout(limit, self.send(wire_format, call)).await;
        let id = sent.unwrap_or_else(|_| Err(self.timed_out(limit)))?;
        if call.is_notification() {
            return Ok(Reply::Accepted);
        }
        let left = limit.saturating_sub(since.elapsed());
        let (_, reply) = self.wait(&[id], left, noise).await?;
        Ok(reply)
    }

    /// Waits for the response to one of the requests.
    pub async fn wait(
        &mut self,
        ids: &[u64],
        limit: Duration,
        noise: &mut Noise,
    ) -> Result<(u64, Reply), StdioError> {
        let answer = tokio::time::timeout(limit, self.answer(ids, noise)).await;
        let answer = answer.unwrap_or_else(|_| Err(self.timed_out(limit)));
        if let Err(error) = &answer {
            for (_, record) in self.open.drain(..) {
                record.failed(error);
            }
        }
        answer
    }

    async fn answer(&mut self, ids: &[u64], noise: &mut Noise) -> Result<(u64, Reply), StdioError> {
        loop {
            let line = match self.process.receive().await {
                Some(Line::Text(line)) => line,
                Some(Line::TooLong) => return Err(StdioError::TooLong),
                None => return Err(self.ended().await),
            };
            let Some(message) = self.message(&line, noise) else {
                continue;
            };
            if message.get("method").is_some() {
                self.answer_request(&message).await?;
                continue;
            }
            let id = &message["id"];
            // Errors in reply to a request that could not be read have no id.
            let known = ids.iter().find(|known| *id == json!(known));
            let known = known.or_else(|| ids.last().filter(|_| id.is_null()));
            let Some(known) = known else {
                // A late response to a request that timed out is no mistake.
                if id.as_u64().is_some_and(|id| id > 0 && id <= self.last_id) {
                    continue;
                }
                return Err(StdioError::WrongId {
                    received: clean_to(&id.to_string(), SHOWN),
                    sent: ids.last().copied().unwrap_or_default(),
                });
            };
            if let Some(at) = self.open.iter().position(|(id, _)| id == known) {
                self.open.swap_remove(at).1.received(&line);
            }
            let reply = reply::response(&message, &json!(known));
            let unexpected =
                || Reply::Unanswered(format!("the message {}", clean_to(&line, SHOWN)));
            return Ok((*known, reply.unwrap_or_else(unexpected)));
        }
    }

    /// Returns the message in a line; any other text is noise.
    fn message(&mut self, line: &str, noise: &mut Noise) -> Option<Value> {
        let message = serde_json::from_str::<Value>(line).ok();
        let message = message.filter(|message| message["jsonrpc"] == "2.0");
        if message.is_none() && !line.trim().is_empty() {
            let shown = clean_to(&self.recorder.secrets.hide(line.to_owned()), SHOWN);
            self.noise.get_or_insert_with(|| shown.clone());
            noise.get_or_insert(shown);
        }
        message
    }

    /// Answers a request of the server: the client has no capabilities, but it answers `ping`.
    async fn answer_request(&mut self, message: &Value) -> Result<(), StdioError> {
        let id = &message["id"];
        if !self.has_session || !(id.is_string() || id.is_number()) {
            return Ok(());
        }
        let answer = if message["method"] == "ping" {
            json!({"jsonrpc": "2.0", "id": id, "result": {}})
        } else {
            let error = json!({"code": -32601, "message": "Method not found"});
            json!({"jsonrpc": "2.0", "id": id, "error": error})
        };
        self.write(&answer).await
    }

    /// Closes stdin, and waits until the process has ended. Lines that are still waiting count.
    pub async fn close(&mut self, limit: Duration, noise: &mut Noise) -> Ending {
        while let Some(Line::Text(line)) = self.process.waiting() {
            self.message(&line, noise);
        }
        self.process.close(limit).await
    }

    fn timed_out(&self, limit: Duration) -> StdioError {
        StdioError::TimedOut {
            limit,
            noise: self.noise.clone(),
            stderr: self.stderr(),
        }
    }

    async fn ended(&mut self) -> StdioError {
        let how = match self.process.status().await {
            Some(status) => format!("the process ended with {status}"),
            None => "the process closed its stdout".to_owned(),
        };
        StdioError::Ended {
            how,
            stderr: self.stderr(),
            variable: self.process.stderr().missing_variable(),
        }
    }

    fn stderr(&self) -> Vec<String> {
        let secrets = &self.recorder.secrets;
        self.process
            .stderr()
            .relevant(|line| secrets.hide(line.to_owned()))
    }
}
