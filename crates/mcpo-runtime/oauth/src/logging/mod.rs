//! Logging: one line per event on stderr, colored only on a terminal. On Cloud Run, lines are JSON
//! for Cloud Logging. Secrets must never be logged; ids and fingerprints may be.

mod cloud;
mod text;
mod timestamp;
mod writer;

use std::{
    fmt::{Error, Result},
    io::IsTerminal as _,
    time::SystemTime,
};

use tracing_subscriber::{
    Layer as _,
    filter::Targets,
    fmt::{
        self,
        format::{JsonFields, Writer},
        time::FormatTime,
    },
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

pub use self::writer::together;
use self::{cloud::CloudFormat, text::TextFields, writer::LogWriters};
use crate::base::request_log::RequestContext;

/// rmcp logs every message, which would hide the OAuth flow. It also logs each error that a client
/// gets, in the format of a Rust type; `mcpo-runtime` logs the result of each tool call itself.
const DEFAULT_FILTER: &str = "info,rmcp=warn,rmcp::service=error";

/// Starts logging, unless the program has already set up logging. `MCPO_LOG`, or else `RUST_LOG`,
/// sets the filter: `debug`, or `warn,mcpo_runtime=debug`. Returns false if the program has its own
/// logging.
pub fn start() -> bool {
    let wanted = ["MCPO_LOG", "RUST_LOG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let parsed = wanted.map(|filter| for_both_crates(&filter).parse::<Targets>());
    let (filter, problem) = match parsed {
        None => (default_filter(), None),
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (default_filter(), Some(error)),
    };
    let lines = fmt::layer().with_writer(LogWriters);
    let lines = if std::env::var_os("K_SERVICE").is_some() {
        lines
            .fmt_fields(JsonFields::new())
            .event_format(CloudFormat::from_environment())
            .boxed()
    } else {
        let colours = std::io::stderr().is_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        lines
            .compact()
            .fmt_fields(TextFields)
            .with_timer(TimeAndRequest)
            .with_target(false)
            .with_ansi(colours)
            .boxed()
    };
    let started = tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init();
    if let Some(error) = problem {
        tracing::warn!(%error, "MCPO_LOG is not a valid filter, using {DEFAULT_FILTER}");
    }
    started.is_ok()
}

/// The start of a line: the time and the request id.
struct TimeAndRequest;

impl FormatTime for TimeAndRequest {
    fn format_time(&self, writer: &mut Writer<'_>) -> Result {
        let request = RequestContext::current();
        let earlier = request.as_ref().and_then(RequestContext::earlier);
        let time = earlier.unwrap_or_else(SystemTime::now);
        writer.write_str(&timestamp::rfc3339(time).ok_or(Error)?)?;
        request.map_or(Ok(()), |request| write!(writer, " {}", request.id()))
    }
}

/// Lets a filter for a module of `mcpo_runtime` also select the module in this crate. Users know only
/// that crate. A filter without a module selects both crates, because it compares only the beginning.
fn for_both_crates(filter: &str) -> String {
    const KNOWN: &str = "mcpo_runtime::";
    const HERE: &str = "mcpo_runtime_oauth::";
    let of_modules = filter.split(',').filter_map(|directive| {
        let module = directive.strip_prefix(KNOWN)?;
        Some(format!(",{HERE}{module}"))
    });
    of_modules.fold(filter.to_owned(), |all, one| all + &one)
}

fn default_filter() -> Targets {
    DEFAULT_FILTER.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_for_a_module_selects_it_in_both_crates() {
        let filter = for_both_crates("warn,mcpo_runtime::login=debug,rmcp::service=error");
        let filter: Targets = filter.parse().unwrap();
        let enabled = |target: &str| filter.would_enable(target, &tracing::Level::DEBUG);
        assert!(enabled("mcpo_runtime::login"));
        assert!(enabled("mcpo_runtime_oauth::login::github"));
        assert!(!enabled("mcpo_runtime_oauth::endpoints"));
        assert_eq!(for_both_crates("mcpo_runtime=debug"), "mcpo_runtime=debug");
        let all: Targets = "mcpo_runtime=debug".parse().unwrap();
        assert!(all.would_enable("mcpo_runtime_oauth::login", &tracing::Level::DEBUG));
    }
}
