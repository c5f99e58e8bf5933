//! The HTTP client: the SDK's own, with the proxy that the environment names, but never for an address of this
//! machine or of the link, where instances and containers ask for their credentials. The SDK by itself sends such
//! calls through a proxy too, where they can only fail.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
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

/// Which authorities may vouch for a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those that the system trusts.
    #[default]
    System,
    /// Those of this bundle in PEM, and no others, as the AWS CLI takes `AWS_CA_BUNDLE`. It must be one that rustls can
    /// read: the SDK panics on any other.
    Only(String),
}

/// A client that may be shared by any number of SDK clients; connections are pooled in it.
pub fn http_client(trust: &Trust) -> SharedHttpClient {
    SharedHttpClient::new(ByAddress {
        near: client(ProxyConfig::disabled, trust),
        far: client(ProxyConfig::from_env, trust),
    })
}

/// Connectors for addresses of this machine, and for all others, each with connections of its own.
pub(in crate::live) fn connectors(
    trust: &Trust,
    connect: Option<Duration>,
) -> (SharedHttpConnector, SharedHttpConnector) {
    let mut settings = HttpConnectorSettings::builder();
    settings.set_connect_timeout(connect);
    let settings = settings.build();
    let one = |proxy: ProxyConfig| {
        let mut connector = Connector::builder().proxy_config(proxy).sleep_impl(TokioSleep::new());
        connector.set_connector_settings(Some(settings.clone()));
        SharedHttpConnector::new(
            connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls(trust)).build(),
        )
    };
    (one(ProxyConfig::disabled()), one(ProxyConfig::from_env()))
}

fn client(proxy: fn() -> ProxyConfig, trust: &Trust) -> SharedHttpClient {
    let tls = tls(trust);
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(proxy());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls.clone()).build()
    })
}

fn tls(trust: &Trust) -> TlsContext {
    let store = match trust {
        Trust::System => TrustStore::default(),
        Trust::Only(pem) => TrustStore::empty().with_pem_certificate(pem.as_bytes()),
    };
    let context = TlsContext::builder().with_trust_store(store).build();
    context.expect("a context without client certificates has nothing that could be wrong")
}

/// Where instances and pods find their credentials by IPv6 (AWS: "Instance metadata", "EKS Pod Identity").
const METADATA: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)];

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

/// Whether a URL leads to this machine, or to what only this machine's link can reach.
pub(in crate::live) fn is_near(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost")
        || host.parse().is_ok_and(|address: IpAddr| match address {
            IpAddr::V4(address) => address.is_loopback() || address.is_link_local(),
            IpAddr::V6(address) => address.is_loopback() || METADATA.contains(&address),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_and_its_link_are_told_from_all_others() {
        let table = [
            ("http://127.0.0.1:8080/model/m/converse", true),
            ("http://127.8.0.1", true),
            ("http://localhost/model", true),
            ("http://LOCALHOST:1", true),
            ("http://[::1]:8080/model", true),
            ("http://user:word@127.0.0.1/x", true),
            ("http://169.254.169.254/latest/api/token", true),
            ("http://169.254.170.23/v1/credentials", true),
            ("http://[fd00:ec2::254]/latest", true),
            ("http://[fd00:ec2::1]/latest", false),
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
