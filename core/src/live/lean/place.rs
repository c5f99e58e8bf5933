//! How a target is called. The SDK knows: Regions' addresses, FIPS and dual-stack, addresses from the environment, profiles that
//! stand in a path, bearer keys. So it is made to prepare a call to the target, which is taken from it before it leaves, and
//! what it would have done is then done for every call.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use aws_credential_types::Credentials;
use aws_sdk_bedrockruntime::{Client, config};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::HttpRequest,
    result::ConnectorError,
};
use tokio::sync::OnceCell;

use super::{
    keys::{Held, Keys},
    sign::{self, Key, Signature, ToSign},
};
use crate::{
    live::{
        bedrock::{Clients, refusal},
        transport::Break,
    },
    target::TargetId,
};

/// The way to every target, each learned when it is first needed.
#[derive(Debug)]
pub(super) struct Places {
    clients: Arc<Clients>,
    /// By account.
    keys: Vec<Arc<Keys>>,
    known: Vec<OnceCell<Place>>,
}

#[derive(Debug)]
pub(super) struct Place {
    /// Scheme and authority.
    pub(super) base: String,
    /// As it is signed.
    pub(super) host: String,
    /// Up to the operation.
    model: Path,
    access: Access,
    keys: Arc<Keys>,
    /// The last one used.
    key: Mutex<Option<Arc<Key>>>,
}

/// A path as it is sent and as it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) written: String,
    pub(super) canonical: String,
}

/// How calls show that they may be made.
#[derive(Clone, PartialEq, Eq)]
enum Access {
    /// They are signed for this Region and service.
    Signed {
        region: String,
        service: String,
    },
    /// They carry this, as it is.
    Header(String),
    Nothing,
}

/// Without what must not be shown.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Access::Signed { region, service } => write!(f, "Signed for {service} in {region}"),
            Access::Header(_) => f.write_str("Header(**)"),
            Access::Nothing => f.write_str("Nothing"),
        }
    }
}

impl Places {
    pub(super) fn new(clients: &Arc<Clients>) -> Places {
        Places {
            keys: clients.accounts().map(|config| Arc::new(Keys::of(config))).collect(),
            known: clients.targets().iter().map(|_| OnceCell::new()).collect(),
            clients: Arc::clone(clients),
        }
    }

    pub(super) async fn at(&self, target: TargetId) -> Result<&Place, Break> {
        let known = self.known.get(usize::from(target.0));
        let known = known.expect("a strategy is built from the targets that the clients know");
        known.get_or_try_init(|| self.learn(target)).await
    }

    async fn learn(&self, target: TargetId) -> Result<Place, Break> {
        let taken = Taken::default();
        let connector = SharedHttpConnector::new(taken.clone());
        let (builder, account, model) = self.clients.made_of(target);
        let mut config: config::Builder = builder.http_client(http_client_fn(move |_, _| connector.clone()));
        if self.keys[account].has_provider() {
            // What is signed is thrown away, so nobody need be asked for credentials.
            config = config.credentials_provider(Credentials::new("none", "none", None, None, "richter"));
        }
        let call = Client::from_conf(config.build()).converse().model_id(model).send().await;
        match (taken.take(), call) {
            (Some(request), _) => Place::of(&request, Arc::clone(&self.keys[account])),
            (None, Err(error)) => Err(refusal::of_call(error)),
            (None, Ok(_)) => Err(refusal::not_sent("the SDK answered a call that it did not send".into())),
        }
    }
}

impl Place {
    fn of(request: &HttpRequest, keys: Arc<Keys>) -> Result<Place, Break> {
        let parts = apart(request.uri());
        let (base, host, path) =
            parts.ok_or_else(|| refusal::not_sent("the SDK's call has no address".into()))?;
        Ok(Place {
            base: base.to_owned(),
            host: host.to_owned(),
            model: Path::written(path),
            access: Access::of(request.headers().get("authorization")),
            keys,
            key: Mutex::default(),
        })
    }

    /// The path of an operation.
    pub(super) fn to(&self, operation: &str) -> Path {
        let Path { written, canonical } = &self.model;
        Path { written: format!("{written}{operation}"), canonical: format!("{canonical}{operation}") }
    }

