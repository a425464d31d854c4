//! What a real client's events mean: deliveries, absences, reads and subscriptions, verified as a simulated one's are.

use std::time::Duration;

use shakedown_drivers::protocol::{Key, Source};
use shakedown_model::event::{Absence, Corrupt, Corruption, Delivery, Event, Path, Read, ReadSource};
use shakedown_model::plan::Protocol;
use shakedown_model::{ItemId, Offset, Version, WatcherId, payload};
use shakedown_watcher::{Unverified, Verified, verify};

use super::reads::Pending;

/// The first delivery of an item no longer than this after a reconnect is the list's that follows it. No client tells,
/// so a push that comes this soon is taken for it.
const RELISTS_WITHIN: Duration = Duration::from_secs(5);

/// The first delivery of a life no longer than this after the listen call is its first fetch: Go connects 5 s after its
/// start, Python's listen loop comes round after up to 5 s (nacos-facts.md §3.1), and the fetch itself takes time.
const FETCHES_WITHIN: Duration = Duration::from_secs(7);

/// A listener's item.
#[derive(Debug)]
struct Item {
    id: ItemId,
    key: Key,
    /// When its listen call returned.
    listening: Option<Offset>,
    /// Whether the listener was called with something of the server's in this life.
    was_heard: bool,
    /// Since when a delivery may be that of a list after a reconnect; taken by the first delivery.
    reconnected: Option<Offset>,
}

/// What a client is told once for all its lives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// The run's number, which payloads carry.
    pub(super) run_id: u64,
    /// What it speaks.
    pub(super) protocol: Protocol,
    /// Whether items are deleted in this run.
    pub(super) may_be_absent: bool,
}

/// One real client.
#[derive(Debug)]
pub(super) struct Client {
    watcher: WatcherId,
    terms: Terms,
    items: Vec<Item>,
    /// Whether every listener of this life is registered.
    listens: bool,
    /// Whether it started cold and heard nothing from the server since.
    is_cold: bool,
}

/// What a driver told that cannot be: a defect of the driver.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum DriverDefect {
    /// The MD5 is not that of the content.
    #[error(
        "the md5 `{stated}` of {key} is not that of the content beside it, `{found}`: the driver's or the pipe's fault"
    )]
    Md5 {
        /// The item.
        key: String,
        /// What the driver said.
        stated: String,
        /// What the content has.
        found: String,
    },
    /// A key that the client does not listen to.
    #[error("it told of {0}, to which that client does not listen")]
    Key(String),
}

impl Client {
    pub(super) fn new(watcher: WatcherId, items: Vec<(ItemId, Key)>, terms: Terms) -> Self {
        let item = |(id, key)| Item { id, key, listening: None, was_heard: false, reconnected: None };
        let items = items.into_iter().map(item).collect();
        Self { watcher, terms, items, listens: false, is_cold: false }
    }

    pub(super) const fn watcher(&self) -> WatcherId {
        self.watcher
    }

