//! Tracks how far each client has come from its first 401 to a successful call, and where it
//! stopped.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::clients::Client;
use crate::dev::messages::{
    event::Stopped,
    request_event::{RequestEvent, product_of},
    tool_call::ToolCall,
};

/// The steps in order, with the names that the runtime uses.
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
/// How long a program may take for its next step. Programs usually continue at once.
const PROGRAM: Duration = Duration::from_secs(8);
/// How long a person may take to read a page.
const PERSON: Duration = Duration::from_secs(30);
/// How late a check may be. If it is later, the machine slept, and no client is reported as
/// stopped.
const SUSPEND_THRESHOLD: Duration = Duration::from_secs(5);
/// A client without a request for this long has given up.
const FORGET_AFTER: Duration = Duration::from_secs(15 * 60);
/// How long the browser may take to open the sign-in page of the program that sent the requests
/// before.
const BROWSER: Duration = Duration::from_secs(30);
/// The name of mcpo's own requests.
const SELF_TEST: &str = "mcpo";
/// The largest number of clients that are tracked. One developer does not have more.
const MAX_CLIENTS: usize = 64;

/// All clients on their way to a successful call.
#[derive(Debug, Default)]
pub struct Flows {
    open: BTreeMap<String, Flow>,
    /// The client that uses each `User-Agent`, as far as known.
    agents: BTreeMap<String, String>,
    /// The client whose page the browser currently shows.
    latest: Option<String>,
}

/// One client and its last step.
#[derive(Debug)]
struct Flow {
    client: Option<&'static Client>,
    step: String,
    status: u16,
    since: Instant,
    is_told: bool,
}

impl Flows {
    /// Records a request. Returns the name of the client that sent it.
    pub fn take(&mut self, request: &RequestEvent, now: Instant) -> String {
        if request.is_from_mcpo {
            return SELF_TEST.to_owned();
        }
        if request.is_from_probe {
            let client = Client::of(request);
            return client
                .map_or(request.product(), |client| &client.title)
                .to_owned();
        }
        let (title, client) = self.who(request, now);
        self.open
            .retain(|_, flow| now.duration_since(flow.since) < FORGET_AFTER);
        if is_arrival(request) {
            self.open.remove(&title);
        } else if is_step(request)
            && (self.open.len() < MAX_CLIENTS || self.open.contains_key(&title))
        {
            let flow = Flow {
                client,
                step: request.step.clone(),
                status: request.status,
                since: now,
                is_told: false,
            };
            self.open.insert(title.clone(), flow);
            self.latest = Some(title.clone());
        }
        title
    }

    /// Returns the name of the client that made a tool call.
    pub fn client_of(&self, call: &ToolCall) -> String {
        if call.is_from_mcpo {
            return SELF_TEST.to_owned();
        }
        let product = product_of(&call.agent);
        let known = Client::with(None, call.client.as_deref(), &call.agent);
        known
            .map(|client| client.title.clone())
            .or_else(|| call.client.clone().filter(|name| !name.is_empty()))
            .or_else(|| self.agents.get(product).cloned())
            .unwrap_or_else(|| product.to_owned())
    }

    fn who(&mut self, request: &RequestEvent, now: Instant) -> (String, Option<&'static Client>) {
        let product = request.product().to_owned();
        if let Some(client) = Client::of(request) {
            let program = if request.is_from_browser() {
                self.program_without_page(now)
            } else {
                Some(product)
            };
            if let Some(program) = program {
                self.recognize(program, &client.title);
            }
            return (client.title.clone(), Some(client));
        }
        let known = if request.is_from_browser() {
            self.latest.clone()
        } else {
            self.agents.get(&product).cloned()
        };
        if let Some(title) = known {
            let client = self.open.get(&title).and_then(|flow| flow.client);
            return (title, client.or_else(Client::unknown));
        }
        if let Some(name) = &request.name
            && !request.is_from_browser()
        {
            self.recognize(product, name);
            return (name.clone(), Client::unknown());
        }
        (product, Client::unknown())
    }

    /// Records that the requests of `program` are those of the client with this name. What the
    /// program did before it was recognized is part of the same sign-in.
    fn recognize(&mut self, program: String, title: &str) {
        if program != title {
            self.open.remove(&program);
        }
        if self.agents.len() < MAX_CLIENTS {
            self.agents.insert(program, title.to_owned());
        }
    }

    /// Returns the unknown program that most likely opened the page that a browser requests now. A
    /// client with a metadata document does not register, so the page is the first request that
    /// identifies it.
    fn program_without_page(&self, now: Instant) -> Option<String> {
        let before_page = |step: &str| matches!(step, "resource metadata" | "server metadata");
        let waiting = self.open.iter().filter(|(_, flow)| {
            let is_unknown = flow.client.is_none_or(|client| {
                Client::unknown().is_some_and(|unknown| unknown.title == client.title)
            });
            is_unknown && before_page(&flow.step) && now.duration_since(flow.since) < BROWSER
        });
        let latest = waiting.max_by_key(|(_, flow)| flow.since);
        latest.map(|(title, _)| title.clone())
    }

    /// Returns when the next client must be checked.
    pub fn next_look(&self) -> Option<Instant> {
        let open = self.open.values().filter(|flow| !flow.is_told);
        open.map(|flow| flow.since + flow.patience()).min()
    }

