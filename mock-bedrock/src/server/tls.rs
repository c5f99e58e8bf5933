//! A certificate made for this run, since boto3 sends API keys over TLS only.
//!
//! An authority is made with it, and a client that is told to trust the authority's file (`AWS_CA_BUNDLE` for the AWS
//! SDKs) accepts this server under its loopback names and under the names of the AWS endpoints that it stands for.
//! Neither key is ever written; the only file is the authority's certificate, where the caller asks for it.

use std::{fs, io, io::Write as _, path::Path, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tokio_rustls::rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

use crate::record::rfc3339;

/// Names of this machine. Clients refuse `*.localhost`, as a wildcard for a whole top level.
const LOOPBACK: [&str; 5] =
    ["localhost", "bedrock.localhost", "bedrock-runtime.localhost", "127.0.0.1", "::1"];
/// From a day before, for clients whose clock is behind.
const DAY_S: u64 = 86_400;
/// The longest that strict clients accept is 398 days.
const VALID_S: u64 = 390 * DAY_S;

/// Why there is no certificate. Both would be faults of this program or its libraries.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("the certificate could not be made")]
    Make(#[from] rcgen::Error),
    #[error("the certificate could not be used")]
    Use(#[from] tokio_rustls::rustls::Error),
}

/// Which certificate is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    Good,
    Expired,
    WrongName,
    UnknownAuthority,
}

/// What a server needs to speak TLS, and what its clients need to trust it.
#[derive(Debug, Clone)]
pub struct Tls {
    good: Arc<ServerConfig>,
    expired: Arc<ServerConfig>,
    wrong_name: Arc<ServerConfig>,
    unknown_authority: Arc<ServerConfig>,
    authority_pem: String,
}

impl Tls {
    /// A certificate for this machine and for the endpoints of these Regions, good from now on.
    pub fn generate<'a>(regions: impl IntoIterator<Item = &'a str>, unix_s: u64) -> Result<Tls, TlsError> {
        let names = names(regions);
        let trusted = authority("mock-bedrock authority of one run", unix_s)?;
        let stranger = authority("an authority that nobody trusts", unix_s)?;
        let nobody = vec!["mock-bedrock.invalid".to_owned()];
        Ok(Tls {
            good: config(&trusted, names.clone(), unix_s)?,
            expired: config(&trusted, names.clone(), unix_s.saturating_sub(2 * VALID_S))?,
            wrong_name: config(&trusted, nobody, unix_s)?,
            unknown_authority: config(&stranger, names, unix_s)?,
            authority_pem: trusted.pem(),
        })
    }

    pub fn config(&self, certificate: Certificate) -> Arc<ServerConfig> {
        let config = match certificate {
            Certificate::Good => &self.good,
            Certificate::Expired => &self.expired,
            Certificate::WrongName => &self.wrong_name,
            Certificate::UnknownAuthority => &self.unknown_authority,
        };
        config.clone()
    }

    /// The authority's certificate, for a client's bundle.
    pub fn authority_pem(&self) -> &str {
        &self.authority_pem
    }

    /// Writes the authority's certificate whole: under another name first, then renamed.
    pub fn write_authority(&self, path: &Path) -> io::Result<()> {
        let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let mut draft = name.to_owned();
        draft.push(".part");
        let draft = path.with_file_name(draft);
        let mut file = fs::File::create(&draft)?;
        file.write_all(self.authority_pem.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)
    }
}

