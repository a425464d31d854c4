//! Runs over TLS: at servers of others, for which a terminator in front of `serve nacos` stands, and with what a run
//! itself puts before its servers.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::attach::free;
use crate::support::{Finished, Reaped, beside_others, judge_text, only_run, shakedown, wait_for};

const PATIENCE: Duration = Duration::from_secs(60);
/// The name in every server's certificate.
const NAME: &str = "nacos.test";

/// Somebody who signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

/// A certificate and its key.
struct Issued {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    fn issue(&self, change: impl FnOnce(&mut CertificateParams)) -> Issued {
        let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Issued { certificate: params.signed_by(&key, &self.issuer).unwrap(), key }
    }
}

/// A Nacos whose HTTP and gRPC ports speak TLS alone.
struct Secured {
    http: SocketAddr,
    grpc: SocketAddr,
    /// The HTTP port behind it, in the clear.
    plain: u16,
    _terminator: Runtime,
    _server: Reaped,
}

impl Secured {
    /// With `clients`, whoever connects must show a certificate that it signed.
    fn start(own: &Issued, clients: Option<&Authority>) -> Self {
        let plain = free(&[0, 1000]);
        let mut server = shakedown();
        server.args(["serve", "nacos", "--port", &plain.to_string()]);
        let server = Reaped(server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        for port in [plain, plain + 1000] {
            wait_for("a server that listens", PATIENCE, || {
                TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
            });
        }
        let terminator =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let front = |protocol: &str, port| {
            let acceptor = acceptor(own, clients, protocol);
            let listener = terminator.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
            let at = listener.local_addr().unwrap();
            terminator.spawn(terminate(listener, acceptor, port));
            at
        };
        let (http, grpc) = (front("http/1.1", plain), front("h2", plain + 1000));
        Self { http, grpc, plain, _terminator: terminator, _server: server }
    }

    /// A scenario that attaches to it with these lines about TLS.
    fn scenario(&self, dir: &Path, tls: &str) -> PathBuf {
        let text = format!(
            "shakedown: 1
name: secured
delivery-timeout: 35s
server:
  backend: external
  ready-timeout: 2s
  external: {{ nodes: [ {{ http: \"{}\", grpc: \"{}\" }} ], max-rate: 20/s, tls: {tls} }}
items: {{ count: 4, payload: 256B }}
watchers:
  - {{ group: pushed, count: 10, client: {{ like: nacos-java-2 }}, listens: {{ shared: 2 }} }}
  - {{ group: polling, count: 10, client: {{ like: nacos-node }}, listens: {{ shared: 2 }} }}
mutations: {{ by: grpc, arrivals: {{ constant: 6/s }} }}
phases: [ {{ name: warm-up, for: 2s }}, {{ name: steady, for: 3s }}, {{ name: cut, for: 4s }} ]
faults: [ {{ name: cut, in: cut, at: 0s, for: 1s, do: {{ reset: {{ groups: all }} }} }} ]
",
            self.http, self.grpc
        );
        let file = dir.join("secured.yaml");
        std::fs::write(&file, text).unwrap();
        file
    }
}

fn acceptor(own: &Issued, clients: Option<&Authority>, protocol: &str) -> TlsAcceptor {
    let provider = Arc::new(ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = match clients {
        None => builder.unwrap().with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.certificate.der().clone()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.unwrap().with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::try_from(own.key.serialize_der()).unwrap();
    let mut config = builder.with_single_cert(vec![own.certificate.der().clone()], key).unwrap();
    config.alpn_protocols = vec![protocol.into()];
    TlsAcceptor::from(Arc::new(config))
}

async fn terminate(listener: TcpListener, acceptor: TlsAcceptor, to: u16) {
    while let Ok((outer, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(mut outer) = acceptor.accept(outer).await else { return };
            let mut inner = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await.unwrap();
            inner.set_nodelay(true).unwrap();
            // Either side may end it at any time.
            drop(tokio::io::copy_bidirectional(&mut outer, &mut inner).await);
        });
    }
}

/// The files of a client.
struct Files<'a>(&'a Path);

impl Files<'_> {
    fn put(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

#[test]
fn a_whole_run_goes_over_mutual_tls_and_keeps_no_key() {
    whole_run(&[]);
}

#[test]
fn workers_speak_mutual_tls_too_and_keep_no_key() {
    let runs = whole_run(&["--set", "workers=2"]);
    let parts = std::fs::read_to_string(only_run(&runs.path().join("runs")).join("parts.jsonl")).unwrap();
    assert!(parts.contains("\"worker-1\""), "{parts}");
}

/// A run over TLS in which both sides show certificates; gives the folder that its own is in.
fn whole_run(args: &[&str]) -> tempfile::TempDir {
    let _turn = beside_others();
    let dir = tempfile::tempdir().unwrap();
    let (servers, clients) = (Authority::new(), Authority::new());
    let secured = Secured::start(&servers.issue(|_| ()), Some(&clients));
    let files = Files(dir.path());
    let own = clients.issue(|_| ());
    let ca = files.put("ca.pem", &servers.certificate.pem());
    let certificate = files.put("client.pem", &own.certificate.pem());
    let key = files.put("client-key.pem", &own.key.serialize_pem());
    let tls = format!(
        "{{ ca: {ca}, server-name: {NAME}, client-certificate: {certificate}, client-key: \"${{env:TLS_KEY}}\" }}"
    );
    let scenario = secured.scenario(dir.path(), &tls);
    let out = dir.path().join("runs");
    let mut run = shakedown();
    run.args(["run", scenario.to_str().unwrap(), "--json", "--out", out.to_str().unwrap()]).args(args);
    let done: Finished = run.env("TLS_KEY", &key).output().unwrap().into();
    let json = done.json();
    for guarantee in json["guarantees"].as_array().unwrap() {
        assert_eq!(guarantee["outcome"], "pass", "{json:#}");
    }
    for fault in json["faults"].as_array().unwrap() {
        assert_eq!(fault["outcome"], "pass", "{json:#}");
    }
    let secret = own.key.serialize_pem();
    let secret = secret.lines().nth(1).unwrap();
    assert_nowhere(&only_run(&out), &[secret.as_bytes(), key.as_bytes()]);
    dir
}

/// None of the `secrets` is in a file below `folder`.
fn assert_nowhere(folder: &Path, secrets: &[&[u8]]) {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let bytes = std::fs::read(entry.path()).unwrap();
            let has = |secret: &&[u8]| bytes.windows(secret.len()).any(|part| part == *secret);
            assert!(!secrets.iter().any(has), "a secret is in {entry:?}");
        }
    }
}

/// What every key of P-256 begins with (PKCS #8), and how a message of JSON would hold it.
const KEY: [&[u8]; 3] = [
    &[0x30, 0x81, 0x87, 2, 1, 0, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1],
    b"[48,129,135,2,1,0,48,19,6,7,42,134,72,206,61,2,1",
    b"PRIVATE KEY",
];

#[test]
fn what_is_wrong_with_a_runs_own_tls_keeps_the_careful_out_and_no_key_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let text = "shakedown: 1
name: fronted
delivery-timeout: 15s
workers: 1
server: { nodes: 2, tls: { clients: certified } }
items: { count: 4, payload: 256B }
watchers:
  - { group: pushed, count: 10, client: { like: nacos-java-2 }, listens: { shared: 2 } }
  - { group: polling, count: 10, client: { like: nacos-python-1 }, listens: { shared: 2 } }
  - { group: careless, count: 10, client: { like: nacos-java-2, checks-certificates: false }, listens: { shared: 2 } }
mutations: { arrivals: { constant: 5/s } }
phases: [ { name: warm-up, for: 5s }, { name: bad, for: 8s }, { name: untrusted, for: 8s } ]
faults:
  - { name: bad, in: bad, at: 500ms, for: 3s, do: { certificate: { shows: expired, cuts: true } } }
  - { name: reset, in: bad, at: 2s, for: 300ms, do: { reset: { groups: [careless] } } }
  - { name: untrusted, in: untrusted, at: 500ms, for: 3s, do: { clients_untrusted: { cuts: true } } }
gates:
  - reconnect.max > 2500ms after bad for pushed
  - reconnect.max > 2500ms after bad for polling
  - reconnect.max < 2500ms after bad for careless
  - reconnect.max > 2500ms after untrusted
  - write-outage < 1s after bad
guarantees: { require: all }
";
    let (done, run) = judge_text(text, dir.path());
    let json = done.json();
    for (part, key) in [("guarantees", "outcome"), ("gates", "outcome"), ("faults", "outcome")] {
        let rows = json[part].as_array().unwrap();
        assert!(!rows.is_empty() && rows.iter().all(|row| row[key] == "pass"), "{part}: {json:#}");
    }
    let parts = std::fs::read_to_string(run.join("parts.jsonl")).unwrap();
    assert!(parts.contains("\"tls-front\"") && parts.contains("\"worker-0\""), "{parts}");
    assert_nowhere(&run, &KEY);
}

#[test]
fn what_is_wrong_with_tls_is_said_before_any_watcher_starts() {
    let dir = tempfile::tempdir().unwrap();
    let (authority, other) = (Authority::new(), Authority::new());
    let files = Files(dir.path());
    let ca = files.put("ca.pem", &authority.certificate.pem());
    let others = files.put("other-ca.pem", &other.certificate.pem());
    let good = Secured::start(&authority.issue(|_| ()), None);
    let expired = Secured::start(
        &authority.issue(|params| {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        }),
        None,
    );
    let mutual = Secured::start(&authority.issue(|_| ()), Some(&authority));
    let plain: SocketAddr = (Ipv4Addr::LOCALHOST, good.plain).into();
    let rightly = format!("ca: {ca}, server-name: {NAME}");
    let cases = [
        (&expired, format!("{{ {rightly} }}"), "has expired"),
        (&good, format!("{{ ca: {ca}, server-name: other.test }}"), "is for another name"),
        (&good, format!("{{ ca: {ca} }}"), "is for another name"),
        (&good, format!("{{ ca: {others}, server-name: {NAME} }}"), "no authority that is trusted"),
        (&mutual, format!("{{ {rightly} }}"), "without a certificate that it trusts"),
        (&mutual, format!("{{ {rightly}, on: grpc }}"), "tried HTTP at"),
        (&good, format!("{{ {rightly}, on: http }}"), "tried gRPC at"),
        (&good, format!("{{ ca: {ca}.gone }}"), "`ca` of `tls` cannot be used"),
    ];
    for (number, (secured, tls, words)) in cases.iter().enumerate() {
        refused(secured, dir.path(), tls, words, number);
    }
    let at_the_clear = Secured { http: plain, ..good };
    refused(&at_the_clear, dir.path(), &format!("{{ {rightly} }}"), "does not speak TLS", 99);
}

fn refused(secured: &Secured, dir: &Path, tls: &str, words: &str, number: usize) {
    let scenario = secured.scenario(dir, tls);
    let out = dir.join(format!("runs-{number}"));
    let mut run = shakedown();
    run.args(["run", scenario.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    let done: Finished = run.output().unwrap().into();
    assert_eq!(done.code, 69, "{tls}: {done:#?}");
    assert!(done.stderr.contains(words), "`{words}` is not said of {tls}:\n{}", done.stderr);
}
