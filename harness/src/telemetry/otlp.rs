//! OTLP over HTTP in protobuf, pushed from threads of the SDK's own. Both queues are bounded; the SDK drops what they
//! cannot hold, and says how much when it ends.

use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{
    MetricExporter, Protocol, RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::{
    Resource,
    metrics::PeriodicReader,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider},
};

use super::TelemetryError;

/// How often metrics are pushed: often enough to watch a spike.
const PUSH_EVERY: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(10);
/// Spans that wait to be sent: some ten seconds of a thousand requests a second.
const SPANS_MAX: usize = 32_768;
const SPANS_AT_ONCE: usize = 2_048;

/// A collector's URL, without the path of a signal.
pub fn endpoint(text: &str) -> Result<String, String> {
    if text.starts_with("https://") {
        return Err(
            "this build pushes over plain HTTP only; let a collector on this machine take it further".into(),
        );
    }
    let rest = text.strip_prefix("http://").unwrap_or_default();
    if rest.is_empty() || rest.starts_with('/') || rest.contains(char::is_whitespace) {
        return Err("expected a URL such as http://127.0.0.1:4318".into());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

pub fn metrics(url: &str) -> Result<PeriodicReader<MetricExporter>, TelemetryError> {
    let exporter = MetricExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{url}/v1/metrics"))
        .with_timeout(TIMEOUT)
        .with_retry_policy(RetryPolicy::recommended())
        .build();
    let exporter = exporter.map_err(|error| TelemetryError::Otlp(error.to_string()))?;
    Ok(PeriodicReader::builder(exporter).with_interval(PUSH_EVERY).build())
}

pub fn traces(url: &str, resource: Resource) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{url}/v1/traces"))
        .with_timeout(TIMEOUT)
        .with_retry_policy(RetryPolicy::recommended())
        .build();
    let exporter = exporter.map_err(|error| TelemetryError::Otlp(error.to_string()))?;
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(SPANS_MAX)
        .with_max_export_batch_size(SPANS_AT_ONCE)
        .with_scheduled_delay(Duration::from_secs(1))
        .build();
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
    Ok(SdkTracerProvider::builder().with_span_processor(processor).with_resource(resource).build())
}

pub fn tracer(provider: &SdkTracerProvider) -> SdkTracer {
    provider.tracer("richter")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_named_by_its_address_alone() {
        assert_eq!(endpoint("http://127.0.0.1:4318/").as_deref(), Ok("http://127.0.0.1:4318"));
        assert_eq!(endpoint("http://collector/otlp").as_deref(), Ok("http://collector/otlp"));
        for text in ["", "127.0.0.1:4318", "http://", "http:///v1", "http://a b"] {
            assert!(endpoint(text).expect_err(text).contains("http://127.0.0.1:4318"), "{text}");
        }
        assert!(endpoint("https://collector:4318").expect_err("no TLS").contains("plain HTTP"));
    }
}
