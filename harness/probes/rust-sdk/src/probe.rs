//! The steps of the proof.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nacos_sdk::api::config::{ConfigChangeListener, ConfigResponse, ConfigService, ConfigServiceBuilder};
use nacos_sdk::api::props::ClientProps;
use tokio::sync::mpsc;

use crate::operator;
use crate::server::{Server, ServerCommand};

const GROUP: &str = "probe";
const DATA_ID: &str = "rust-sdk.listened";
const REMOVED_DATA_ID: &str = "rust-sdk.removed";
/// Never listened to, because the SDK answers a get of a listened config from its memory.
const KEPT_DATA_ID: &str = "rust-sdk.kept";

/// A publish is readable after the server's 100 ms tick; this is generous.
const VISIBLE_WITHIN: Duration = Duration::from_secs(5);

/// A pushed change; the SDK registers a new listener with its list loop.
const PUSHED_WITHIN: Duration = Duration::from_secs(15);

/// Changes that are tried before the first one is seen.
const CHANGES: u32 = 4;

/// A lost server is noticed by a health probe every 5 s, and then tried after 2, 4, 8 ... s.
const RECONNECTED_WITHIN: Duration = Duration::from_secs(45);

/// The SDK lists again only in its 60 s loop.
const RELISTED_WITHIN: Duration = Duration::from_secs(90);

struct Forward(mpsc::UnboundedSender<String>);

impl ConfigChangeListener for Forward {
    fn notify(&self, response: ConfigResponse) {
        // The receiver is gone only once the probe is over.
        self.0.send(response.content().clone()).ok();
    }
}

/// Runs every step against a server of its own.
pub async fn run(command: &ServerCommand) -> Result<(), String> {
    let server = command.start().await?;
    let cache = std::env::temp_dir().join(format!("rust-sdk-probe-{}", std::process::id()));
    let outcome = steps(command, server, &cache).await;
    // What the SDK left there is of no more use, and an absent directory is what is wanted.
    std::fs::remove_dir_all(&cache).ok();
    outcome
}

async fn steps(command: &ServerCommand, server: Server, cache: &Path) -> Result<(), String> {
    let service = connect(command, cache).await?;
    let (sender, mut seen) = mpsc::unbounded_channel();

    step("publish", publish(&service, DATA_ID, "one")).await?;
    step("get what was published", holds(&service, DATA_ID, "one", VISIBLE_WITHIN)).await?;

    let listener = Arc::new(Forward(sender));
    step("add a listener", async {
        service.add_listener(DATA_ID.to_owned(), GROUP.to_owned(), listener).await.map_err(describe)
    })
    .await?;
    step("see a change", sees_a_change(&service, &mut seen)).await?;

    step("delete", removes(&service)).await?;
    step("publish what shall outlive the server", publish(&service, KEPT_DATA_ID, "kept")).await?;
    step("get it", holds(&service, KEPT_DATA_ID, "kept", VISIBLE_WITHIN)).await?;

    step("kill the server", server.kill()).await?;
    let _server = command.start().await?;
    let restarted = Instant::now();
    step("get what was stored before", holds(&service, KEPT_DATA_ID, "kept", RECONNECTED_WITHIN)).await?;
    step("publish after the restart", publish(&service, DATA_ID, "three")).await?;
    let left = RELISTED_WITHIN.saturating_sub(restarted.elapsed());
    step("see the change after the restart", sees(&mut seen, "three", left)).await?;
    println!("the listener saw it {:.1} s after the restart", restarted.elapsed().as_secs_f64());
    step("see further changes at once", async {
        publish(&service, DATA_ID, "four").await?;
        sees(&mut seen, "four", PUSHED_WITHIN).await
    })
    .await?;
    step("be asked to connect elsewhere", be_reset(command)).await?;
    step("see changes where it stayed", async {
        publish(&service, DATA_ID, "five").await?;
        sees(&mut seen, "five", PUSHED_WITHIN).await
    })
    .await
}

/// This SDK has no handler for a `ConnectResetRequest` (0.8.3): it does not answer, and stays. The server must take that,
/// and keep the connection.
async fn be_reset(command: &ServerCommand) -> Result<(), String> {
    let first = command.ports[0];
    let mut before = Vec::new();
    for port in &command.ports {
        for name in operator::connections(command, *port).await? {
            operator::reload(command, *port, &name, first).await?;
            before.push((*port, name));
        }
    }
    if before.is_empty() {
        return Err("the server knows no connection of the SDK".to_owned());
    }
    for (port, name) in before {
        let now = operator::connections(command, port).await?;
        if !now.contains(&name) {
            return Err(format!("connection {name} is gone; there are {now:?}"));
        }
    }
    Ok(())
}

