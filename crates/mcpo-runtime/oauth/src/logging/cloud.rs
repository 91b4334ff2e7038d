//! Log events in the format that Cloud Logging reads from a container's stderr: one JSON object per
//! line. <https://cloud.google.com/logging/docs/structured-logging>

use std::fmt;

use serde_json::{Map, Value, json};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormattedFields,
        format::{JsonFields, Writer},
    },
    registry::LookupSpan,
};

use super::timestamp::rfc3339;
use crate::base::request_log::RequestContext;

/// The name of the trace field of a log entry.
const TRACE: &str = "logging.googleapis.com/trace";

pub(super) struct CloudFormat {
    /// The Google Cloud project. Without it, entries are not linked to traces.
    project: Option<String>,
}

impl CloudFormat {
    pub(super) fn from_environment() -> Self {
        Self {
            project: std::env::var("GOOGLE_CLOUD_PROJECT").ok(),
        }
    }

    fn entry(&self, event: &Event<'_>, request: Map<String, Value>) -> Value {
        let mut entry = Map::new();
        entry.insert(
            "severity".into(),
            severity(*event.metadata().level()).into(),
        );
        for (name, value) in request {
            match (name.as_str(), &self.project, value.as_str()) {
                ("trace", Some(project), Some(trace)) => {
                    let name = format!("projects/{project}/traces/{trace}");
                    entry.insert(TRACE.into(), name.into());
                }
                _ => {
                    entry.insert(name, value);
                }
            }
        }
        event.record(&mut Fields(&mut entry));
        Value::Object(entry)
    }
}

const fn severity(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG | Level::TRACE => "DEBUG",
    }
}

impl<S> FormatEvent<S, JsonFields> for CloudFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut request = Map::new();
        if let Some(current) = RequestContext::current() {
            request.insert("id".into(), current.id().to_string().into());
            request.extend(current.trace().map(|trace| ("trace".into(), trace.into())));
            // Otherwise Cloud Logging uses the time at which it gets the line.
            let time = current.earlier().and_then(rfc3339);
            request.extend(time.map(|time| ("time".into(), time.into())));
        }
        for span in context.event_scope().into_iter().flatten() {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<JsonFields>>();
            let fields = fields.and_then(|fields| serde_json::from_str(fields.as_str()).ok());
            if let Some(Value::Object(fields)) = fields {
                request.extend(fields);
            }
        }
        writeln!(writer, "{}", self.entry(event, request))
    }
}

/// Collects the fields of an event as JSON values.
struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn add(&mut self, field: &Field, value: Value) {
        self.0.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields<'_> {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, json!(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, json!(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, json!(format!("{value:?}")));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
        time::{Duration, SystemTime},
    };

    use axum::{body::Body, extract::Request};
    use tracing_subscriber::{filter::LevelFilter, fmt::MakeWriter, layer::SubscriberExt as _};

    use super::*;
    use crate::base::request_log::RequestLog;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Captured {
        type Writer = Self;
        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn entry_that_is_written_later_has_its_own_time() {
        let captured = Captured::default();
        let format = CloudFormat { project: None };
        let layer = tracing_subscriber::fmt::layer()
            .fmt_fields(JsonFields::new())
            .event_format(format)
            .with_writer(captured.clone());
        let subscriber = tracing_subscriber::registry()
            .with(LevelFilter::INFO)
            .with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let request = RequestLog::new(&Request::new(Body::empty()), "mcp");
            let request = request.context().unwrap().clone();
            let earlier = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500);
            request.run_at(earlier, || tracing::info!("tool called"));
        });
        let text = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
        let entry: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(entry["time"], "1970-01-01T00:00:01.500000Z");
    }

    #[test]
    fn entry_has_severity_message_request_and_trace() {
        let captured = Captured::default();
        let format = CloudFormat {
            project: Some("my-project".into()),
        };
        let layer = tracing_subscriber::fmt::layer()
            .fmt_fields(JsonFields::new())
            .event_format(format)
            .with_writer(captured.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let span = tracing::info_span!("request", id = "0a0b", trace = "105445aa");
            let _entered = span.enter();
            tracing::warn!(client = "c1", seconds = 3, "slow\n\"down\"");
        });
        let text = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        let entry: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            entry,
            json!({
                "severity": "WARNING",
                "message": "slow\n\"down\"",
                "id": "0a0b",
                "client": "c1",
                "seconds": 3,
                "logging.googleapis.com/trace": "projects/my-project/traces/105445aa",
            })
        );
    }
}
