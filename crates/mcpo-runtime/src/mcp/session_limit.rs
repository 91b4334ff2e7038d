//! Limits the sessions of the older protocol. A session uses about 50 KiB, and most clients never
//! end theirs.
//!
//! | limit | sessions |
//! | --- | --- |
//! | of one principal: a user, or a source address if no sign-in is configured | 64 |
//! | in all | 1,024 |
//!
//! If a limit is reached, a session without a request in the last minute is closed: the least
//! recently used one of the same principal, or of the principal with the most sessions. Its client
//! gets a 404 and begins a new session (MCP 2025-11-25, session management). If all sessions are in
//! use, the new one is refused.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// A session of the older protocol without a request for this long is closed. Its client gets a 404
/// and begins a new one.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(30 * 60);
const MAX_OF_PRINCIPAL: usize = 64;
const MAX_SESSIONS: usize = 1024;
/// A session that was used within this time is not closed for another one.
const IN_USE_FOR: Duration = Duration::from_secs(60);

/// The open sessions, by id.
#[derive(Default)]
pub(super) struct SessionLimit(Mutex<Sessions>);

#[derive(Default)]
struct Sessions {
    by_id: HashMap<Arc<str>, Session>,
    /// The number of sessions of each principal, including sessions that are just beginning.
    counts: HashMap<Arc<str>, usize>,
    begun: usize,
}

struct Session {
    principal: Arc<str>,
    used_at: Instant,
}

/// The limit that is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LimitReached {
    #[error("you have {MAX_OF_PRINCIPAL} sessions in use, which is the limit")]
    OfPrincipal,
    #[error("this server has {MAX_SESSIONS} sessions in use, which is the limit")]
    InAll,
}

/// A reserved place for a session that is just beginning. Dropping the value releases it.
pub(super) struct Reservation<'a> {
    limit: &'a SessionLimit,
    principal: Arc<str>,
}

/// Permission to begin a session, after closing the session in `to_close`, if there is one.
pub(super) struct Begun<'a> {
    pub(super) reservation: Reservation<'a>,
    pub(super) to_close: Option<Arc<str>>,
}

impl SessionLimit {
    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reserves a place for another session of `principal`.
    pub(super) fn begin(&self, principal: &str) -> Result<Begun<'_>, LimitReached> {
        let now = Instant::now();
        let mut sessions = self.lock();
        if sessions.by_id.len() + sessions.begun >= MAX_SESSIONS {
            sessions.forget_expired(now);
        }
        let of_principal = sessions.counts.get(principal).copied().unwrap_or_default();
        let to_close = if of_principal >= MAX_OF_PRINCIPAL {
            let quietest = sessions.quietest(Some(principal), now);
            Some(quietest.ok_or(LimitReached::OfPrincipal)?)
        } else if sessions.by_id.len() + sessions.begun >= MAX_SESSIONS {
            let largest = sessions.counts.iter().max_by_key(|(_, count)| **count);
            let largest = largest.map(|(principal, _)| Arc::clone(principal));
            let quietest = largest.and_then(|principal| sessions.quietest(Some(&principal), now));
            let quietest = quietest.or_else(|| sessions.quietest(None, now));
            Some(quietest.ok_or(LimitReached::InAll)?)
        } else {
            None
        };
        if let Some(id) = &to_close {
            sessions.remove(id);
        }
        let principal: Arc<str> = principal.into();
        *sessions.counts.entry(Arc::clone(&principal)).or_default() += 1;
        sessions.begun += 1;
        let limit = self;
        let reservation = Reservation { limit, principal };
        Ok(Begun {
            reservation,
            to_close,
        })
    }

    /// Records that a session was used.
    pub(super) fn used(&self, id: &str) {
        if let Some(session) = self.lock().by_id.get_mut(id) {
            session.used_at = Instant::now();
        }
    }

    /// Forgets a session that has ended.
    pub(super) fn ended(&self, id: &str) {
        self.lock().remove(id);
    }
}

impl Sessions {
    /// Removes sessions that rmcp has closed because they were not used for [`KEEP_ALIVE`].
    fn forget_expired(&mut self, now: Instant) {
        let is_expired = |session: &Session| now.duration_since(session.used_at) > KEEP_ALIVE;
        let expired = self.by_id.iter().filter(|(_, session)| is_expired(session));
        let expired: Vec<_> = expired.map(|(id, _)| Arc::clone(id)).collect();
        for id in expired {
            self.remove(&id);
        }
    }

