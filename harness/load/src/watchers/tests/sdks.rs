//! Every SDK's imitation against the embedded server: both generations, deletes, gray releases, logins, overrides.

use shakedown_model::event::Absence;
use shakedown_model::plan::{Failover, Kinds, Login, LoginHabit};
use shakedown_model::secrets::Secret;
use shakedown_scenario::Sdk;

use super::*;
use crate::watchers::credentials::Keeper;

const EACH: u32 = 2;

/// Two watchers of each SDK, on two items in `namespace`.
fn plan_of(sdks: &[Sdk], namespace: &str) -> Plan {
    let mut plan = plan(EACH);
    plan.items.namespaces = vec![namespace.to_owned()];
    plan.mutator.kinds = Kinds { write: 1, delete: 1, gray: 0 };
    plan.groups = (0..)
        .zip(sdks)
        .map(|(nth, sdk)| {
            let client = sdk.client();
            let group = group(client.protocol, nth * EACH, EACH);
            GroupSpec { name: sdk.name().to_owned(), client, ..group }
        })
        .collect();
    plan
}

struct Server {
    plan: Arc<Plan>,
    running: RunningServer,
    admin: AdminClient,
    dir: TempDir,
}

impl Server {
    async fn start(plan: Plan, generation: Generation, login: Option<Login>) -> Self {
        Self::start_as(plan, generation, login, EmbeddedSettings::default()).await
    }

