//! Fronts before a listener that stands for a node, tried by clients of the harness.

use std::net::Ipv4Addr;
use std::time::Duration;

use shakedown_model::plan::TlsPorts;
use shakedown_nacos::ConnectError;
use shakedown_nacos::tls::{TlsTrouble, prove};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::*;

const DEADLINE: Duration = Duration::from_secs(20);
const BOTH: TlsFrontSpec = TlsFrontSpec { on: TlsPorts::Both, clients: TlsClients::Certified };

/// Answers every connection with a greeting, and holds it until the other side ends it.
async fn node() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                stream.write_all(b"hello").await.unwrap();
                let mut rest = Vec::new();
                drop(stream.read_to_end(&mut rest).await);
            });
        }
    });
    at
}

async fn front(spec: TlsFrontSpec) -> TlsFront {
    let nodes = [NodeAddress::new(NodeId(0), node().await, node().await)];
    TlsFront::start(spec, &nodes, &mut Ports::new()).await.unwrap()
}

async fn tried(peer: &shakedown_nacos::Peer) -> Result<(), TlsTrouble> {
    match timeout(DEADLINE, prove(peer, Ipv4Addr::UNSPECIFIED)).await.unwrap() {
        Ok(()) => Ok(()),
        Err(ConnectError::Tls { trouble, .. }) => Err(trouble),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn each_trouble_is_what_a_careful_client_sees_and_a_careless_one_does_not() {
    let front = front(BOTH).await;
    let [node] = front.nodes() else { panic!("{front:?}") };
    use CertificateTrouble as Bad;
    for (trouble, seen, careless) in [
        (Some(Bad::Expired), Err(TlsTrouble::Expired), Ok(())),
        (Some(Bad::NotYetValid), Err(TlsTrouble::NotYetValid), Ok(())),
        (Some(Bad::OtherName), Err(TlsTrouble::WrongName), Ok(())),
        (Some(Bad::UnknownAuthority), Err(TlsTrouble::UnknownAuthority), Ok(())),
        (Some(Bad::ClientsUntrusted), Err(TlsTrouble::ClientCertificate), Err(TlsTrouble::ClientCertificate)),
        (None, Ok(()), Ok(())),
    ] {
        front.set(NodeId(0), trouble, false).unwrap();
        for peer in [node.http_peer(), node.grpc_peer()] {
            assert_eq!(tried(&peer).await, seen, "{trouble:?} at {peer}");
            assert_eq!(tried(&peer.unchecked()).await, careless, "{trouble:?} at {peer}, careless");
        }
    }
    assert_eq!((front.count(NodeId(0)).shaken, front.count(NodeId(0)).failed), (24, 12));
}

#[tokio::test]
async fn who_shows_no_certificate_is_let_in_only_where_anyone_is() {
    let mutual = front(BOTH).await;
    let stranger = TlsMaterial { client: None, ..mutual.material().clone() };
    let stranger = ClientTls::of(&stranger).unwrap();
    let mut peer = mutual.nodes()[0].http_peer();
    peer.tls = Some(stranger.http(&name_of(NodeId(0))).unwrap());
    assert_eq!(tried(&peer).await, Err(TlsTrouble::ClientCertificate));
    let open = front(TlsFrontSpec { clients: TlsClients::Anyone, ..BOTH }).await;
    assert_eq!(tried(&open.nodes()[0].http_peer()).await, Ok(()));
}

#[tokio::test]
async fn only_the_ports_that_are_named_have_fronts() {
    let front = front(TlsFrontSpec { on: TlsPorts::Grpc, clients: TlsClients::Anyone }).await;
    let [node] = front.nodes() else { panic!("{front:?}") };
    assert_eq!(node.http_peer().tls, None);
    assert_eq!(tried(&node.http_peer()).await, Ok(()), "the node itself greets there");
    assert_eq!(tried(&node.grpc_peer()).await, Ok(()));
    assert_eq!(front.count(NodeId(0)).shaken, 1);
}

#[tokio::test]
async fn a_cut_closes_what_lives_and_an_end_closes_all() {
    let front = front(BOTH).await;
    let peer = front.nodes()[0].http_peer();
    let live = async || {
        let mut stream = tokio::net::TcpStream::connect(peer.addr).await.unwrap();
        // A front waits for the first word of a handshake.
        stream.write_all(&[22]).await.unwrap();
        stream
    };
    let ended = async |mut stream: tokio::net::TcpStream| {
        let mut rest = Vec::new();
        let read = timeout(DEADLINE, stream.read_to_end(&mut rest)).await.unwrap();
        assert!(read.is_err() || rest.is_empty(), "{rest:?}");
    };
    let first = live().await;
    let counted = async |open: u64| {
        let look = async {
            while front.count(NodeId(0)).open != open {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(DEADLINE, look).await.unwrap();
    };
    counted(1).await;
    front.set(NodeId(0), None, false).unwrap();
    assert_eq!(front.count(NodeId(0)).open, 1, "what lives goes on");
    front.set(NodeId(0), None, true).unwrap();
    ended(first).await;
    counted(0).await;
    let second = live().await;
    counted(1).await;
    assert_eq!((front.part().connections, front.failed()), (PartConnections::Known(1), None));
    drop(front);
    ended(second).await;
}

#[tokio::test]
async fn a_node_that_is_gone_is_a_reset_behind_a_good_session() {
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
    let nodes = [NodeAddress::new(NodeId(0), gone, gone)];
    let front = TlsFront::start(BOTH, &nodes, &mut Ports::new()).await.unwrap();
    let proven = timeout(DEADLINE, prove(&front.nodes()[0].grpc_peer(), Ipv4Addr::UNSPECIFIED)).await;
    let Err(ConnectError::Broken { source, .. }) = proven.unwrap() else { panic!("it is gone") };
    assert_eq!(source.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!((front.count(NodeId(0)).shaken, front.count(NodeId(0)).failed), (1, 0));
}