    /// The keys that it listens to.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.items.iter().map(|item| &item.key)
    }

    pub(super) fn key_of(&self, id: ItemId) -> Option<&Key> {
        self.items.iter().find(|item| item.id == id).map(|item| &item.key)
    }

    /// Its memory is gone.
    pub(super) fn crash(&mut self) {
        self.listens = false;
        for item in &mut self.items {
            (item.listening, item.was_heard, item.reconnected) = (None, false, None);
        }
    }

    /// It starts again after a crash.
    pub(super) const fn start_cold(&mut self) {
        self.is_cold = true;
    }

    /// It has a connection again.
    pub(super) fn reconnected(&mut self, at: Offset) {
        self.items.iter_mut().for_each(|item| item.reconnected = Some(at));
    }

    /// A listen call returned. Says since when all have, once.
    pub(super) fn listening(&mut self, at: Offset, key: &Key) -> Result<Option<Offset>, DriverDefect> {
        self.item(key)?.listening = Some(at);
        if self.listens || !self.items.iter().all(|item| item.listening.is_some()) {
            return Ok(None);
        }
        self.listens = true;
        Ok(Some(at))
    }

    /// The listener was called with content.
    pub(super) fn value(
        &mut self,
        at: Offset,
        key: &Key,
        content: &str,
        (md5, source): (&str, Source),
    ) -> Result<Event, DriverDefect> {
        let (watcher, run_id) = (self.watcher, self.terms.run_id);
        let path = self.path(at, key, source)?;
        let item = self.item(key)?.id;
        check_md5(key, content, md5)?;
        Ok(match verify(run_id, item, content, None) {
            Ok(Verified { version, .. }) => {
                Event::Delivery(Delivery { at, watcher, item, version, signal: None, path })
            }
            Err(Unverified { corruption, claims }) => {
                Event::Corrupt(Corrupt { at, watcher, item, corruption, claims })
            }
        })
    }

    /// The listener was told that the item does not exist.
    pub(super) fn gone(&mut self, at: Offset, key: &Key) -> Result<Event, DriverDefect> {
        let watcher = self.watcher;
        let path = self.path(at, key, Source::Unknown)?;
        let item = self.item(key)?.id;
        if self.terms.may_be_absent {
            return Ok(Event::Absent(Absence { at, watcher, item, signal: None, path }));
        }
        let corruption = Corruption::Absent;
        Ok(Event::Corrupt(Corrupt { at, watcher, item, corruption, claims: None }))
    }

    /// A read was answered. `is_up` is whether the client has a connection, where that is known.
    pub(super) fn got(
        &mut self,
        (read, answered): (Pending, Offset),
        content: Option<(&str, &str)>,
        source: Source,
        is_up: Option<bool>,
    ) -> Result<Event, DriverDefect> {
        let source = match source {
            Source::Server => ReadSource::Live,
            Source::Snapshot => ReadSource::Snapshot,
            Source::Failover => ReadSource::Failover,
            // A life that heard nothing has no memory.
            Source::Memory | Source::Unknown if self.is_cold => ReadSource::Snapshot,
            Source::Memory | Source::Unknown if is_up == Some(false) => ReadSource::Memory,
            Source::Memory | Source::Unknown => ReadSource::Live,
        };
        if source == ReadSource::Live {
            self.is_cold = false;
        }
        let mut version = None;
        if let (Some((content, md5)), Some(key)) = (content, self.key_of(read.item)) {
            check_md5(key, content, md5)?;
            version = verify(self.terms.run_id, read.item, content, None).ok().map(|proven| proven.version);
        }
        Ok(self.read(read, answered, source, version))
    }

    /// A read failed, or was given up.
    pub(super) fn unanswered(&self, read: Pending, at: Offset) -> Event {
        self.read(read, at, ReadSource::Nothing, None)
    }

    fn read(&self, read: Pending, answered: Offset, source: ReadSource, version: Option<Version>) -> Event {
        Event::Read(Read {
            intended: read.intended,
            answered: answered.max(read.intended),
            watcher: self.watcher,
            item: read.item,
            source,
            version,
            // That it is not the server's is what a client can say; the driver says it for one that does not.
            says_stale: matches!(source, ReadSource::Memory | ReadSource::Snapshot | ReadSource::Failover),
            is_cold: self.is_cold,
        })
    }

    fn path(&mut self, at: Offset, key: &Key, source: Source) -> Result<Path, DriverDefect> {
        let protocol = self.terms.protocol;
        let is_from_disk = matches!(source, Source::Snapshot | Source::Failover);
        let item = self.item(key)?;
        if is_from_disk {
            return Ok(Path::Cache);
        }
        // Some SDKs call a listener with what is there, some with what changes.
        let is_early = item.listening.is_none_or(|since| at <= since + FETCHES_WITHIN);
        let is_first = !std::mem::replace(&mut item.was_heard, true) && is_early;
        let is_relist = item.reconnected.take().is_some_and(|since| at <= since + RELISTS_WITHIN);
        self.is_cold = false;
        Ok(match protocol {
            _ if is_first => Path::Initial,
            _ if is_relist => Path::Relist,
            Protocol::NacosHttp => Path::PollWake,
            Protocol::NacosGrpc => Path::Push,
        })
    }

    fn item(&mut self, key: &Key) -> Result<&mut Item, DriverDefect> {
        self.items.iter_mut().find(|item| item.key == *key).ok_or_else(|| DriverDefect::Key(words(key)))
    }
}

fn check_md5(key: &Key, content: &str, stated: &str) -> Result<(), DriverDefect> {
    let found = payload::md5_hex(content);
    if found == stated {
        return Ok(());
    }
    Err(DriverDefect::Md5 { key: words(key), stated: stated.to_owned(), found })
}

fn words(key: &Key) -> String {
    format!("`{}` in group `{}`", key.data_id, key.group)
}

#[cfg(test)]
mod tests {
    use shakedown_model::Seed;
    use shakedown_model::payload::Identity;

    use super::*;

    const RUN: u64 = 7;

    fn key(n: u32) -> Key {
        Key { data_id: format!("i{n}"), group: "G".into() }
    }

    fn client(protocol: Protocol, may_be_absent: bool) -> Client {
        let items = [3, 4].map(|n| (ItemId(n), key(n))).to_vec();
        Client::new(WatcherId(9), items, Terms { run_id: RUN, protocol, may_be_absent })
    }

    fn content(item: u32, version: u32) -> String {
        let identity = Identity::new(RUN, ItemId(item), Version(version));
        payload::encode(identity, 200, Seed(1))
    }

    fn value(client: &mut Client, at: u64, text: &str, source: Source) -> Event {
        let md5 = payload::md5_hex(text);
        client.value(Offset::from_secs(at), &key(3), text, (&md5, source)).unwrap()
    }

