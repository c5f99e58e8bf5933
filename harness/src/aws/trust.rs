//! The authorities that vouch for servers. The AWS SDK for Rust knows no `AWS_CA_BUNDLE` and panics on a file that is no
//! bundle, so it is read and tried here.

use std::{
    fs,
    path::{Path, PathBuf},
};

use aws_runtime::env_config::section::EnvConfigSections;
use aws_types::os_shim_internal::Env;
use richter_core::live::Trust;
use tokio_rustls::rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use super::{AccessError, variable};

/// As an argument, the environment or the profile says, in this order.
pub fn read(argument: Option<&Path>, profiles: &EnvConfigSections) -> Result<Trust, AccessError> {
    let from_env = variable(&Env::real(), "AWS_CA_BUNDLE").map(|path| (path, "AWS_CA_BUNDLE"));
    let from_profile = profiles.get("ca_bundle").map(|path| (path.to_owned(), "ca_bundle of the profile"));
    let said = match argument {
        Some(path) => Some((path.to_owned(), "--ca-bundle")),
        None => from_env.or(from_profile).map(|(path, by)| (PathBuf::from(path), by)),
    };
    said.map_or(Ok(Trust::System), |(path, by)| bundle(&path, by))
}

fn bundle(path: &Path, by: &str) -> Result<Trust, AccessError> {
    let wrong = |why: String| {
        AccessError::new(
            format!("{by}: {}: {why}", path.display()),
            "name a file with one or more certificates in PEM, each between BEGIN CERTIFICATE and END CERTIFICATE",
        )
    };
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        store.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if store.is_empty() {
        Err(wrong("there is no certificate in it".to_owned()))
    } else {
        Ok(Trust::Only(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_bundle_is_refused_with_its_name_and_who_named_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        for text in
            ["", "hello", broken, key, "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n"]
        {
            fs::write(&path, text).expect("written");
            let error = bundle(&path, "AWS_CA_BUNDLE").expect_err(text).to_string();
            assert!(error.starts_with("AWS_CA_BUNDLE: ") && error.contains("ca.pem: "), "{error}");
        }
        let error = bundle(&folder.path().join("none.pem"), "--ca-bundle").expect_err("no file").to_string();
        assert!(error.contains("No such file"), "{error}");
    }
}
