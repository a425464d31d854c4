//! What a node's front shows to those who begin a session, and what came of them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use shakedown_model::fault::CertificateTrouble;
use shakedown_model::plan::TlsClients;
use tokio::sync::watch;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::FrontError;
use super::authority::Authorities;

/// What a front has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FrontCount {
    /// Handshakes that were begun and are over.
    pub shaken: u64,
    /// Those of them that came to no session.
    pub failed: u64,
    /// Connections that are open now.
    pub open: u64,
}

/// The TLS of a node.
pub(super) struct NodeFront {
    authorities: Arc<Authorities>,
    clients: TlsClients,
    name: String,
    shown: Mutex<Shown>,
    shaken: AtomicU64,
    failed: AtomicU64,
    open: AtomicU64,
    /// Changes when live connections are to be closed.
    cuts: watch::Sender<u64>,
}

/// How sessions begin, on each port.
#[derive(Clone)]
struct Shown {
    http: Arc<ServerConfig>,
    grpc: Arc<ServerConfig>,
}

impl NodeFront {
    pub(super) fn new(
        authorities: Arc<Authorities>,
        clients: TlsClients,
        name: &str,
    ) -> Result<Self, FrontError> {
        let shown = shown(&authorities, clients, name, None)?;
        Ok(Self {
            authorities,
            clients,
            name: name.to_owned(),
            shown: Mutex::new(shown),
            shaken: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            open: AtomicU64::new(0),
            cuts: watch::Sender::new(0),
        })
    }

    pub(super) fn set(&self, trouble: Option<CertificateTrouble>, cuts: bool) -> Result<(), FrontError> {
        let shown = shown(&self.authorities, self.clients, &self.name, trouble)?;
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = shown;
        if cuts {
            self.cuts.send_modify(|times| *times += 1);
        }
        Ok(())
    }

    /// How a session begins now.
    pub(super) fn config(&self, is_grpc: bool) -> Arc<ServerConfig> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(if is_grpc { &shown.grpc } else { &shown.http })
    }

    /// Tells whoever has it when connections that live now are to be closed.
    pub(super) fn cuts(&self) -> watch::Receiver<u64> {
        self.cuts.subscribe()
    }

    pub(super) fn shook(&self, is_session: bool) {
        self.shaken.fetch_add(1, Ordering::Relaxed);
        self.failed.fetch_add(u64::from(!is_session), Ordering::Relaxed);
    }

    /// A connection is open until the guard is dropped.
    pub(super) fn enter(&self) -> impl Drop + '_ {
        self.open.fetch_add(1, Ordering::Relaxed);
        Entered(&self.open)
    }

    pub(super) fn count(&self) -> FrontCount {
        FrontCount {
            shaken: self.shaken.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            open: self.open.load(Ordering::Relaxed),
        }
    }
}

struct Entered<'a>(&'a AtomicU64);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn shown(
    authorities: &Authorities,
    clients: TlsClients,
    name: &str,
    trouble: Option<CertificateTrouble>,
) -> Result<Shown, FrontError> {
    let own = authorities.server(name, trouble)?;
    let provider = Arc::new(ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match clients {
        TlsClients::Anyone => builder.with_no_client_auth(),
        TlsClients::Certified => {
            let mut roots = RootCertStore::empty();
            roots.add(authorities.trusted_for_clients(trouble).to_vec().into())?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| {
                FrontError::Library(tokio_rustls::rustls::Error::General(error.to_string()))
            })?)
        }
    };
    let chain = vec![CertificateDer::from(own.certificate)];
    let mut config = builder.with_single_cert(chain, PrivatePkcs8KeyDer::from(own.key).into())?;
    // Clients resume no session (ADR 27), so that none is kept for them.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    let speaking = |protocol: &str| {
        let mut config = config.clone();
        config.alpn_protocols = vec![protocol.into()];
        Arc::new(config)
    };
    Ok(Shown { http: speaking("http/1.1"), grpc: speaking("h2") })
}

impl std::fmt::Debug for NodeFront {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeFront")
            .field("name", &self.name)
            .field("count", &self.count())
            .finish_non_exhaustive()
    }
}
