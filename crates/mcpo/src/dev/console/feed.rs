//! The events of a run, for the pages that show them: the latest ones, and all that follow.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
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
    history: Arc<Mutex<VecDeque<Arc<str>>>>,
    live: broadcast::Sender<Arc<str>>,
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
        let event: Arc<str> = event.to_string().into();
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        if history.len() == HISTORY {
            history.pop_front();
        }
        history.push_back(Arc::clone(&event));
        // No page may be open. The history is still locked, so that a new page gets each event
        // once.
        let _ = self.live.send(event);
    }

    /// Returns the latest events, and a channel for all that follow.
    pub fn subscribe(&self) -> (Vec<Arc<str>>, broadcast::Receiver<Arc<str>>) {
        let history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        (history.iter().cloned().collect(), self.live.subscribe())
    }
}

#[cfg(test)]
mod tests {
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
}
