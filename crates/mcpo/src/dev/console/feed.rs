//! The events of a run, for the pages that show them: the latest ones, and all that follow.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::sync::broadcast;

/// How many events a new page gets.
const HISTORY: usize = 300;
/// How many events may wait for a page. A slower page misses events.
const WAITING: usize = 256;

/// The events as lines of JSON. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Feed {
    history: Arc<Mutex<History>>,
    live: broadcast::Sender<Arc<str>>,
}

#[derive(Debug, Default)]
struct History {
    latest: VecDeque<Arc<str>>,
    /// How many events there were so far.
    published: usize,
    /// The last event that reported a server, and how many events there were before it.
    ready: Option<(usize, Arc<str>)>,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            history: Arc::default(),
            live: broadcast::Sender::new(WAITING),
        }
    }
}

impl Feed {
    pub fn publish(&self, event: &Value) {
        let is_ready = matches!(event["event"].as_str(), Some("ready" | "reloaded"));
        let event: Arc<str> = event.to_string().into();
        let mut history = self.history();
        if is_ready {
            history.ready = Some((history.published, Arc::clone(&event)));
        }
        history.published += 1;
        if history.latest.len() == HISTORY {
            history.latest.pop_front();
        }
        history.latest.push_back(Arc::clone(&event));
        // No page may be open. The history is still locked, so that a new page gets each event
        // once.
        let _ = self.live.send(event);
    }

    /// Returns the latest events, and a channel for all that follow. If the event that reported the
    /// current server is older, it comes first.
    pub fn subscribe(&self) -> (Vec<Arc<str>>, broadcast::Receiver<Arc<str>>) {
        let history = self.history();
        let oldest = history.published - history.latest.len();
        let ready = history.ready.iter().filter(|(number, _)| *number < oldest);
        let ready = ready.map(|(_, event)| Arc::clone(event));
        let events = ready.chain(history.latest.iter().cloned()).collect();
        (events, self.live.subscribe())
    }

    /// Returns the event that reported the current server.
    pub fn ready(&self) -> Option<Arc<str>> {
        let history = self.history();
        history.ready.as_ref().map(|(_, event)| Arc::clone(event))
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Feed, HISTORY};

    #[test]
    fn a_page_gets_the_latest_events_and_all_that_follow() {
        let feed = Feed::default();
        for number in 0..=HISTORY {
            feed.publish(&number.into());
        }
        let (history, mut live) = feed.subscribe();
        assert_eq!((history.len(), &*history[0]), (HISTORY, "1"));
        feed.publish(&"new".into());
        assert_eq!(&*live.try_recv().unwrap(), "\"new\"");
    }

    #[test]
    fn a_page_always_gets_the_event_of_the_current_server_once() {
        let feed = Feed::default();
        let server = |name: &str| json!({ "event": name, "tools": [] });
        feed.publish(&server("ready"));
        feed.publish(&server("reloaded"));
        let is_server = |event: &&std::sync::Arc<str>| event.contains("tools");
        let (history, _) = feed.subscribe();
        assert_eq!(history.iter().filter(is_server).count(), 2);
        for number in 0..HISTORY {
            feed.publish(&number.into());
        }
        let (history, _) = feed.subscribe();
        assert_eq!(*history[0], *server("reloaded").to_string());
        assert_eq!(history.iter().filter(is_server).count(), 1);
        assert_eq!(feed.ready().as_deref(), Some(&*history[0]));
    }
}