    async fn start_as(
        mut plan: Plan,
        generation: Generation,
        login: Option<Login>,
        settings: EmbeddedSettings,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (http, grpc, data) = (LOOPBACK, LOOPBACK, None);
        plan.server.login.clone_from(&login);
        let admin_login = login.clone();
        let running =
            EmbeddedServer::start(ServerConfig { http, grpc, data, generation, login, settings }).unwrap();
        let admin = AdminClient::new(running.http_addr(), Duration::from_secs(5));
        let admin = admin.speaking(generation).logging_in(admin_login.as_ref());
        let server = Self { plan: Arc::new(plan), running, admin, dir };
        for item in 0..2 {
            server.publish(item, 1, None).await;
            while server.admin.get(&server.key(item)).await.unwrap().is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        server
    }

    fn key(&self, item: u32) -> ConfigKey {
        Names::of(&self.plan).key(ItemId(item), false)
    }

    async fn publish(&self, item: u32, version: u32, beta_ips: Option<&str>) {
        let identity = Identity::new(RUN, ItemId(item), Version(version));
        let content = payload::encode(identity, 300, Seed(1));
        let key = self.key(item);
        let publication = Publication { beta_ips, ..Publication::new(&key, &content) };
        let answer = self.admin.publish(publication).await;
        assert!(matches!(answer, PublishAnswer::Acked), "{answer:?}");
    }

    fn fleet(&self, login: Option<AdminClient>) -> (Fleet, MemoryHistory) {
        let (recorder, history) = Recorder::in_memory();
        let addresses = GroupAddresses {
            http: vec![self.running.http_addr().into()],
            grpc: vec![self.running.grpc_addr().into()],
        };
        let config = FleetConfig {
            share: shakedown_model::division::Share::Whole,
            from: shakedown_model::Offset::ZERO,
            plan: Arc::clone(&self.plan),
            run_id: RUN,
            addresses: vec![addresses; self.plan.groups.len()],
            clock: Clock::start(),
            recorder,
            snapshots: self.dir.path().join("snapshots"),
            login,
        };
        (Fleet::start(config).unwrap(), history)
    }
}

/// Who was told last that the item is gone.
fn told_of_absence(history: &MemoryHistory, item: u32) -> Vec<u32> {
    let mut watchers: Vec<_> = history
        .events()
        .iter()
        .filter_map(|event| match event {
            Event::Absent(Absence { watcher, item: gone, .. }) if *gone == ItemId(item) => Some(watcher.0),
            _ => None,
        })
        .collect();
    watchers.sort_unstable();
    watchers
}

async fn follows_changes_and_deletes(namespace: &str, generation: Generation) {
    let server = Server::start(plan_of(&Sdk::ALL, namespace), generation, None).await;
    let all = server.plan.watcher_count();
    let (fleet, history) = server.fleet(None);
    until("subscribed", || fleet.control().subscribed() == all).await;
    server.publish(1, 2, None).await;
    until("converged", || fleet.control().converged(&newest(1, 2))).await;
    assert!(matches!(server.admin.delete(&server.key(1)).await, PublishAnswer::Acked));
    let rust = Sdk::ALL.iter().position(|sdk| *sdk == Sdk::NacosRust).unwrap();
    let rust = u32::try_from(rust).unwrap() * EACH..u32::try_from(rust + 1).unwrap() * EACH;
    let everyone_else: Vec<_> = (0..all).filter(|watcher| !rust.contains(watcher)).collect();
    until("told of the delete", || told_of_absence(&history, 1) == everyone_else).await;
    server.publish(1, 4, None).await;
    until("created again", || fleet.control().converged(&newest(1, 4))).await;
    stop(fleet).await;
    let trouble = |event: &&Event| matches!(event, Event::Lost(_) | Event::Corrupt(_));
    assert_eq!(history.events().iter().find(trouble), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sdk_follows_changes_and_deletes_of_a_2x_server() {
    follows_changes_and_deletes("space", Generation::V2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sdk_follows_changes_and_deletes_in_the_default_namespace_of_a_3x_server() {
    follows_changes_and_deletes("", Generation::V3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gray_release_reaches_the_addresses_that_it_names() {
    let plan = plan_of(&Sdk::ALL, "space");
    let chosen = plan.claimed_ip(WatcherId(0));
    let mut gray: Vec<_> =
        (0..plan.watcher_count()).filter(|id| plan.claimed_ip(WatcherId(*id)) == chosen).collect();
    // One of each protocol, whatever the cohorts are.
    let node = plan.watcher_count() - 1;
    let other = plan.claimed_ip(WatcherId(node));
    gray.extend((0..=node).filter(|id| plan.claimed_ip(WatcherId(*id)) == other));
    gray.sort_unstable();
    gray.dedup();
    let server = Server::start(plan, Generation::V2, None).await;
    let all = server.plan.watcher_count();
    let (fleet, history) = server.fleet(None);
    until("subscribed", || fleet.control().subscribed() == all).await;
    server.publish(0, 2, Some(&format!("{chosen},{other}"))).await;
    let has_second = || {
        let mut watchers: Vec<_> = history
            .events()
            .iter()
            .filter_map(|event| match event {
                Event::Delivery(delivery) if delivery.version == Version(2) => Some(delivery.watcher.0),
                _ => None,
            })
            .collect();
        watchers.sort_unstable();
        watchers
    };
    until("the gray ones hold it", || has_second() == gray).await;
    assert!(gray.len() < all as usize);
    stop(fleet).await;
}

fn account(password: &str) -> Login {
    Login { username: "nacos".to_owned(), password: Secret::new(password) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watchers_log_in_as_their_sdk_does() {
    let login = account("a good secret");
    let server = Server::start(plan_of(&Sdk::ALL, "space"), Generation::V2, Some(login)).await;
    let all = server.plan.watcher_count();
    let (fleet, history) = server.fleet(Some(server.admin.clone()));
    until("subscribed", || fleet.control().subscribed() == all).await;
    server.publish(1, 2, None).await;
    until("converged", || fleet.control().converged(&newest(1, 2))).await;
    stop(fleet).await;
    assert!(!history.events().iter().any(|event| matches!(event, Event::Lost(_) | Event::Corrupt(_))));
}

/// Keeps a token that lives for `ttl`; a denial is honoured `after_denial`.
async fn kept(ttl: Duration, after_denial: Duration) -> (Server, Credentials, tokio::task::JoinSet<()>) {
    let login = account("a good secret");
    let settings = EmbeddedSettings { token_ttl: ttl, ..EmbeddedSettings::default() };
    let plan = plan_of(&[Sdk::NacosJava2], "space");
    let server = Server::start_as(plan, Generation::V2, Some(login.clone()), settings).await;
    let admin = AdminClient::new(server.running.http_addr(), Duration::from_secs(5));
    let (keeper, after_denial) = (Keeper::new(), Some(after_denial));
    let credentials = Credentials::new(&login, LoginHabit::Token { after_denial }, &keeper);
    let mut keeping = tokio::task::JoinSet::new();
    keeping.spawn(keeper.keep(admin.logging_in(Some(&login)), after_denial));
    credentials.first_login().await;
    (server, credentials, keeping)
}

#[tokio::test]
async fn a_denial_does_not_keep_a_token_from_being_renewed_in_time() {
    let (_server, credentials, _keeping) = kept(Duration::from_secs(4), Duration::from_secs(60)).await;
    let first = credentials.token().unwrap();
    credentials.denied();
    until("renewed", || credentials.token().unwrap() != first).await;
}

#[tokio::test]
async fn a_denial_makes_the_fleet_log_in_again() {
    let (_server, credentials, _keeping) =
        kept(Duration::from_secs(18_000), Duration::from_millis(200)).await;
    let first = credentials.token().unwrap();
    // Tokens of one second are the same.
    let is_another = || {
        credentials.denied();
        credentials.token().unwrap() != first
    };
    until("logged in again", is_another).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_connections_go_on_under_the_token_that_was_renewed() {
    const TTL: Duration = Duration::from_secs(4);
    let settings =
        EmbeddedSettings { token_ttl: TTL, poll_registers_late: false, ..EmbeddedSettings::default() };
    let (plan, login) = (plan_of(&Sdk::ALL, "space"), account("a good secret"));
    let server = Server::start_as(plan, Generation::V2, Some(login.clone()), settings).await;
    let all = server.plan.watcher_count();
    // The fleet has a login of its own: the publishes below would renew a shared one for it.
    let own = AdminClient::new(server.running.http_addr(), Duration::from_secs(5));
    let (fleet, history) = server.fleet(Some(own.logging_in(Some(&login))));
    until("subscribed", || fleet.control().subscribed() == all).await;
    let attempts = fleet.control().progress().attempts;
    let subscribed = tokio::time::Instant::now();
    let mut version = 1;
    // Past the life of the first token and of the second.
    while subscribed.elapsed() < 2 * TTL {
        version += 1;
        server.publish(1, version, None).await;
        until("converged", || fleet.control().converged(&newest(1, version))).await;
    }
    assert_eq!(fleet.control().progress().attempts, attempts, "every connection is the first");
    stop(fleet).await;
    assert!(!history.events().iter().any(|event| matches!(event, Event::Lost(_) | Event::Corrupt(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watchers_without_the_password_see_nothing() {
    let sdks = [Sdk::NacosJava2, Sdk::NacosPython1, Sdk::NacosNode];
    let mut server =
        Server::start(plan_of(&sdks, "space"), Generation::V2, Some(account("a good secret"))).await;
    let mut plan = Plan::clone(&server.plan);
    plan.server.login = Some(account("a wrong one"));
    server.plan = Arc::new(plan);
    let admin = AdminClient::new(server.running.http_addr(), Duration::from_secs(5));
    let (fleet, history) = server.fleet(Some(admin.logging_in(Some(&account("a wrong one")))));
    // HTTP clients are denied while they connect; gRPC ones connect, and are denied every list.
    until("denied", || fleet.control().progress().attempts >= 6).await;
    stop(fleet).await;
    assert!(!history.events().iter().any(|event| matches!(event, Event::Delivery(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operators_file_is_served_and_the_server_is_not_heard() {
    let mut plan = plan_of(&[Sdk::NacosJava2], "space");
    plan.groups[0].client.failover = Failover::Initial;
    plan.groups[0].reads_per_second = 20.0;
    let server = Server::start(plan, Generation::V2, None).await;
    server.publish(0, 2, None).await;
    let (fleet, history) = server.fleet(None);
    until("subscribed", || fleet.control().subscribed() == EACH).await;
    until("read", || fleet.control().progress().reads >= 20).await;
    stop(fleet).await;
    for event in history.events() {
        match event {
            Event::Read(read) => {
                assert_eq!((read.source, read.version), (ReadSource::Failover, Some(Version(1))), "{read:?}");
            }
            Event::Delivery(delivery) => assert_eq!(delivery.path, Path::Cache),
            _ => {}
        }
    }
}
