//! A server that stands still, as in a long collection of garbage.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_still_answers_nobody_and_loses_nobody() {
    let server = start();
    publish_visibly(&server, "d", "before").await;
    let mut client = Client::connect(&server).await;
    assert_eq!(client.listen(&[("d", "")]).await, ["d"]);
    assert!(server.pause() && server.stands());
    // The kernel goes on to accept, and keeps what is said.
    let opened = soon("an accept", tokio::net::TcpStream::connect(server.http_addr())).await;
    assert!(opened.is_ok(), "{opened:?}");
    let admin = AdminClient::new(server.http_addr(), DEADLINE);
    let mut writing = tokio::spawn(async move { admin.publish(Publication::new(&key("d"), "after")).await });
    let answered = tokio::time::timeout(Duration::from_millis(300), &mut writing).await;
    assert!(answered.is_err(), "{answered:?}");
    server.resume();
    let answer = soon("the ack", writing).await.unwrap();
    assert!(matches!(answer, PublishAnswer::Acked), "{answer:?}");
    assert_eq!(client.next_change().await.data_id, "d", "on the connection of before");
    assert!(!server.stands());
    // And again.
    assert!(server.pause());
    server.resume();
    publish_visibly(&server, "d", "again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_still_can_be_stopped() {
    let server = start();
    let http = server.http_addr();
    assert!(server.pause());
    server.stop();
    let refused = soon("an answer", tokio::net::TcpStream::connect(http)).await;
    assert!(refused.is_err(), "its sockets are closed");
}