    /// Returns the least recently used session, of `principal` if it is given, or `None` if even
    /// that session is in use.
    fn quietest(&self, principal: Option<&str>, now: Instant) -> Option<Arc<str>> {
        let is_of = |session: &Session| principal.is_none_or(|one| one == &*session.principal);
        let candidates = self.by_id.iter().filter(|(_, session)| is_of(session));
        let (id, session) = candidates.min_by_key(|(_, session)| session.used_at)?;
        let is_quiet = now.duration_since(session.used_at) >= IN_USE_FOR;
        is_quiet.then(|| Arc::clone(id))
    }

    fn remove(&mut self, id: &str) {
        if let Some(session) = self.by_id.remove(id) {
            self.release(&session.principal);
        }
    }

    fn release(&mut self, principal: &str) {
        if let Some(count) = self.counts.get_mut(principal) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(principal);
            }
        }
    }
}

impl Reservation<'_> {
    /// Records that the session has begun with this id.
    pub(super) fn take(self, id: &str) {
        let principal = Arc::clone(&self.principal);
        let used_at = Instant::now();
        let mut sessions = self.limit.lock();
        *sessions.counts.entry(Arc::clone(&principal)).or_default() += 1;
        let session = Session { principal, used_at };
        sessions.by_id.insert(id.into(), session);
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut sessions = self.limit.lock();
        sessions.begun -= 1;
        sessions.release(&self.principal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(
        limit: &SessionLimit,
        principal: &str,
        id: &str,
    ) -> Result<Option<Arc<str>>, LimitReached> {
        let begun_session = limit.begin(principal)?;
        begun_session.reservation.take(id);
        Ok(begun_session.to_close)
    }

    #[tokio::test(start_paused = true)]
    async fn rs10_idle_session_of_a_principal_is_closed_for_a_new_one() {
        let limit = SessionLimit::default();
        for number in 0..MAX_OF_PRINCIPAL {
            assert_eq!(begin(&limit, "ada", &number.to_string()), Ok(None));
        }
        assert_eq!(begin(&limit, "ada", "more"), Err(LimitReached::OfPrincipal));
        assert_eq!(begin(&limit, "bob", "his"), Ok(None));
        tokio::time::advance(IN_USE_FOR).await;
        limit.used("0");
        let closed = begin(&limit, "ada", "more").unwrap().unwrap();
        assert!(&*closed != "0" && &*closed != "his", "{closed}");
        let ids = (1..MAX_OF_PRINCIPAL).map(|number| number.to_string());
        let mut open = ids.filter(|id| **id != *closed);
        limit.ended(&open.next().unwrap());
        assert_eq!(begin(&limit, "ada", "again"), Ok(None));
        // An unused place is released.
        limit.ended(&open.next().unwrap());
        drop(limit.begin("ada").unwrap());
        assert_eq!(begin(&limit, "ada", "last"), Ok(None));
    }

    #[tokio::test(start_paused = true)]
    async fn rs10_principal_with_the_most_sessions_loses_one_at_the_limit() {
        let limit = SessionLimit::default();
        for number in 0..MAX_SESSIONS {
            let principal = format!("{}", number % 32);
            begin(&limit, &principal, &number.to_string()).unwrap();
        }
        assert_eq!(begin(&limit, "new", "new"), Err(LimitReached::InAll));
        tokio::time::advance(IN_USE_FOR).await;
        assert!(begin(&limit, "new", "new").unwrap().is_some());
        // Also if the principal with the most sessions uses them all.
        let busy: Vec<_> = (0..MAX_SESSIONS)
            .filter(|number| number % 32 == 7)
            .collect();
        for number in busy.iter().chain([&(MAX_SESSIONS + 1)]) {
            limit.used(&number.to_string());
        }
        assert!(begin(&limit, "newer", "newer").unwrap().is_some());
        let sessions = limit.lock();
        assert_eq!(sessions.by_id.len(), MAX_SESSIONS);
        assert_eq!(sessions.counts.values().sum::<usize>(), MAX_SESSIONS);
    }

    /// Expired sessions must not block new ones.
    #[tokio::test(start_paused = true)]
    async fn rs10_expired_sessions_do_not_count() {
        let limit = SessionLimit::default();
        for number in 0..MAX_SESSIONS {
            begin(&limit, &number.to_string(), &number.to_string()).unwrap();
        }
        tokio::time::advance(KEEP_ALIVE + Duration::from_secs(1)).await;
        assert_eq!(begin(&limit, "new", "new"), Ok(None));
        assert_eq!(limit.lock().by_id.len(), 1);
    }
}
