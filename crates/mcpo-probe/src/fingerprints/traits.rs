//! The responses of a server so far, and what they show about it.

use std::{cell::RefCell, fmt};

use super::{
    ALL, Blanks,
    known::{Fingerprint, Kind, Place},
};

/// The most responses of one place that are remembered: later ones add nothing new.
const REMEMBERED: usize = 12;
/// The most responses of one check that are kept to explain its verdict.
const RECENT: usize = 8;

/// A response.
#[derive(Clone)]
pub struct Noted {
    pub place: Place,
    /// The requested address, without secrets.
    pub url: String,
    /// `status NNN`, then the headers with names in lower case, one per line, then the body.
    pub text: String,
}

/// Without the text, which may contain secrets.
impl fmt::Debug for Noted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Noted");
        shown.field("place", &self.place).field("url", &self.url);
        shown.finish_non_exhaustive()
    }
}

impl Noted {
    /// Returns the HTTP status.
    pub fn status(&self) -> u16 {
        let first = self.text.lines().next().unwrap_or_default();
        let status = first.strip_prefix("status ").map(str::parse);
        status.and_then(Result::ok).unwrap_or_default()
    }

    /// Returns true if the response is a page.
    pub fn is_page(&self) -> bool {
        self.text.contains("\ncontent-type: text/html")
    }
}

/// What a response shows about its cause.
#[derive(Debug)]
pub struct Explanation {
    pub name: &'static str,
    pub kind: Kind,
    pub says: &'static str,
    pub fix: &'static str,
    /// Whether it is a check that browsers pass.
    pub is_passed_by_browsers: bool,
}

/// The responses of a server so far.
#[derive(Debug, Default)]
pub struct Traits {
    noted: RefCell<Vec<Noted>>,
    recent: RefCell<Vec<Noted>>,
}

impl Traits {
    /// Records a response.
    pub fn note(&self, noted: Noted) {
        let mut all = self.noted.borrow_mut();
        let same = all.iter().filter(|other| other.place == noted.place);
        if same.count() < REMEMBERED {
            all.push(noted.clone());
        }
        let mut recent = self.recent.borrow_mut();
        if recent.len() == RECENT {
            recent.remove(0);
        }
        recent.push(noted);
    }

    /// Returns the responses since the last call.
    pub fn take_recent(&self) -> Vec<Noted> {
        std::mem::take(&mut *self.recent.borrow_mut())
    }

    /// Replaces the responses since the last call of [`take_recent`](Self::take_recent).
    pub fn restore_recent(&self, recent: Vec<Noted>) {
        *self.recent.borrow_mut() = recent;
    }

    /// Returns the known servers that answer like this one.
    pub fn recognized(&self) -> Vec<&'static Fingerprint> {
        let noted = self.noted.borrow();
        let all = ALL.iter();
        all.filter(|known| known.is_recognized_by(&noted)).collect()
    }

    /// Returns the settings of the recognized servers that fix the check with this id.
    pub fn settings(&self, id: &str, blanks: &Blanks) -> Vec<String> {
        let recognized = self.recognized().into_iter();
        let settings = recognized.filter_map(|known| {
            let setting = blanks.fill(known.settings.get(id)?);
            Some(format!("{}: {setting}", known.name))
        });
        settings.collect()
    }

    /// Returns the recognized gateways, which are in front of the server.
    pub fn gateways(&self) -> Vec<&'static str> {
        let recognized = self.recognized().into_iter();
        let gateways = recognized.filter(|known| known.kind == Kind::Gateway);
        gateways.map(|known| &*known.name).collect()
    }

    /// Returns what `answer` shows about its cause, one explanation per known server.
    pub fn explain(&self, answer: &Noted) -> Vec<Explanation> {
        let noted = self.noted.borrow();
        let explain = |known: &'static Fingerprint| {
            let is_recognized = || known.is_recognized_by(&noted);
            let mut answers = known.answers.iter();
            let found = answers.find(|known| {
                known.matches(answer) && (!known.only_if_recognized || is_recognized())
            })?;
            Some(Explanation {
                name: &known.name,
                kind: known.kind,
                says: &found.says,
                fix: &found.fix,
                is_passed_by_browsers: found.browser,
            })
        };
        ALL.iter().filter_map(explain).collect()
    }
}
