//! Planted defects: what the core asks at its four seams (publish, dump, push, reply), and one decorator per defect.
//!
//! An honest server answers every question with the default. A defect overrides exactly the seam at which it lies,
//! so that a guarantee can be seen to catch it. Start at [`Seams`].

mod answer_old;
mod cross_items;
mod drop_push;
mod forget_watcher;
mod invent_version;
mod keep_deleted;
mod leak_gray;
mod lose_at_restart;
mod lose_write;
mod tear_content;
mod wrong_md5;

use std::fmt;
use std::sync::Arc;

use shakedown_model::plan::ServerDefect;
use shakedown_nacos::ConfigKey;

use crate::core::{ConnectionId, Entry};

/// The places at which the core can be made to misbehave. Every default is the honest answer.
pub(crate) trait Seams: fmt::Debug + Send {
    /// Publish: whether an accepted publish is stored.
    fn stores(&mut self, _key: &ConfigKey) -> bool {
        true
    }

    /// Publish: whether an accepted removal of `key` is stored.
    fn removes(&self, _key: &ConfigKey) -> bool {
        true
    }

    /// Publish: whether a write is kept for nodes that start later only once the next one comes.
    fn keeps_late(&self) -> bool {
        false
    }

    /// Dump: `before` has just been replaced as the visible content of `key`.
    fn replaced(&mut self, _key: &Arc<ConfigKey>, _before: Option<&Arc<Entry>>) {}

    /// Push: whether a listening connection is told of a change.
    fn tells(&mut self, _connection: ConnectionId) -> bool {
        true
    }

    /// Reply: whether a list of `key` is answered by comparing what the client holds; otherwise it is "no change".
    fn compares(&mut self, _connection: ConnectionId, _key: &ConfigKey) -> bool {
        true
    }

    /// Push and reply: whether a gray release is taken to be for everybody.
    fn leaks_gray(&self) -> bool {
        false
    }

    /// Reply: what a query is answered with instead of `current`.
    fn reply(&mut self, _key: &ConfigKey, current: Arc<Entry>) -> Arc<Entry> {
        current
    }
}

/// A server without a defect.
#[derive(Debug)]
struct Honest;

impl Seams for Honest {}

/// The seams of a server with this defect.
pub(crate) fn seams(defect: Option<ServerDefect>) -> Box<dyn Seams> {
    match defect {
        None => Box::new(Honest),
        Some(ServerDefect::LoseWrite) => Box::<lose_write::LoseWrite>::default(),
        Some(ServerDefect::ForgetWatcher) => Box::<forget_watcher::ForgetWatcher>::default(),
        Some(ServerDefect::AnswerOld) => Box::<answer_old::AnswerOld>::default(),
        Some(ServerDefect::TearContent) => Box::<tear_content::TearContent>::default(),
        Some(ServerDefect::InventVersion) => Box::<invent_version::InventVersion>::default(),
        Some(ServerDefect::CrossItems) => Box::<cross_items::CrossItems>::default(),
        Some(ServerDefect::LeakGray) => Box::new(leak_gray::LeakGray),
        Some(ServerDefect::DropPush) => Box::<drop_push::DropPush>::default(),
        Some(ServerDefect::WrongMd5) => Box::<wrong_md5::WrongMd5>::default(),
        Some(ServerDefect::KeepDeleted) => Box::new(keep_deleted::KeepDeleted),
        Some(ServerDefect::LoseAtRestart) => Box::new(lose_at_restart::LoseAtRestart),
    }
}

/// Counts calls, and is true at every n-th.
#[derive(Debug, Default)]
struct EveryNth(u64);

impl EveryNth {
    const fn is_hit(&mut self, n: u64) -> bool {
        self.0 += 1;
        self.0.is_multiple_of(n)
    }
}
