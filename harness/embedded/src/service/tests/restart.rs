//! What the data directory and a waiting publish promise.

use shakedown_model::plan::ServerDefect;
use shakedown_model::secrets::Secret;

use super::api::call;
use super::*;
use crate::cluster::one_node;
use crate::core::{Caller, GrayRule, NewConfig, PageOf, Read};

fn new_config(content: &str) -> NewConfig {
    NewConfig::plain(key("d"), content)
}

#[tokio::test]
async fn gray_releases_history_and_users_survive_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let first = one_node(EmbeddedSettings::default(), Some(data.path()));
    let node = Node::new(first.node_in_place(), Arc::default());
    node.publish(new_config("one")).await.unwrap();
    let gray = Some(GrayRule::Beta("10.0.0.1".into()));
    node.publish(NewConfig { gray, ..new_config("beta") }).await.unwrap();
    for change in node.input(|core, _| core.first_admin("nacos", "pw")).unwrap() {
        node.write(change).await.unwrap();
    }
    drop((node, first));
    let second = one_node(EmbeddedSettings::default(), Some(data.path()));
    let node = Node::new(second.node_in_place(), Arc::default());
    node.input(|core, now| {
        let found = core.get(now, &key("d"), &Caller::at("10.0.0.1"), false);
        assert!(matches!(&found, Read::Found(found) if &*found.entry.content == "beta"), "{found:?}");
        assert_eq!(core.history(&key("d"), PageOf { number: 1, size: 10 }).total, 2);
        assert!(core.login(now, "nacos", "pw").unwrap().is_admin);
    });
}

#[tokio::test]
async fn lose_at_restart_lacks_the_newest_write_of_each_config_and_no_other() {
    let data = tempfile::tempdir().unwrap();
    let settings =
        EmbeddedSettings { defect: Some(ServerDefect::LoseAtRestart), ..EmbeddedSettings::default() };
    let first = one_node(settings, Some(data.path()));
    let node = Node::new(first.node_in_place(), Arc::default());
    for content in ["one", "two", "three"] {
        node.publish(new_config(content)).await.unwrap();
    }
    drop(node);
    let content = |node: &Node| {
        node.input(|core, now| match core.get(now, &key("d"), &Caller::at("10.0.0.1"), false) {
            Read::Found(found) => found.entry.content.to_string(),
            other => panic!("{other:?}"),
        })
    };
    let node = Node::new(first.node_in_place(), Arc::default());
    assert_eq!(content(&node), "two", "a node that starts again");
    drop((node, first));
    let second = one_node(EmbeddedSettings::default(), Some(data.path()));
    assert_eq!(content(&Node::new(second.node_in_place(), Arc::default())), "two", "and what is on disk");
}

#[tokio::test]
async fn a_publish_may_wait_until_it_is_visible() {
    let server = start_with(|settings| {
        settings.publish_awaits_dump = true;
        settings.dump_tick = Duration::from_millis(50);
    });
    let client = AdminClient::new(server.http_addr(), DEADLINE);
    for content in ["one", "two", "three"] {
        publish(&server, "d", content).await;
        assert_eq!(client.get(&key("d")).await.unwrap().as_deref(), Some(content));
    }
}

#[tokio::test]
async fn a_configured_password_stands_above_the_stored_one() {
    let data = tempfile::tempdir().unwrap();
    let open = |password: &str| {
        let login = Login { username: "nacos".to_owned(), password: Secret::new(password) };
        EmbeddedServer::start(ServerConfig {
            http: ANY_PORT,
            grpc: ANY_PORT,
            data: Some(data.path().to_owned()),
            generation: Generation::V2,
            login: Some(login),
            settings: EmbeddedSettings::default(),
        })
        .unwrap()
    };
    let login = "POST /v1/auth/users/login";
    let first = open("old");
    let token = call(&first, login, "", "username=nacos&password=old").await.json()["accessToken"].clone();
    let headers = format!("accessToken: {}\r\n", token.as_str().unwrap());
    let form = "username=nacos&newPassword=changed";
    assert_eq!(call(&first, "PUT /v1/auth/users", &headers, form).await.status, 200);
    first.stop();
    let second = open("new");
    assert_eq!(call(&second, login, "", "username=nacos&password=new").await.status, 200);
    assert_eq!(call(&second, login, "", "username=nacos&password=changed").await.status, 403);
}
