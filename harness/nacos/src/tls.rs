//! TLS of clients: what is shown and checked, and why a session does not come about.
//!
//! A session lies between the TCP stream and HTTP, so that it runs from end to end through every proxy. No session is
//! resumed: each connection pays for a whole handshake, as the Go and Python SDKs do, and as every client does whose
//! process is new.

mod material;
mod proof;
mod trouble;
mod unchecked;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use shakedown_model::plan::TlsSpec;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, pem};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

pub use self::material::TlsMaterial;
pub use self::proof::prove;
pub use self::trouble::TlsTrouble;
use self::unchecked::Unchecked;

/// HTTP/2 as ALPN names it.
const HTTP_2: &str = "h2";

/// What a file of TLS is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFile {
    /// The authorities.
    Ca,
    /// The client's certificate.
    ClientCertificate,
    /// The client's key.
    ClientKey,
}

impl fmt::Display for TlsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ca => "ca",
            Self::ClientCertificate => "client-certificate",
            Self::ClientKey => "client-key",
        })
    }
}

/// Why TLS cannot be spoken as it was asked for. No server was asked yet.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is no PEM with what it should hold.
    #[error("`{file}` of `tls` cannot be used: {} {why}", path.display())]
    File {
        /// What it is for.
        file: TlsFile,
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is no list of authorities here.
    #[error("this machine has no list of authorities ({0}): give `ca` in `tls`")]
    NoAuthorities(String),
    /// The client's certificate and its key do not fit together, or are of a kind that cannot be used.
    #[error("the client's certificate and its key cannot be used together")]
    ClientPair(#[source] rustls::Error),
    /// A host that can be no name in a certificate.
    #[error("`{0}` can be in no certificate: give `server-name` in `tls`")]
    Name(String),
    /// The library refuses its own settings.
    #[error("TLS cannot be set up")]
    Library(#[source] rustls::Error),
}

/// How clients speak TLS, on each port.
#[derive(Clone)]
pub struct ClientTls {
    http: Arc<ClientConfig>,
    grpc: Arc<ClientConfig>,
    server_name: Option<String>,
}

impl ClientTls {
    /// Reads the files of `spec`.
    ///
    /// # Errors
    /// [`TlsError`] says which file, and what is wrong with it.
    pub fn load(spec: &TlsSpec) -> Result<Self, TlsError> {
        let roots = spec.verify.then(|| authorities(spec.ca.as_deref())).transpose()?;
        let own = match (&spec.client_certificate, &spec.client_key) {
            (Some(certificate), Some(key)) => {
                Some((certificates(TlsFile::ClientCertificate, certificate)?, private_key(key)?))
            }
            _ => None,
        };
        Self::build(roots, own, spec.server_name.clone())
    }

    /// With authorities and a certificate that the run made; the host of each peer is the name that is expected.
    ///
    /// # Errors
    /// [`TlsError`] when it is not what it should be.
    pub fn of(material: &TlsMaterial) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        roots.add(material.authority.clone().into()).map_err(TlsError::Library)?;
        let own = material.client.clone().map(|(certificate, key)| {
            (vec![CertificateDer::from(certificate)], PrivatePkcs8KeyDer::from(key).into())
        });
        Self::build(Some(roots), own, None)
    }

    /// Without `roots` nothing is checked.
    fn build(
        roots: Option<RootCertStore>,
        own: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
        server_name: Option<String>,
    ) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let checked = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Library)?;
        let checked = match roots {
            Some(roots) => checked.with_root_certificates(roots),
            None => checked.dangerous().with_custom_certificate_verifier(unchecked(&provider)),
        };
        let mut config = match own {
            Some((chain, key)) => checked.with_client_auth_cert(chain, key).map_err(TlsError::ClientPair)?,
            None => checked.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        let speaking = |protocol: &str| {
            let mut config = config.clone();
            config.alpn_protocols = vec![protocol.into()];
            Arc::new(config)
        };
        Ok(Self { http: speaking("http/1.1"), grpc: speaking(HTTP_2), server_name })
    }

    /// For the HTTP port of a server at `host`, a name or a number.
    ///
    /// # Errors
    /// [`TlsError::Name`].
    pub fn http(&self, host: &str) -> Result<TlsPeer, TlsError> {
        self.peer(&self.http, host)
    }

    /// For the gRPC port of a server at `host`, a name or a number.
    ///
    /// # Errors
    /// [`TlsError::Name`].
    pub fn grpc(&self, host: &str) -> Result<TlsPeer, TlsError> {
        self.peer(&self.grpc, host)
    }

    fn peer(&self, config: &Arc<ClientConfig>, host: &str) -> Result<TlsPeer, TlsError> {
        let host = self.server_name.as_deref().unwrap_or(host);
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| TlsError::Name(host.to_owned()))?;
        Ok(TlsPeer { config: Arc::clone(config), name, host: host.into(), is_checked: true })
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

/// Who is expected at the other end of a session, and how it is spoken to. Clones share all of it.
#[derive(Clone)]
pub struct TlsPeer {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
    /// The name as it stands in front of a port.
    pub(crate) host: Arc<str>,
    /// False for what [`Self::unchecked`] gave.
    is_checked: bool,
}

impl TlsPeer {
    /// The name that is expected, as [`ClientTls::http`] and [`ClientTls::grpc`] take it.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether this is not one that [`Self::unchecked`] gave.
    #[must_use]
    pub const fn is_checked(&self) -> bool {
        self.is_checked
    }

    /// The same for a careless client, who believes whoever answers.
    #[must_use]
    pub fn unchecked(&self) -> Self {
        let mut config = (*self.config).clone();
        let verifier = unchecked(config.crypto_provider());
        config.dangerous().set_certificate_verifier(verifier);
        Self { config: Arc::new(config), is_checked: false, ..self.clone() }
    }

    fn speaks_http_2(&self) -> bool {
        self.config.alpn_protocols.iter().any(|protocol| protocol == HTTP_2.as_bytes())
    }
}

impl fmt::Debug for TlsPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TlsPeer").field(&self.host).finish()
    }
}

