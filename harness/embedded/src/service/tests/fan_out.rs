use futures_util::future::join_all;
use shakedown_nacos::http::connection::HttpConnection;
use shakedown_nacos::http::listening::ListenEntry;

use super::*;

const EACH: usize = 500;

async fn poll(server: &RunningServer) -> tokio::time::Instant {
    let mut connection = HttpConnection::connect(server.http_addr(), Ipv4Addr::LOCALHOST).await.unwrap();
    let listened = [ListenEntry { key: key("d"), md5: String::new() }];
    let answer = connection.listen(&listened, Duration::from_secs(30), false).await.unwrap();
    assert_eq!(answer.changed, [key("d")]);
    answer.received
}

async fn told(mut client: Client) -> tokio::time::Instant {
    match client.0.next_event().await {
        Event::Pushed { received, payload } => {
            client.acknowledge(&payload.read().unwrap());
            received
        }
        other => panic!("{other:?} is not a push"),
    }
}

/// The bound is loose, because the watchers share the machine; the spread is printed for a person to see.
#[tokio::test]
#[expect(clippy::print_stderr, reason = "a test may tell what it measured")]
async fn one_publish_wakes_500_polls_and_500_streams() {
    let server = start();
    let mut clients = Vec::with_capacity(EACH);
    for _ in 0..EACH {
        let mut client = Client::connect(&server).await;
        client.listen(&[("d", "")]).await;
        clients.push(client);
    }
    let woken = async {
        tokio::join!(
            join_all((0..EACH).map(|_| poll(&server))),
            join_all(clients.into_iter().map(told)),
            async {
                until_hanging(&server, EACH).await;
                publish(&server, "d", "one").await;
            }
        )
    };
    let (polls, streams, ()) = soon("every wake", woken).await;
    for (name, mut times) in [("polls", polls), ("streams", streams)] {
        times.sort_unstable();
        let spread = times[EACH - 1] - times[0];
        eprintln!("{name}: {EACH} woken within {spread:?}");
        assert!(spread < Duration::from_secs(2), "{name} took {spread:?}");
    }
}
