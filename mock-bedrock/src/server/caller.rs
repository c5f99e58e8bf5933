//! Who asks, and of which Region and service: by the SigV4 credential scope, else by the Host header, else by what the
//! server was told. Nothing is checked here; whether a signature is true is another question.

use http::{HeaderMap, Request, header};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub region: String,
    /// Signing name, such as `bedrock`, `sts` or `servicequotas`; empty when nothing says it.
    pub service: String,
    pub account: String,
    /// As the credential scope names it; none for bearer tokens and for requests that are not signed.
    pub access_key: Option<String>,
    /// ARN of the role that it has assumed, if it has.
    pub role: Option<String>,
}

/// What holds for a caller whose request does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usual {
    pub region: String,
    pub account: String,
    /// The listener belongs to one Region: what the caller says of Regions does not count.
    pub only: bool,
}

impl Caller {
    pub fn of<B>(request: &Request<B>, usual: &Usual) -> Caller {
        let scope = scope(request.headers());
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| request.uri().authority().map(|host| host.as_str())).map(by_host);
        let (host_region, host_service) = host.unwrap_or_default();
        let said = scope.map(|scope| scope.region).or(host_region).filter(|_| !usual.only);
        let service = scope.map(|scope| scope.service).or(host_service).unwrap_or_default();
        Caller {
            region: said.unwrap_or(&usual.region).to_owned(),
            service: service.to_owned(),
            account: usual.account.clone(),
            access_key: scope.map(|scope| scope.access_key.to_owned()),
            role: None,
        }
    }

    /// The identity that records name.
    pub fn arn(&self) -> String {
        let user = || format!("arn:aws:iam::{}:user/richter", self.account);
        self.role.clone().unwrap_or_else(user)
    }
}

/// A credential scope: `KEY/20261121/us-east-1/bedrock/aws4_request`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    pub access_key: &'a str,
    pub date: &'a str,
    pub region: &'a str,
    pub service: &'a str,
}

/// The scope in an `Authorization` header of SigV4.
pub fn scope(headers: &HeaderMap) -> Option<Scope<'_>> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = value.strip_prefix("AWS4-HMAC-SHA256")?.split_once("Credential=")?;
    Scope::parse(credential.split([',', ' ']).next()?)
}

impl<'a> Scope<'a> {
    /// Read from the end, since an access key may hold a slash.
    pub fn parse(credential: &'a str) -> Option<Scope<'a>> {
        let mut parts = credential.rsplitn(5, '/');
        let end = parts.next()?;
        let (service, region, date) = (parts.next()?, parts.next()?, parts.next()?);
        let access_key = parts.next()?;
        let whole = end == "aws4_request" && !region.is_empty() && !access_key.is_empty();
        whole.then_some(Scope { access_key, date, region, service })
    }
}

/// The Region that a host names, as a client's hello does before there is any request.
pub fn region_of_host(host: &str) -> Option<&str> {
    by_host(host).0
}

/// Region and service that a host such as `bedrock-runtime.us-east-1.amazonaws.com` names.
fn by_host(host: &str) -> (Option<&str>, Option<&str>) {
    let mut labels = host.split(':').next().unwrap_or_default().split('.');
    let service = match labels.next().map(|label| label.strip_suffix("-fips").unwrap_or(label)) {
        Some("bedrock" | "bedrock-runtime") => "bedrock",
        Some("sts") => "sts",
        Some("servicequotas") => "servicequotas",
        Some("logs") => "logs",
        Some("monitoring") => "monitoring",
        Some("iam") => "iam",
        _ => return (None, None),
    };
    (labels.next().filter(|label| looks_like_a_region(label)), Some(service))
}

/// `us-east-1`, `us-gov-west-1`, `ap-southeast-5`: words, and a number at the end.
fn looks_like_a_region(label: &str) -> bool {
    let Some((words, number)) = label.rsplit_once('-') else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let letters = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase());
    digits(number) && words.contains('-') && words.split('-').all(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> Usual {
        Usual { region: "us-east-1".into(), account: "111122223333".into(), only: false }
    }

    fn request(headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request")
    }

    /// As it comes over HTTP/2, which has no Host header.
    fn to(uri: &str) -> Request<()> {
        Request::builder().uri(uri).body(()).expect("a request")
    }

    const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKIA/20261121/eu-west-1/bedrock/aws4_request, \
                          SignedHeaders=host;x-amz-date, Signature=00";

    #[test]
    fn the_scope_goes_before_the_host_and_the_host_before_what_is_usual() {
        let host = ("host", "bedrock-runtime.ap-south-1.amazonaws.com");
        let table = [
            (request(&[("authorization", SIGNED), host]), ("eu-west-1", "bedrock")),
            (request(&[host]), ("ap-south-1", "bedrock")),
            (request(&[("host", "bedrock-fips.us-gov-west-1.api.aws")]), ("us-gov-west-1", "bedrock")),
            (request(&[("host", "sts.amazonaws.com")]), ("us-east-1", "sts")),
            (request(&[("host", "127.0.0.1:4599")]), ("us-east-1", "")),
            (request(&[("host", "bedrock-runtime.localhost:1")]), ("us-east-1", "bedrock")),
            (request(&[("authorization", "Bearer abc"), host]), ("ap-south-1", "bedrock")),
            (request(&[("authorization", "AWS4-HMAC-SHA256 Credential=x/y")]), ("us-east-1", "")),
            (request(&[]), ("us-east-1", "")),
            (to("https://bedrock.eu-west-3.amazonaws.com/"), ("eu-west-3", "bedrock")),
        ];
        for (request, (region, service)) in table {
            let caller = Caller::of(&request, &usual());
            assert_eq!((&*caller.region, &*caller.service), (region, service), "{:?}", request.headers());
        }
    }

    #[test]
    fn a_listener_of_one_region_does_not_ask_the_caller() {
        let usual = Usual { region: "us-west-2".into(), only: true, ..usual() };
        let caller = Caller::of(&request(&[("authorization", SIGNED)]), &usual);
        assert_eq!((&*caller.region, caller.access_key.as_deref()), ("us-west-2", Some("AKIA")));
    }

    #[test]
    fn a_scope_is_read_whole_or_not_at_all() {
        let scope = |text| Scope::parse(text).map(|scope| (scope.access_key, scope.date, scope.region));
        assert_eq!(
            scope("A/B/20261121/us-east-1/bedrock/aws4_request"),
            Some(("A/B", "20261121", "us-east-1"))
        );
        for broken in ["", "////", "A/20261121/us-east-1/bedrock/aws5_request", "/20261121/r/s/aws4_request"]
        {
            assert_eq!(scope(broken), None, "{broken}");
        }
    }
}
