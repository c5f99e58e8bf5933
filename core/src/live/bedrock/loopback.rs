//! The HTTP client: the SDK's own, with the proxy that the environment names, but never for an address of this
//! machine. The SDK by itself sends calls for 127.0.0.1 through a proxy too, where they can only fail.

use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::HttpRequest,
        runtime_components::{RuntimeComponents, RuntimeComponentsBuilder},
    },
};
use aws_smithy_types::config_bag::ConfigBag;

/// A client that may be shared by any number of SDK clients; connections are pooled in it.
pub(super) fn http_client() -> SharedHttpClient {
    SharedHttpClient::new(ByAddress {
        near: client(ProxyConfig::disabled),
        far: client(ProxyConfig::from_env),
    })
}

fn client(proxy: fn() -> ProxyConfig) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(proxy());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).build()
    })
}

/// Two clients, and the request's host decides.
#[derive(Debug)]
struct ByAddress<C> {
    near: C,
    far: C,
}

impl HttpClient for ByAddress<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(ByAddress {
            near: self.near.http_connector(settings, components),
            far: self.far.http_connector(settings, components),
        })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.far.validate_base_client_config(components, config)
    }
}

impl HttpConnector for ByAddress<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if is_near(request.uri()) { self.near.call(request) } else { self.far.call(request) }
    }
}

/// Whether a URL leads to this machine.
fn is_near(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost")
        || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_are_told_from_all_others() {
        let table = [
            ("http://127.0.0.1:8080/model/m/converse", true),
            ("http://127.8.0.1", true),
            ("http://localhost/model", true),
            ("http://LOCALHOST:1", true),
            ("http://[::1]:8080/model", true),
            ("http://user:word@127.0.0.1/x", true),
            ("https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse", false),
            ("http://127.0.0.1.example.com/", false),
            ("http://localhost.example.com/", false),
            ("http://10.0.0.7:8080/127.0.0.1", false),
            ("http://127.0.0.1@example.com/", false),
            ("", false),
        ];
        for (url, near) in table {
            assert_eq!(is_near(url), near, "{url}");
        }
    }
}