    /// What shows that the call may be made.
    pub(super) async fn sign(&self, call: &ToSign<'_>) -> Result<Signature, Break> {
        match &self.access {
            Access::Nothing => Ok(Signature::default()),
            Access::Header(header) => {
                Ok(Signature { authorization: Some(header.clone()), ..Signature::default() })
            }
            Access::Signed { region, service } => {
                let held = self.keys.held().await.map_err(refusal::of_credentials)?;
                let now = sign::Moment::of(self.keys.now());
                let key = self.key(&held, &now, (region, service));
                Ok(sign::sign(call, &key, &now))
            }
        }
    }

    /// The same key serves for a day.
    fn key(&self, held: &Arc<Held>, now: &sign::Moment, scope: (&str, &str)) -> Arc<Key> {
        let mut kept = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some(key) if key.fits(held, now) => Arc::clone(key),
            _ => {
                let key = Arc::new(Key::new(Arc::clone(held), now, scope));
                *kept = Some(Arc::clone(&key));
                key
            }
        }
    }
}

impl Path {
    pub(super) fn root() -> Path {
        Path::written("/")
    }

    fn written(path: &str) -> Path {
        Path { written: path.to_owned(), canonical: sign::canonical(path) }
    }
}

impl Access {
    /// As a call's own header shows it.
    fn of(authorization: Option<&str>) -> Access {
        let Some(header) = authorization else { return Access::Nothing };
        let scope = header.split_once("Credential=").and_then(|(_, rest)| rest.split(',').next());
        let mut scope = scope.into_iter().flat_map(|scope| scope.split('/').skip(2));
        match (scope.next(), scope.next()) {
            (Some(region), Some(service)) => {
                Access::Signed { region: region.to_owned(), service: service.to_owned() }
            }
            _ => Access::Header(header.to_owned()),
        }
    }
}

/// Scheme with authority, the authority as it is signed, and the path without the operation.
fn apart(uri: &str) -> Option<(&str, &str, &str)> {
    let authority = uri.find("://")? + "://".len();
    let path = authority + uri[authority..].find('/')?;
    let host = &uri[authority..path];
    let usual = match &uri[..authority] {
        "https://" => host.strip_suffix(":443"),
        "http://" => host.strip_suffix(":80"),
        _ => None,
    };
    let operation = uri.rfind('/')? + 1;
    Some((&uri[..path], usual.unwrap_or(host), uri.get(path..operation)?))
}

/// Takes the call that is made through it.
#[derive(Clone, Default)]
struct Taken(Arc<Mutex<Option<HttpRequest>>>);

/// A call may hold a key.
impl fmt::Debug for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Taken")
    }
}

impl Taken {
    fn take(&self) -> Option<HttpRequest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl HttpConnector for Taken {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(request);
        HttpConnectorFuture::ready(Err(ConnectorError::other("taken".into(), None)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_apart_into_what_is_sent_and_what_is_signed() {
        let far = "https://bedrock-runtime.us-east-1.amazonaws.com/model/m%3A0/converse";
        let host = "bedrock-runtime.us-east-1.amazonaws.com";
        assert_eq!(apart(far), Some((&far[..host.len() + 8], host, "/model/m%3A0/")));
        let near = apart("http://127.0.0.1:8080/under/model/m/converse");
        assert_eq!(near, Some(("http://127.0.0.1:8080", "127.0.0.1:8080", "/under/model/m/")));
        assert_eq!(apart("https://h:443/model/m/converse").map(|parts| parts.1), Some("h"));
        assert_eq!(apart("http://h:443/model/m/converse").map(|parts| parts.1), Some("h:443"));
        assert_eq!((apart("nonsense"), apart("http://h")), (None, None));
    }

    #[test]
    fn access_is_that_of_the_sdk_s_own_call() {
        let signed = "AWS4-HMAC-SHA256 Credential=AKIA/20261121/eu-west-1/bedrock/aws4_request, SignedHeaders=host, Signature=00";
        let (region, service) = ("eu-west-1".to_owned(), "bedrock".to_owned());
        assert_eq!(Access::of(Some(signed)), Access::Signed { region, service });
        assert_eq!(Access::of(Some("Bearer abc")), Access::Header("Bearer abc".to_owned()));
        assert_eq!(format!("{:?}", Access::of(Some("Bearer abc"))), "Header(**)");
        assert_eq!(Access::of(None), Access::Nothing);
    }
}
