//! Nodes whose database is at the other end of a stream, as in processes of their own (ADR 32).

use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use shakedown_model::Seed;
use shakedown_model::plan::AccessKey;
use shakedown_model::secrets::Secret;

use super::*;
use crate::cluster::{NodeProcess, guest};

fn cluster(nodes: usize, login: Option<Login>) -> EmbeddedCluster {
    let mut settings = EmbeddedSettings {
        dump_tick: Duration::from_millis(5),
        access_key: Some(AccessKey { id: "id".into(), secret: Secret::new("a secret") }),
        ..EmbeddedSettings::default()
    };
    settings.cluster.change_scan = Duration::ZERO;
    settings.cluster.full_dump = Duration::ZERO;
    let config = ClusterConfig {
        nodes: vec![NodePorts { http: ANY_PORT, grpc: ANY_PORT }; nodes],
        data: None,
        generation: Generation::V2,
        login,
        settings,
        seed: Seed(1),
    };
    EmbeddedCluster::open(config).unwrap()
}

/// A node that is told over a stream, on a thread instead of in a process; the receiver hears of the stream's end.
fn guest(cluster: &EmbeddedCluster, node: usize) -> (NodeProcess, Receiver<()>) {
    let (own, its) = UnixStream::pair().unwrap();
    let (gone, is_gone) = channel();
    thread::spawn(move || guest::serve(its, move || gone.send(()).unwrap_or_default()));
    let process = cluster.attend(node, own).unwrap();
    process.wait_ready().unwrap();
    (process, is_gone)
}

fn admin(node: &NodeProcess) -> AdminClient {
    AdminClient::new(node.addresses().unwrap().0, DEADLINE)
}

async fn write(node: &NodeProcess, data_id: &str, content: &str) {
    let answer = admin(node).publish(Publication::new(&key(data_id), content)).await;
    assert!(matches!(answer, PublishAnswer::Acked), "{answer:?}");
}

async fn until_read(node: &NodeProcess, data_id: &str, content: &str) {
    let admin = admin(node);
    soon("the content", async {
        while admin.get(&key(data_id)).await.unwrap().as_deref() != Some(content) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_on_one_is_pushed_by_the_other_and_read_from_both() {
    let cluster = cluster(2, None);
    let ((first, _), (second, _)) = (guest(&cluster, 0), guest(&cluster, 1));
    let mut client = Client::connect_at(second.addresses().unwrap().1, GrpcLimits::default()).await;
    assert_eq!(client.listen(&[("d", "")]).await, [""; 0]);
    write(&first, "d", "one").await;
    assert_eq!(client.next_change().await.data_id, "d");
    until_read(&second, "d", "one").await;
    until_read(&first, "d", "one").await;
    soon("the beat that counts the client", async {
        while second.open_count() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_judged_one_after_the_other_whichever_node_takes_them() {
    let cluster = cluster(3, None);
    let nodes = [guest(&cluster, 0), guest(&cluster, 1), guest(&cluster, 2)];
    write(&nodes[0].0, "d", "start").await;
    let before = shakedown_nacos::md5_hex("start");
    // All of them name the same content: one of each round replaces it, and the others find that it is gone.
    let tries = nodes.iter().map(|(node, _)| admin(node)).enumerate().map(|(n, admin)| {
        let before = before.clone();
        async move {
            let (content, key) = (format!("from {n}"), key("d"));
            let publication = Publication { cas_md5: Some(&before), ..Publication::new(&key, &content) };
            admin.publish(publication).await
        }
    });
    let answers = futures_util::future::join_all(tries).await;
    let acked = answers.iter().filter(|answer| matches!(answer, PublishAnswer::Acked)).count();
    assert_eq!(acked, 1, "{answers:?}");
    let winner = answers.iter().position(|answer| matches!(answer, PublishAnswer::Acked)).unwrap();
    for (node, _) in &nodes {
        until_read(node, "d", &format!("from {winner}")).await;
    }
    // A write that the rules refuse gives the database back.
    let answer = admin(&nodes[1].0).publish(Publication::new(&key("bad id!"), "x")).await;
    assert!(matches!(answer, PublishAnswer::Refused { .. }), "{answer:?}");
    write(&nodes[2].0, "d", "after").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_later_knows_what_is_stored_and_who_may_ask() {
    let login = Login { username: "nacos".into(), password: Secret::new("hunter2") };
    let cluster = cluster(2, Some(login.clone()));
    let (first, _) = guest(&cluster, 0);
    let as_user = |node: &NodeProcess| admin(node).logging_in(Some(&login));
    let answer = as_user(&first).publish(Publication::new(&key("d"), "kept")).await;
    assert!(matches!(answer, PublishAnswer::Acked), "{answer:?}");
    let (second, gone) = guest(&cluster, 1);
    assert_eq!(as_user(&second).get(&key("d")).await.unwrap().as_deref(), Some("kept"));
    admin(&second).get(&key("d")).await.unwrap_err();
    drop(second);
    gone.recv_timeout(DEADLINE).expect("the node hears that its host is gone");
    // Its place is free again, and the database is whole.
    let (again, _) = guest(&cluster, 1);
    assert_eq!(as_user(&again).get(&key("d")).await.unwrap().as_deref(), Some("kept"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_with_the_database_gives_it_back_and_is_told_of() {
    use std::io::Write as _;
    let cluster = cluster(2, None);
    let (first, _) = guest(&cluster, 0);
    let (own, mut its) = UnixStream::pair().unwrap();
    let second = cluster.attend(1, own).unwrap();
    let lock = br#""Lock""#;
    its.write_all(&u32::try_from(lock.len()).unwrap().to_le_bytes()).unwrap();
    its.write_all(lock).unwrap();
    assert_eq!(second.failed(), None);
    drop(its);
    write(&first, "d", "one").await;
    let why = soon("the word of its end", async {
        loop {
            match second.failed() {
                Some(why) => break why,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    });
    assert_eq!(why.await, "has ended");
    assert_eq!(second.wait_ready(), Err("has ended".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_stands_still_is_no_process_that_is_gone_and_catches_up() {
    let cluster = cluster(2, None);
    let ((first, _), (second, _)) = (guest(&cluster, 0), guest(&cluster, 1));
    write(&first, "d", "before").await;
    until_read(&second, "d", "before").await;
    assert!(second.pause());
    let key = key("d");
    let asked = admin(&second);
    let reading = tokio::spawn(async move { asked.get(&key).await });
    write(&first, "d", "meanwhile").await;
    until_read(&first, "d", "meanwhile").await;
    assert!(!reading.is_finished(), "who stands still answers nobody");
    assert!(second.resume());
    soon("the answer", reading).await.unwrap().unwrap();
    until_read(&second, "d", "meanwhile").await;
    assert_eq!(second.failed(), None);
}
