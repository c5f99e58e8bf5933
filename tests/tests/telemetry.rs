//! CloudWatch and CloudWatch Logs of mock-bedrock, as the AWS SDK for Rust finds them: the one in CBOR, the other in JSON.
//! The sibling in boto3 is `tests/conformance/python/boto3_cloudwatch.py`.

mod logs;
mod metrics;
mod observed;

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use richter_mock_bedrock::server::{Running, Settings, start};

const REGION: &str = "us-east-1";

/// A server, and clients of its services.
struct Stand {
    server: Running,
    logs: aws_sdk_cloudwatchlogs::Client,
    metrics: aws_sdk_cloudwatch::Client,
    bedrock: aws_sdk_bedrock::Client,
    runtime: aws_sdk_bedrockruntime::Client,
}

/// Runs a test against a server of its own.
fn on(settings: Settings, test: impl AsyncFnOnce(&Stand)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let stand = Stand::new(start(settings).await.expect("it starts"));
        test(&stand).await;
        stand.server.stop().await;
    });
}

/// The configuration of one client, as its user makes it, but for one attempt.
macro_rules! client {
    ($sdk:ident, $url:expr, $http:expr) => {{
        use $sdk::config::{BehaviorVersion, Region, retry::RetryConfig};
        let config = $sdk::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url($url)
            .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"))
            .http_client($http)
            .retry_config(RetryConfig::disabled())
            .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new());
        $sdk::Client::from_conf(config.build())
    }};
}

impl Stand {
    fn new(server: Running) -> Stand {
        let url = server.base_url();
        let http: SharedHttpClient = aws_smithy_http_client::Builder::new().build_http();
        Stand {
            logs: client!(aws_sdk_cloudwatchlogs, &url, http.clone()),
            metrics: client!(aws_sdk_cloudwatch, &url, http.clone()),
            bedrock: client!(aws_sdk_bedrock, &url, http.clone()),
            runtime: client!(aws_sdk_bedrockruntime, &url, http),
            server,
        }
    }

    /// A log group with one stream.
    async fn group(&self, name: &str) {
        self.logs.create_log_group().log_group_name(name).send().await.expect("a group");
        let stream = self.logs.create_log_stream().log_group_name(name).log_stream_name("s");
        stream.send().await.expect("a stream");
    }
}

/// The wall's time in milliseconds since 1970, as an SDK's user would have it.
fn now_ms() -> i64 {
    let since = aws_smithy_async::time::TimeSource::now(&aws_smithy_async::time::SystemTimeSource::new());
    let since = since.duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).expect("a time")
}
