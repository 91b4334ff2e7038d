//! How far each client has come on its way from the first 401 to a call, and where one stopped.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{clients::Client, notice::Notice};

/// The steps in their order; what the runtime calls them.
pub const STEPS: [&str; 8] = [
    "mcp",
    "resource metadata",
    "server metadata",
    "registration",
    "authorization",
    "sign-in",
    "consent",
    "token",
];
/// A program goes on at once.
const PROGRAM: Duration = Duration::from_secs(8);
/// A person reads.
const PERSON: Duration = Duration::from_secs(30);
/// How late we may look whether one goes on. After more, nobody was looking: the machine slept.
const LATE: Duration = Duration::from_secs(5);
/// Whoever was not heard of for so long has given up, or is another one.
const FORGOTTEN: Duration = Duration::from_secs(15 * 60);
/// More clients at a time are none of one developer's.
const MOST: usize = 64;

/// Every client that is on its way.
#[derive(Debug, Default)]
pub struct Flows {
    open: BTreeMap<String, Flow>,
    /// What clients call themselves, once it is known whose name that is.
    agents: BTreeMap<String, String>,
    /// Whose page the browser shows.
    latest: Option<String>,
}

/// One client, and its last step.
#[derive(Debug)]
struct Flow {
    client: Option<&'static Client>,
    step: String,
    status: u16,
    since: Instant,
    is_told: bool,
}

/// A client that went no further.
#[derive(Debug, PartialEq, Eq)]
pub struct Stopped {
    pub title: String,
    pub step: String,
    pub status: u16,
    pub seconds: u64,
    /// What would have come next.
    pub next: &'static str,
    pub causes: Vec<String>,
}

impl Flows {
    /// Takes a request in; returns who it was from.
    pub fn take(&mut self, notice: &Notice, now: Instant) -> String {
        let (title, client) = self.who(notice);
        self.open
            .retain(|_, flow| now.duration_since(flow.since) < FORGOTTEN);
        if is_arrival(notice) {
            self.open.remove(&title);
        } else if is_step(notice) && (self.open.len() < MOST || self.open.contains_key(&title)) {
            let flow = Flow {
                client,
                step: notice.step.clone(),
                status: notice.status,
                since: now,
                is_told: false,
            };
            self.open.insert(title.clone(), flow);
            self.latest = Some(title.clone());
        }
        title
    }

    fn who(&mut self, notice: &Notice) -> (String, Option<&'static Client>) {
        let product = notice.product().to_owned();
        if let Some(client) = Client::of(notice) {
            // What else comes from the same program belongs to the same client.
            if !notice.is_from_browser() && self.agents.len() < MOST {
                self.agents.insert(product, client.title.clone());
            }
            return (client.title.clone(), Some(client));
        }
        let known = if notice.is_from_browser() {
            self.latest.clone()
        } else {
            self.agents.get(&product).cloned()
        };
        if let Some(title) = known {
            let client = self.open.get(&title).and_then(|flow| flow.client);
            return (title, client.or_else(Client::unknown));
        }
        let title = notice.name.clone().unwrap_or(product);
        (title, Client::unknown())
    }

    /// When the next one is to be looked at.
    pub fn next_look(&self) -> Option<Instant> {
        let open = self.open.values().filter(|flow| !flow.is_told);
        open.map(|flow| flow.since + flow.patience()).min()
    }

    /// Those that have stopped by now and were not told before.
    pub fn stopped(&mut self, now: Instant) -> Vec<Stopped> {
        let mut found = Vec::new();
        for (title, flow) in &mut self.open {
            let until = flow.since + flow.patience();
            if flow.is_told || now < until {
                continue;
            }
            // It may have gone on meanwhile; what it did is still on its way to us.
            if now > until + LATE {
                flow.since = now;
                continue;
            }
            flow.is_told = true;
            let causes = flow
                .client
                .map_or(&[][..], |client| client.causes(&flow.step));
            let general = Client::unknown().map_or(&[][..], |client| client.causes(&flow.step));
            let causes = if causes.is_empty() { general } else { causes };
            found.push(Stopped {
                title: title.clone(),
                step: flow.step.clone(),
                status: flow.status,
                seconds: now.duration_since(flow.since).as_secs(),
                next: next(&flow.step),
                causes: causes.to_vec(),
            });
        }
        found
    }
}