    /// Returns the clients that have stopped and were not reported before.
    pub fn stopped(&mut self, now: Instant) -> Vec<Stopped> {
        let mut found = Vec::new();
        for (title, flow) in &mut self.open {
            let until = flow.since + flow.patience();
            if flow.is_told || now < until {
                continue;
            }
            // The client may have continued, with its notice still on the way.
            if now > until + SUSPEND_THRESHOLD {
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

/// Returns true if the client made a successful call.
fn is_arrival(request: &RequestEvent) -> bool {
    request.step == "mcp" && request.status < 400
}

fn is_step(request: &RequestEvent) -> bool {
    let is_preflight = request.method == "OPTIONS";
    // Failed calls with an ended session or a missing stream are not steps of the sign-in.
    let is_refused = request.step != "mcp" || matches!(request.status, 401 | 403);
    STEPS.contains(&request.step.as_str()) && !is_preflight && is_refused
}

fn next(step: &str) -> &'static str {
    match step {
        "mcp" => "the resource metadata",
        "resource metadata" => "the server metadata",
        "server metadata" => "its registration",
        "registration" => "the sign-in page",
        "authorization" | "sign-in" => "the user's consent",
        "consent" => "the exchange of its code",
        _ => "its first call",
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Flows, RequestEvent};

    fn request(step: &str, status: u16, agent: &str) -> RequestEvent {
        RequestEvent {
            step: step.into(),
            method: "POST".into(),
            status,
            milliseconds: 1,
            agent: agent.into(),
            name: None,
            redirect_uri: None,
            is_from_mcpo: false,
            is_from_probe: false,
        }
    }

    /// The probe, and every program with an unknown `User-Agent` and a metadata document.
    #[test]
    fn a_program_that_was_recognized_late_has_not_stopped() {
        let (mut flows, began) = (Flows::default(), Instant::now());
        flows.take(&request("mcp", 401, "some-agent/1"), began);
        flows.take(&request("server metadata", 200, "some-agent/1"), began);
        let page = RequestEvent {
            redirect_uri: Some("https://claude.ai/api/mcp/auth_callback".into()),
            ..request("authorization", 200, "Mozilla/5.0")
        };
        assert_eq!(flows.take(&page, began), "claude.ai");
        flows.take(&request("consent", 303, "Mozilla/5.0"), began);
        assert_eq!(
            flows.take(&request("token", 200, "some-agent/1"), began),
            "claude.ai"
        );
        flows.take(&request("mcp", 200, "some-agent/1"), began);
        assert_eq!(flows.next_look(), None, "{flows:?}");

        let registration = RequestEvent {
            name: Some("My client".into()),
            ..request("registration", 201, "other/1")
        };
        flows.take(&request("mcp", 401, "other/1"), began);
        flows.take(&registration, began);
        assert_eq!(
            flows.take(&request("mcp", 200, "other/1"), began),
            "My client"
        );
        assert_eq!(flows.next_look(), None, "{flows:?}");
    }

    #[test]
    fn requests_of_mcpo_itself_and_of_a_probe_are_not_tracked() {
        let (mut flows, began) = (Flows::default(), Instant::now());
        let probe = RequestEvent {
            is_from_mcpo: true,
            ..request("mcp", 401, "Claude-User")
        };
        assert_eq!(flows.take(&probe, began), "mcpo");
        let from_elsewhere = RequestEvent {
            is_from_mcpo: false,
            is_from_probe: true,
            ..probe
        };
        assert_eq!(flows.take(&from_elsewhere, began), "claude.ai");
        assert_eq!(flows.next_look(), None);
    }

    #[test]
    fn a_client_that_stops_is_reported_with_likely_causes() {
        let (mut flows, began) = (Flows::default(), Instant::now());
        flows.take(&request("mcp", 401, "python-httpx/0.28"), began);
        let registration = RequestEvent {
            redirect_uri: Some("https://claude.ai/api/mcp/auth_callback".into()),
            ..request("registration", 201, "python-httpx/0.28")
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
            "reported once"
        );
    }

    #[test]
    fn time_limits_start_again_after_a_suspend() {
        let (mut flows, began) = (Flows::default(), Instant::now());
        flows.take(&request("mcp", 401, "node"), began);
        let woken = began + Duration::from_secs(8 * 60 * 60);
        assert!(flows.stopped(woken).is_empty(), "the machine slept");
        assert!(flows.next_look().is_some_and(|look| look > woken));
        let stopped = flows.stopped(woken + Duration::from_secs(9));
        assert_eq!(stopped[0].seconds, 9);
    }

    #[test]
    fn a_client_that_continues_has_not_stopped() {
        let (mut flows, began) = (Flows::default(), Instant::now());
        for (step, status) in [("mcp", 401), ("token", 200), ("mcp", 200)] {
            flows.take(&request(step, status, "node"), began);
        }
        assert_eq!(flows.next_look(), None);
    }

    #[test]
    fn a_browser_shows_the_page_of_the_client_that_sent_it() {
        let (mut flows, began) = (Flows::default(), Instant::now());
        flows.take(&request("registration", 201, "Cursor/1.0"), began);
        let page = request("authorization", 200, "Mozilla/5.0");
        assert_eq!(flows.take(&page, began), "Cursor");
        // A person gets more time than a program.
        assert!(flows.stopped(began + Duration::from_secs(20)).is_empty());
        let stopped = flows.stopped(began + Duration::from_secs(31));
        assert_eq!(
            stopped[0].causes,
            ["the user has not signed in or allowed access yet"]
        );
    }
}