async fn connect(command: &ServerCommand, cache: &Path) -> Result<ConfigService, String> {
    let servers: Vec<_> = command.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let mut properties =
        ClientProps::new().server_addr(servers.join(",")).app_name("rust-sdk-probe").cache_dir(cache);
    if let Some(login) = &command.login {
        properties = properties.auth_username(&login.user).auth_password(&login.password);
    }
    let builder = ConfigServiceBuilder::new(properties);
    let builder = if command.login.is_some() { builder.enable_auth_plugin_http() } else { builder };
    let building = builder.build();
    match tokio::time::timeout(Duration::from_secs(30), building).await {
        Ok(built) => built.map_err(|error| format!("step `connect`: {error:?}")),
        Err(_) => Err("step `connect`: the SDK is not connected after 30 s".to_owned()),
    }
}

async fn step<T>(name: &str, work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let started = Instant::now();
    let outcome = work.await.map_err(|message| format!("step `{name}`: {message}"))?;
    println!("ok {name} ({:.2} s)", started.elapsed().as_secs_f64());
    Ok(outcome)
}

async fn publish(service: &ConfigService, data_id: &str, content: &str) -> Result<(), String> {
    let published = service.publish_config(data_id.to_owned(), GROUP.to_owned(), content.to_owned(), None);
    match published.await.map_err(describe)? {
        true => Ok(()),
        false => Err(format!("publishing `{content}` was answered with false")),
    }
}

async fn get(service: &ConfigService, data_id: &str) -> Result<ConfigResponse, String> {
    let asked = service.get_config(data_id.to_owned(), GROUP.to_owned());
    // The SDK has no time-out of its own.
    match tokio::time::timeout(Duration::from_secs(5), asked).await {
        Ok(answer) => answer.map_err(describe),
        Err(_) => Err("no answer within 5 s".to_owned()),
    }
}

async fn holds(
    service: &ConfigService,
    data_id: &str,
    content: &str,
    within: Duration,
) -> Result<(), String> {
    until(within, || async {
        let response = get(service, data_id).await?;
        if response.content() == content && response.md5().len() == 32 {
            Ok(())
        } else {
            Err(format!("it holds {response}, not `{content}`"))
        }
    })
    .await
}

async fn removes(service: &ConfigService) -> Result<(), String> {
    publish(service, REMOVED_DATA_ID, "gone soon").await?;
    holds(service, REMOVED_DATA_ID, "gone soon", VISIBLE_WITHIN).await?;
    let removed =
        service.remove_config(REMOVED_DATA_ID.to_owned(), GROUP.to_owned()).await.map_err(describe)?;
    if !removed {
        return Err("removing was answered with false".to_owned());
    }
    until(VISIBLE_WITHIN, || async {
        match get(service, REMOVED_DATA_ID).await {
            Ok(response) => Err(format!("it still holds {response}")),
            Err(_) => Ok(()),
        }
    })
    .await
}

/// Publishes until a change is seen. The SDK takes what it finds when it first looks as known, and tells nobody
/// (0.8.3), so a change that comes before that look is lost on the listener.
async fn sees_a_change(
    service: &ConfigService,
    seen: &mut mpsc::UnboundedReceiver<String>,
) -> Result<(), String> {
    let mut outcome = Ok(());
    for n in 0..CHANGES {
        let content = format!("two, change {n}");
        publish(service, DATA_ID, &content).await?;
        outcome = sees(seen, &content, PUSHED_WITHIN).await;
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

async fn sees(
    seen: &mut mpsc::UnboundedReceiver<String>,
    content: &str,
    within: Duration,
) -> Result<(), String> {
    let waiting = async {
        let mut others = Vec::new();
        while let Some(next) = seen.recv().await {
            if next == content {
                return Ok(());
            }
            others.push(next);
        }
        Err(format!("the listener was dropped; it saw {others:?}"))
    };
    tokio::time::timeout(within, waiting)
        .await
        .unwrap_or_else(|_| Err(format!("the listener did not see `{content}` within {within:?}")))
}

/// Tries until it holds; the last failure tells why it did not.
async fn until<F: Future<Output = Result<(), String>>>(
    within: Duration,
    attempt: impl Fn() -> F,
) -> Result<(), String> {
    let deadline = Instant::now() + within;
    loop {
        match attempt().await {
            Ok(()) => return Ok(()),
            Err(message) if Instant::now() >= deadline => {
                return Err(format!("not within {within:?}: {message}"));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

fn describe(error: nacos_sdk::api::error::Error) -> String {
    format!("{error:?}")
}