    fn path(event: &Event) -> Path {
        match event {
            Event::Delivery(delivery) => delivery.path,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn it_listens_once_every_listen_call_has_returned() {
        let mut client = client(Protocol::NacosGrpc, false);
        let at = Offset::from_secs;
        assert_eq!(client.listening(at(1), &key(3)), Ok(None));
        assert_eq!(client.listening(at(2), &key(4)), Ok(Some(at(2))));
        assert_eq!(client.listening(at(3), &key(4)), Ok(None), "it is already");
        client.crash();
        assert_eq!(client.listening(at(4), &key(4)), Ok(None), "a new life");
        assert!(matches!(client.listening(at(5), &key(5)), Err(DriverDefect::Key(_))));
    }

    #[test]
    fn paths_follow_the_life_the_reconnects_and_the_source() {
        let mut polls = client(Protocol::NacosHttp, false);
        let mut client = client(Protocol::NacosGrpc, false);
        assert_eq!(path(&value(&mut client, 1, &content(3, 1), Source::Snapshot)), Path::Cache);
        assert_eq!(path(&value(&mut client, 2, &content(3, 2), Source::Server)), Path::Initial);
        assert_eq!(path(&value(&mut client, 3, &content(3, 3), Source::Unknown)), Path::Push);
        client.reconnected(Offset::from_secs(10));
        assert_eq!(path(&value(&mut client, 11, &content(3, 4), Source::Server)), Path::Relist);
        assert_eq!(path(&value(&mut client, 12, &content(3, 5), Source::Server)), Path::Push);
        client.reconnected(Offset::from_secs(20));
        assert_eq!(path(&value(&mut client, 26, &content(3, 6), Source::Server)), Path::Push, "too late");
        client.crash();
        client.listening(Offset::from_secs(30), &key(3)).unwrap();
        assert_eq!(
            path(&value(&mut client, 38, &content(3, 7), Source::Server)),
            Path::Push,
            "no first fetch"
        );
        assert_eq!(path(&value(&mut polls, 1, &content(3, 1), Source::Server)), Path::Initial);
        assert_eq!(path(&value(&mut polls, 2, &content(3, 2), Source::Server)), Path::PollWake);
    }

    #[test]
    fn content_is_verified_and_a_wrong_md5_is_the_drivers_defect() {
        let mut client = client(Protocol::NacosGrpc, false);
        let Event::Corrupt(torn) = value(&mut client, 1, &content(3, 2)[..150], Source::Server) else {
            panic!("torn content is no delivery");
        };
        assert_eq!(torn.claims, Some((ItemId(3), Version(2))));
        let Event::Corrupt(other) = value(&mut client, 1, &content(4, 2), Source::Server) else {
            panic!("another item's content is no delivery");
        };
        assert_eq!(other.corruption, Corruption::Misplaced);
        let wrong = client.value(Offset::ZERO, &key(3), "x", ("0".repeat(32).as_str(), Source::Server));
        assert!(matches!(wrong, Err(DriverDefect::Md5 { .. })));
    }

    #[test]
    fn an_absence_counts_where_items_are_deleted() {
        let gone = |may| client(Protocol::NacosGrpc, may).gone(Offset::ZERO, &key(3)).unwrap();
        assert!(matches!(gone(true), Event::Absent(_)));
        assert!(matches!(gone(false), Event::Corrupt(Corrupt { corruption: Corruption::Absent, .. })));
    }

    #[test]
    fn reads_say_where_they_came_from_and_whether_the_client_was_cold() {
        let mut client = client(Protocol::NacosGrpc, false);
        let pending = Pending { id: 1, intended: Offset::from_secs(5), item: ItemId(3), is_sent: true };
        let text = content(3, 2);
        let md5 = payload::md5_hex(&text);
        let got = |client: &mut Client, source, is_up| {
            let answer = client.got((pending, Offset::from_secs(6)), Some((&text, &md5)), source, is_up);
            let Event::Read(read) = answer.unwrap() else { panic!("a read") };
            assert_eq!(read.version, Some(Version(2)));
            (read.source, read.says_stale, read.is_cold)
        };
        assert_eq!(got(&mut client, Source::Server, None), (ReadSource::Live, false, false));
        assert_eq!(got(&mut client, Source::Unknown, None), (ReadSource::Live, false, false));
        assert_eq!(got(&mut client, Source::Memory, Some(false)), (ReadSource::Memory, true, false));
        assert_eq!(got(&mut client, Source::Snapshot, Some(false)), (ReadSource::Snapshot, true, false));
        client.crash();
        client.start_cold();
        assert_eq!(got(&mut client, Source::Unknown, Some(false)), (ReadSource::Snapshot, true, true));
        assert_eq!(got(&mut client, Source::Failover, Some(false)), (ReadSource::Failover, true, true));
        let Event::Read(nothing) = client.unanswered(pending, Offset::from_secs(9)) else { panic!("a read") };
        assert!(nothing.is_cold && nothing.version.is_none() && nothing.source == ReadSource::Nothing);
        assert_eq!(got(&mut client, Source::Server, Some(true)), (ReadSource::Live, false, false));
        assert_eq!(got(&mut client, Source::Unknown, Some(false)), (ReadSource::Memory, true, false));
        let absent = client.got((pending, Offset::from_secs(6)), None, Source::Server, None).unwrap();
        assert!(matches!(absent, Event::Read(Read { version: None, source: ReadSource::Live, .. })));
    }
}
