use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use shakedown_model::backoff::Backoff;
use shakedown_model::plan::{ClientSpec, Protocol};
use shakedown_model::{GroupId, ItemId, LinkId, NodeId, Offset};

use super::*;

fn group(first: u32) -> GroupSpec {
    GroupSpec {
        name: "g".into(),
        count: 3,
        first: WatcherId(first),
        client: ClientSpec::new(Protocol::NacosGrpc, Backoff::NACOS_JAVA),
        link: LinkId(0),
        shared: 1,
        own: 0,
        first_own: ItemId(1),
        ramp_per_second: 1.0,
        reads_per_second: 0.0,
        source: Ipv4Addr::LOCALHOST,
    }
}

fn address(name: &str, group: u16, watcher: Option<u32>) -> ProxyAddress {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    ProxyAddress {
        name: name.into(),
        link: LinkId(0),
        group: GroupId(group),
        watcher: watcher.map(WatcherId),
        share: 0,
        node: NodeId(0),
        protocol: Protocol::NacosGrpc,
        listen: any,
        binds: any,
        upstream: String::new(),
        source: None,
    }
}

/// What was written of `told`: (milliseconds, proxy, connection, what).
fn written(told: &[(u64, &str, u64, Seen)]) -> Vec<ConnectionRecord> {
    let folder = tempfile::tempdir().unwrap();
    let dir = RunDir::create(folder.path(), "run").unwrap();
    let addresses: Arc<[ProxyAddress]> = vec![address("own", 0, Some(2)), address("shared", 1, None)].into();
    let connections = Connections::new();
    connections.know(&addresses);
    let tap = connections.tap();
    let (clock, start) = (Clock::start(), Instant::now());
    for (at, proxy, connection, seen) in told {
        let at = start + Duration::from_millis(*at);
        tap.see(&Sight { proxy, connection: *connection, at, seen: *seen });
    }
    let mut writer = Writer {
        dir: dir.clone(),
        clock,
        groups: vec![group(0), group(3)],
        addresses,
        sights: SightSender::default(),
        open: HashMap::new(),
        lost: 0,
    };
    while let Ok(told) = connections.told.try_recv() {
        writer.take(told);
    }
    assert_eq!(writer.finish(), 0);
    dir.connections().unwrap()
}

fn from(ip: Ipv4Addr) -> Seen {
    Seen::Accepted { from: Some(SocketAddr::from((ip, 9))) }
}

const END: Seen = Seen::Ended { by: Ender::Client, up_bytes: 7, down_bytes: 9 };

#[test]
fn a_connection_is_one_line_once_it_has_ended_or_the_run_has() {
    let home = Ipv4Addr::LOCALHOST;
    let records = written(&[
        (10, "own", 0, from(home)),
        (20, "own", 1, from(home)),
        (30, "own", 0, Seen::Answered),
        (40, "own", 0, END),
        (50, "unknown", 0, from(home)),
    ]);
    let [ended, open] = &records[..] else { panic!("{records:?}") };
    assert_eq!((ended.group, ended.watcher), (GroupId(0), Some(WatcherId(2))));
    let gap = ended.closed.unwrap().since(ended.opened);
    assert_eq!(gap, Duration::from_millis(30));
    assert_eq!(ended.answered.unwrap().since(ended.opened), Duration::from_millis(20));
    assert_eq!((ended.closed_by, ended.up_bytes, ended.down_bytes), (Closer::Client, 7, 9));
    assert_eq!((open.closed, open.closed_by, open.answered), (None, Closer::Nobody, None));
    assert!(open.opened > ended.opened && ended.opened >= Offset::from_millis(10));
}

#[test]
fn who_shares_a_proxy_is_told_apart_by_the_source_and_a_canary_is_nobody() {
    let group = group(3);
    let mine = group.own_source(WatcherId(4));
    let records = written(&[
        (1, "shared", 0, from(mine)),
        (2, "shared", 1, from(Ipv4Addr::LOCALHOST)),
        (3, "shared", 2, from(probe::SOURCE)),
        (4, "shared", 2, Seen::Answered),
        (5, "shared", 2, END),
    ]);
    let watchers: Vec<_> = records.iter().map(|record| record.watcher).collect();
    assert_eq!(watchers, [Some(WatcherId(4)), None]);
}

#[test]
fn what_finds_no_room_is_counted_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let dir = RunDir::create(folder.path(), "run").unwrap();
    let addresses: Arc<[ProxyAddress]> = vec![address("own", 0, Some(2))].into();
    let connections = Connections::new();
    connections.know(&addresses);
    let tap = connections.tap();
    for _ in 0..WAITING + 2 {
        tap.see(&Sight { proxy: "own", connection: 0, at: Instant::now(), seen: Seen::Answered });
    }
    let log =
        connections.write(&dir, Clock::start(), &[group(0)], (&addresses, SightSender::default())).unwrap();
    let remark = log.finish().unwrap();
    assert!(remark.starts_with("2 sights"), "{remark}");
}
