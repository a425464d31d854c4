//! Files that cannot be used, and what the library's errors mean. Sessions are tried by whole runs (`tests/tls.rs`).

use shakedown_model::plan::TlsSpec;
use tokio_rustls::rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

use super::*;

fn issued() -> (String, String) {
    let issued = rcgen::generate_simple_self_signed(["nacos.test".to_owned()]).unwrap();
    (issued.cert.pem(), issued.signing_key.serialize_pem())
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        Some(path)
    };
    let (certificate, key) = issued();
    let (_, other_key) = issued();
    let good = file("good.pem", &certificate);
    let refusal = |spec: TlsSpec| ClientTls::load(&spec).unwrap_err().to_string();
    let ca = |ca| TlsSpec { ca, ..TlsSpec::default() };
    let pair =
        |client_certificate, client_key| TlsSpec { client_certificate, client_key, ..ca(good.clone()) };
    for (spec, words) in [
        (ca(Some(folder.path().join("gone.pem"))), ["`ca`", "cannot be read"]),
        (ca(file("empty.pem", "")), ["`ca`", "holds no certificate"]),
        (ca(file("key-only.pem", &key)), ["`ca`", "holds no certificate"]),
        (pair(good.clone(), file("no-key.pem", &certificate)), ["`client-key`", "holds no key"]),
        (pair(good.clone(), file("other.pem", &other_key)), ["its key", "together"]),
    ] {
        let said = refusal(spec);
        assert!(words.iter().all(|word| said.contains(word)), "{words:?} in: {said}");
    }
    ClientTls::load(&pair(good.clone(), file("key.pem", &key))).unwrap();
}

#[test]
fn a_name_is_the_hosts_unless_one_is_given() {
    let spec = TlsSpec { verify: false, ..TlsSpec::default() };
    let tls = ClientTls::load(&spec).unwrap();
    for (host, name) in [("nacos.test", "nacos.test"), ("10.0.0.7", "10.0.0.7"), ("[::1]", "::1")] {
        assert_eq!(tls.grpc(host).unwrap().name, ServerName::try_from(name).unwrap());
    }
    assert!(matches!(tls.http("no name"), Err(TlsError::Name(name)) if name == "no name"));
    let named = ClientTls::load(&TlsSpec { server_name: Some("real.test".to_owned()), ..spec }).unwrap();
    assert_eq!(&*named.http("10.0.0.7").unwrap().host, "real.test");
}

#[test]
fn the_librarys_errors_are_told_apart() {
    use TlsTrouble as T;
    for (error, trouble) in [
        (Error::InvalidCertificate(CertificateError::Expired), T::Expired),
        (Error::InvalidCertificate(CertificateError::NotValidYet), T::NotYetValid),
        (Error::InvalidCertificate(CertificateError::NotValidForName), T::WrongName),
        (Error::InvalidCertificate(CertificateError::UnknownIssuer), T::UnknownAuthority),
        (Error::AlertReceived(AlertDescription::CertificateRequired), T::ClientCertificate),
        (Error::AlertReceived(AlertDescription::UnknownCA), T::ClientCertificate),
        (Error::AlertReceived(AlertDescription::InternalError), T::Other),
        (Error::InvalidMessage(InvalidMessage::InvalidContentType), T::NoTls),
    ] {
        assert_eq!(TlsTrouble::of(&error), trouble, "{error}");
    }
}
