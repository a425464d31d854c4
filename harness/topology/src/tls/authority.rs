//! Who signs certificates in a run, and for whom.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use shakedown_model::fault::CertificateTrouble;

/// A name that no client expects.
const OTHER_NAME: &str = "elsewhere.shakedown.test";

/// A certificate and its key (PKCS #8), in DER.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) certificate: Vec<u8>,
    pub(super) key: Vec<u8>,
}

/// Somebody who signs.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: Vec<u8>,
}

/// The authorities of a run.
pub(super) struct Authorities {
    servers: Authority,
    clients: Authority,
    /// Nobody trusts it.
    stranger: Authority,
}

impl Authority {
    fn new(name: &str) -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?.der().to_vec();
        Ok(Self { issuer: Issuer::new(params, key), certificate })
    }

    fn issue(&self, mut params: CertificateParams, is_server: bool) -> Result<Identity, rcgen::Error> {
        params.extended_key_usages = vec![if is_server {
            ExtendedKeyUsagePurpose::ServerAuth
        } else {
            ExtendedKeyUsagePurpose::ClientAuth
        }];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?.der().to_vec();
        Ok(Identity { certificate, key: key.serialize_der() })
    }
}

impl Authorities {
    pub(super) fn new() -> Result<Self, rcgen::Error> {
        Ok(Self {
            servers: Authority::new("shakedown servers")?,
            clients: Authority::new("shakedown clients")?,
            stranger: Authority::new("a stranger")?,
        })
    }

    /// The certificate of whoever signs servers' certificates.
    pub(super) fn of_servers(&self) -> &[u8] {
        &self.servers.certificate
    }

    /// The certificate of whoever is trusted to sign clients' certificates.
    pub(super) fn trusted_for_clients(&self, trouble: Option<CertificateTrouble>) -> &[u8] {
        match trouble {
            Some(CertificateTrouble::ClientsUntrusted) => &self.stranger.certificate,
            _ => &self.clients.certificate,
        }
    }

    /// The certificate that all clients of the run show.
    pub(super) fn client(&self) -> Result<Identity, rcgen::Error> {
        self.clients.issue(CertificateParams::new(vec!["client.shakedown.test".to_owned()])?, false)
    }

    /// What a server of this name shows.
    pub(super) fn server(
        &self,
        name: &str,
        trouble: Option<CertificateTrouble>,
    ) -> Result<Identity, rcgen::Error> {
        use CertificateTrouble as Bad;
        let name = if trouble == Some(Bad::OtherName) { OTHER_NAME } else { name };
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        match trouble {
            Some(Bad::Expired) => {
                (params.not_before, params.not_after) =
                    (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
            }
            Some(Bad::NotYetValid) => params.not_before = date_time_ymd(3000, 1, 1),
            Some(Bad::OtherName | Bad::UnknownAuthority | Bad::ClientsUntrusted) | None => {}
        }
        let signer = if trouble == Some(Bad::UnknownAuthority) { &self.stranger } else { &self.servers };
        signer.issue(params, true)
    }
}

/// Keys are shown to nobody.
impl std::fmt::Debug for Authorities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authorities").finish_non_exhaustive()
    }
}