impl PartialEq for TlsPeer {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.config, &other.config) && self.name == other.name
    }
}

impl Eq for TlsPeer {}

fn unchecked(provider: &Arc<CryptoProvider>) -> Arc<Unchecked> {
    Arc::new(Unchecked(provider.signature_verification_algorithms))
}

fn authorities(ca: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let Some(ca) = ca else {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let why = found.errors.first().map_or_else(|| "none was found".to_owned(), ToString::to_string);
            return Err(TlsError::NoAuthorities(why));
        }
        return Ok(roots);
    };
    for certificate in certificates(TlsFile::Ca, ca)? {
        let refused = |error: rustls::Error| TlsError::File {
            file: TlsFile::Ca,
            path: ca.to_owned(),
            why: format!("holds a certificate that is none: {error}"),
        };
        roots.add(certificate).map_err(refused)?;
    }
    Ok(roots)
}

fn certificates(file: TlsFile, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bad = |error: pem::Error| unusable(file, path, "certificate", &error);
    let found: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(bad)?.collect::<Result<_, _>>().map_err(bad)?;
    if found.is_empty() {
        return Err(unusable(file, path, "certificate", &pem::Error::NoItemsFound));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path)
        .map_err(|error| unusable(TlsFile::ClientKey, path, "key (one that is not encrypted)", &error))
}

fn unusable(file: TlsFile, path: &Path, what: &str, error: &pem::Error) -> TlsError {
    let why = match error {
        pem::Error::NoItemsFound => format!("holds no {what} in PEM"),
        pem::Error::Io(error) => format!("cannot be read: {error}"),
        other => format!("is no PEM: {other}"),
    };
    TlsError::File { file, path: path.to_owned(), why }
}

#[cfg(test)]
mod tests;
