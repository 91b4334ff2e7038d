//! Limits the number of open connections, in total and per source.
//!
//! | limit | connections |
//! | --- | --- |
//! | in all | 8,192, or fewer if the process cannot open that many files |
//! | from one source | an eighth of that: 1,024 |
//!
//! A source is an IPv4 address or the /64 network of an IPv6 address. Trusted proxies have no limit
//! per source, because they carry the connections of many clients.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::throttle::Source;

const MAX_CONNECTIONS: usize = 8192;
/// One source gets at most an eighth of all connections.
const SHARE_OF_A_SOURCE: usize = 8;
/// The number of files that the process needs for other purposes.
const RESERVED_FILES: usize = 128;

/// The remaining capacity of both limits. Cheap to clone.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "only mcpo-runtime uses it")]
pub struct Capacity {
    all: Arc<Semaphore>,
    per_source: usize,
    sources: Arc<Mutex<HashMap<Source, usize>>>,
}

/// Permission to serve one connection. Dropping the value releases it.
#[expect(missing_debug_implementations, reason = "only mcpo-runtime uses it")]
pub struct Permit {
    _of_all: OwnedSemaphorePermit,
    of_source: Option<SourcePermit>,
}

struct SourcePermit {
    capacity: Capacity,
    source: Source,
}

/// The source has reached its limit of connections.
#[derive(Debug, PartialEq, Eq)]
pub struct TooManyFromSource {
    /// The limit.
    pub limit: usize,
}

impl Capacity {
    /// Returns the capacity of the process. Raises its limit of open files as far as the system
    /// allows.
    #[must_use]
    pub fn of_process() -> Self {
        let files = open_files(MAX_CONNECTIONS + RESERVED_FILES);
        Self::new(files.saturating_sub(RESERVED_FILES).min(MAX_CONNECTIONS))
    }

    fn new(connections: usize) -> Self {
        let connections = connections.max(SHARE_OF_A_SOURCE);
        Self {
            all: Arc::new(Semaphore::new(connections)),
            per_source: connections / SHARE_OF_A_SOURCE,
            sources: Arc::default(),
        }
    }

    /// Waits for permission to serve another connection, from any source.
    pub async fn permit(&self) -> Option<Permit> {
        let of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Permit {
            _of_all: of_all,
            of_source: None,
        })
    }

    fn sources(&self) -> std::sync::MutexGuard<'_, HashMap<Source, usize>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Counts the connection for `source`.
    pub fn count(&mut self, capacity: &Capacity, source: Source) -> Result<(), TooManyFromSource> {
        let mut sources = capacity.sources();
        let count = sources.entry(source).or_default();
        if *count >= capacity.per_source {
            let limit = capacity.per_source;
            return Err(TooManyFromSource { limit });
        }
        *count += 1;
        drop(sources);
        self.of_source = Some(SourcePermit {
            capacity: capacity.clone(),
            source,
        });
        Ok(())
    }
}

impl Drop for SourcePermit {
    fn drop(&mut self) {
        let mut sources = self.capacity.sources();
        if let Some(count) = sources.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                sources.remove(&self.source);
            }
        }
    }
}

/// Returns how many files the process may open, after asking for `wanted`.
#[cfg(unix)]
fn open_files(wanted: usize) -> usize {
    let raised = rlimit::increase_nofile_limit(wanted as u64);
    // If the system does not report a limit, it has none.
    raised.map_or(wanted, |files| usize::try_from(files).unwrap_or(usize::MAX))
}

/// Windows has no such limit.
#[cfg(not(unix))]
const fn open_files(wanted: usize) -> usize {
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_source_is_limited_to_an_eighth_of_the_capacity() {
        let capacity = Capacity::new(64);
        let source = |last: u8| Source::of([192, 0, 2, last].into());
        let mut held = Vec::new();
        for _ in 0..8 {
            let mut permit = capacity.permit().await.unwrap();
            assert_eq!(permit.count(&capacity, source(1)), Ok(()));
            held.push(permit);
        }
        let mut permit = capacity.permit().await.unwrap();
        let refused = permit.count(&capacity, source(1));
        assert_eq!(refused, Err(TooManyFromSource { limit: 8 }));
        assert_eq!(permit.count(&capacity, source(2)), Ok(()));
        held.pop();
        let mut permit = capacity.permit().await.unwrap();
        assert_eq!(permit.count(&capacity, source(1)), Ok(()));
        drop((permit, held));
        assert_eq!(capacity.sources().len(), 1, "only the remaining source");
    }
}
