//! How failures to connect are told apart.

use tokio::net::TcpListener;

use super::*;

#[tokio::test]
async fn the_source_address_is_bound() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let source = Ipv4Addr::new(127, 0, 0, 9);
    let stream = connect_tcp(listener.local_addr().unwrap(), source).await.unwrap();
    assert_eq!(stream.local_addr().unwrap().ip(), std::net::IpAddr::V4(source));
    assert!(stream.nodelay().unwrap());
    let (_, from) = listener.accept().await.unwrap();
    assert_eq!(from, stream.local_addr().unwrap());
}

#[test]
fn a_source_within_the_machine_is_bound_only_for_a_peer_within_it() {
    let within = Ipv4Addr::new(127, 0, 0, 9);
    assert!(is_bound_to(within, "127.0.0.1:80".parse().unwrap()));
    assert!(!is_bound_to(within, "10.0.0.7:80".parse().unwrap()), "it would reach nothing");
    assert!(is_bound_to(Ipv4Addr::new(10, 0, 0, 1), "10.0.0.7:80".parse().unwrap()));
    assert!(!is_bound_to(Ipv4Addr::UNSPECIFIED, "127.0.0.1:80".parse().unwrap()));
}

#[tokio::test]
async fn a_port_without_a_listener_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let refused = connect_tcp(addr, Ipv4Addr::UNSPECIFIED).await;
    assert!(matches!(refused, Err(ConnectError::Refused { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_source_address_of_another_machine_is_a_local_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let foreign = Ipv4Addr::new(192, 0, 2, 1);
    let failed = connect_tcp(listener.local_addr().unwrap(), foreign).await;
    assert!(matches!(failed, Err(ConnectError::Local { .. })), "{failed:?}");
}

#[test]
fn the_systems_words_are_sorted_by_who_is_at_fault() {
    let peer = SocketAddr::from(([127, 0, 0, 1], 1));
    let sorted = |kind: io::ErrorKind| classify(kind.into(), peer, Ipv4Addr::UNSPECIFIED);
    assert!(matches!(sorted(io::ErrorKind::ConnectionReset), ConnectError::Broken { .. }));
    assert!(matches!(sorted(io::ErrorKind::TimedOut), ConnectError::TimedOut { .. }));
    assert!(matches!(sorted(io::ErrorKind::AddrNotAvailable), ConnectError::Local { .. }));
    // EMFILE has no kind of its own.
    let too_many_files = classify(io::Error::from_raw_os_error(24), peer, Ipv4Addr::UNSPECIFIED);
    assert!(matches!(too_many_files, ConnectError::Local { .. }));
}