impl Flow {
    fn patience(&self) -> Duration {
        let is_page = matches!(self.step.as_str(), "authorization" | "sign-in");
        if is_page && self.status < 400 {
            PERSON
        } else {
            PROGRAM
        }
    }
}

/// Whether the client is where it wanted to be.
fn is_arrival(notice: &Notice) -> bool {
    notice.step == "mcp" && notice.status < 400
}

fn is_step(notice: &Notice) -> bool {
    let is_preflight = notice.method == "OPTIONS";
    // Sessions that are over, and streams that are not there, are no way anywhere.
    let is_refused = notice.step != "mcp" || matches!(notice.status, 401 | 403);
    STEPS.contains(&notice.step.as_str()) && !is_preflight && is_refused
}

fn next(step: &str) -> &'static str {
    match step {
        "mcp" => "the resource metadata",
        "resource metadata" => "the server metadata",
        "server metadata" => "its registration",
        "registration" => "the sign-in page",
        "authorization" | "sign-in" => "somebody's yes",
        "consent" => "the exchange of its code",
        _ => "its first call",
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{super::notice::Notice, Flows};

    fn notice(step: &str, status: u16, agent: &str) -> Notice {
        Notice {
            step: step.into(),
            method: "POST".into(),
            status,
            milliseconds: 1,
            agent: agent.into(),
            name: None,
            redirect_uri: None,
        }
    }

    #[test]
    fn a_client_that_stops_is_named_with_what_is_known_of_it() {
        let (mut flows, began) = (Flows::default(), Instant::now());
        flows.take(&notice("mcp", 401, "python-httpx/0.28"), began);
        let registration = Notice {
            redirect_uri: Some("https://claude.ai/api/mcp/auth_callback".into()),
            ..notice("registration", 201, "python-httpx/0.28")
        };
        assert_eq!(flows.take(&registration, began), "claude.ai");
        assert!(flows.stopped(began + Duration::from_secs(5)).is_empty());
        let stopped = flows.stopped(began + Duration::from_secs(9));
        let claude = stopped.iter().find(|one| one.title == "claude.ai").unwrap();
        assert_eq!(
            (claude.step.as_str(), claude.next),
            ("registration", "the sign-in page")
        );
        assert!(claude.causes[0].contains("blocked"), "{claude:?}");
        assert!(
            flows.stopped(began + Duration::from_secs(99)).is_empty(),
            "told once"
        );
    }

    #[test]
    fn after_a_sleep_a_client_is_given_its_time_again() {
        let (mut flows, began) = (Flows::default(), Instant::now());
        flows.take(&notice("mcp", 401, "node"), began);
        let woken = began + Duration::from_secs(8 * 60 * 60);
        assert!(flows.stopped(woken).is_empty(), "nobody was looking");
        assert!(flows.next_look().is_some_and(|look| look > woken));
        let stopped = flows.stopped(woken + Duration::from_secs(9));
        assert_eq!(stopped[0].seconds, 9);
    }

    #[test]
    fn who_arrives_has_not_stopped() {
        let (mut flows, began) = (Flows::default(), Instant::now());
        for (step, status) in [("mcp", 401), ("token", 200), ("mcp", 200)] {
            flows.take(&notice(step, status, "node"), began);
        }
        assert_eq!(flows.next_look(), None);
    }

    #[test]
    fn a_browser_shows_the_page_of_the_client_that_sent_it() {
        let (mut flows, began) = (Flows::default(), Instant::now());
        flows.take(&notice("registration", 201, "Cursor/1.0"), began);
        let page = notice("authorization", 200, "Mozilla/5.0");
        assert_eq!(flows.take(&page, began), "Cursor");
        // A person is given more time.
        assert!(flows.stopped(began + Duration::from_secs(20)).is_empty());
        let stopped = flows.stopped(began + Duration::from_secs(31));
        assert_eq!(
            stopped[0].causes,
            ["nobody has signed in or allowed it yet"]
        );
    }
}