/// A certificate for these names, shown with its authority.
fn config(
    authority: &CertifiedIssuer<'static, KeyPair>,
    names: Vec<String>,
    unix_s: u64,
) -> Result<Arc<ServerConfig>, TlsError> {
    let key = KeyPair::generate()?;
    let certificate = leaf(names, unix_s)?.signed_by(&key, authority)?;
    let chain = vec![certificate.der().clone(), authority.der().clone()];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![super::h2::ALPN.to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// A wildcard stands for one label, so that each Region needs its own.
fn names<'a>(regions: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let fixed = LOOPBACK.into_iter().chain(["*.amazonaws.com"]).map(str::to_owned);
    let of_region = |region: &str| [format!("*.{region}.amazonaws.com"), format!("*.{region}.api.aws")];
    fixed.chain(regions.into_iter().flat_map(of_region)).collect()
}

fn authority(name: &str, unix_s: u64) -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = dated(CertificateParams::default(), unix_s);
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn leaf(names: Vec<String>, unix_s: u64) -> Result<CertificateParams, rcgen::Error> {
    let mut params = dated(CertificateParams::new(names)?, unix_s);
    params.distinguished_name.push(DnType::CommonName, "mock-bedrock");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Strict clients, such as Python from 3.13 on, refuse a certificate without it.
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn dated(mut params: CertificateParams, unix_s: u64) -> CertificateParams {
    let day = |unix_s: u64| {
        let text = rfc3339(unix_s);
        let part = |from: usize, to: usize| text.get(from..to).and_then(|digits| digits.parse::<u16>().ok());
        let (year, month, day) = (part(0, 4), part(5, 7), part(8, 10));
        // Years beyond 9999 have no certificates.
        date_time_ymd(
            i32::from(year.unwrap_or(9999)),
            month.and_then(|month| u8::try_from(month).ok()).unwrap_or(1),
            day.and_then(|day| u8::try_from(day).ok()).unwrap_or(1),
        )
    };
    params.not_before = day(unix_s.saturating_sub(DAY_S));
    params.not_after = day(unix_s.saturating_add(VALID_S));
    params
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio_rustls::rustls::{
        ClientConfig, ClientConnection, RootCertStore, ServerConnection,
        pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
        time_provider::TimeProvider,
    };

    use super::*;

    const NOW: u64 = 1_764_547_200;

    /// A client whose clock says what the test says.
    #[derive(Debug)]
    struct At(u64);

    impl TimeProvider for At {
        fn current_time(&self) -> Option<UnixTime> {
            Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0)))
        }
    }

    fn tls() -> Tls {
        Tls::generate(["us-east-1", "eu-west-1"], NOW).expect("a certificate")
    }

    /// Shakes hands in memory, as a client that trusts the authority alone.
    fn shake(tls: &Tls, trusted: &Tls, name: &str, at: u64) -> Result<(), String> {
        shake_with(tls.config(Certificate::Good), trusted, name, at)
    }

    fn shake_with(server: Arc<ServerConfig>, trusted: &Tls, name: &str, at: u64) -> Result<(), String> {
        let mut roots = RootCertStore::empty();
        let authority =
            CertificateDer::from_pem_slice(trusted.authority_pem().as_bytes()).expect("a certificate");
        roots.add(authority).expect("an authority");
        let config = ClientConfig::builder_with_details(Arc::new(ring::default_provider()), Arc::new(At(at)))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let mut client = ClientConnection::new(Arc::new(config), name).expect("a client");
        let mut server = ServerConnection::new(server).expect("a server");
        while client.is_handshaking() || server.is_handshaking() {
            let (mut out, mut back) = (Vec::new(), Vec::new());
            client.write_tls(&mut out).expect("memory");
            server.read_tls(&mut &*out).expect("memory");
            server.process_new_packets().map_err(|error| error.to_string())?;
            server.write_tls(&mut back).expect("memory");
            client.read_tls(&mut &*back).expect("memory");
            client.process_new_packets().map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    #[test]
    fn the_server_is_trusted_under_its_own_names_and_those_it_stands_for() {
        let tls = tls();
        for name in [
            "localhost",
            "bedrock-runtime.localhost",
            "127.0.0.1",
            "::1",
            "sts.amazonaws.com",
            "bedrock-runtime.us-east-1.amazonaws.com",
            "bedrock.eu-west-1.amazonaws.com",
            "bedrock-mantle.us-east-1.api.aws",
        ] {
            assert_eq!(shake(&tls, &tls, name, NOW), Ok(()), "{name}");
        }
        for name in ["example.com", "bedrock.us-west-2.amazonaws.com", "192.0.2.1"] {
            let refusal = shake(&tls, &tls, name, NOW).expect_err(name);
            assert!(refusal.contains("not valid for name"), "{refusal}");
        }
    }

    #[test]
    fn nobody_trusts_it_without_its_authority() {
        assert!(shake(&tls(), &tls(), "localhost", NOW).is_err(), "each run has an authority of its own");
    }

    #[test]
    fn each_bad_certificate_is_refused_for_its_own_reason() {
        let tls = tls();
        for (certificate, reason) in [
            (Certificate::Expired, "certificate expired"),
            (Certificate::WrongName, "not valid for name"),
            (Certificate::UnknownAuthority, "UnknownIssuer"),
        ] {
            let refusal = shake_with(tls.config(certificate), &tls, "localhost", NOW).expect_err(reason);
            assert!(refusal.contains(reason), "{certificate:?}: {refusal}");
        }
    }

    #[test]
    fn it_is_good_for_a_year_from_its_day_on() {
        let tls = tls();
        let table = [
            (NOW - DAY_S, true),
            (NOW - 2 * DAY_S, false),
            (NOW + 365 * DAY_S, true),
            (NOW + 400 * DAY_S, false),
        ];
        for (at, good) in table {
            assert_eq!(shake(&tls, &tls, "localhost", at).is_ok(), good, "{at}");
        }
    }

    #[test]
    fn only_the_authoritys_certificate_is_written() {
        let tls = tls();
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        tls.write_authority(&path).expect("written");
        assert_eq!(fs::read_to_string(&path).expect("text"), tls.authority_pem());
        assert!(!tls.authority_pem().contains("PRIVATE"));
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "no draft stays behind");
    }
}
