//! gRPC: server check, stream, list, push, query (nacos-facts.md §2.3, §2.5, §3.4).

use shakedown_model::event::Path;
use shakedown_model::plan::Protocol;
use shakedown_model::{ItemId, Offset};

use super::{InFlight, Phase, Watcher};
use crate::item::Flag;
use crate::rules::{SETUP_PAUSE, next_on_grid};
use crate::{Action, Request};

impl Watcher {
    /// The server check was answered: open the stream, then wait for the server's acceptance or for a moment.
    pub(super) fn set_up(&mut self, now: Offset, will_ack_setup: bool, out: &mut Vec<Action>) {
        self.phase = Phase::SettingUp;
        self.settled_at = if will_ack_setup { Offset::NEVER } else { now + SETUP_PAUSE };
        out.push(Action::Send(Request::OpenStream));
    }

    pub(super) fn on_setup_ack(&mut self, now: Offset, out: &mut Vec<Action>) {
        if self.phase == Phase::SettingUp {
            self.be_up(now, out);
        }
    }

    /// A push is acked before anything else; the notice itself carries no content.
    pub(super) fn on_notify(&mut self, now: Offset, item: ItemId, out: &mut Vec<Action>) {
        out.push(Action::Ack);
        let lists = self.rules.client.lists_around_query;
        let is_up = self.phase == Phase::Up;
        let Some(index) = self.index_of(item).filter(|_| is_up) else { return };
        self.signal(index, Path::Push, now);
        self.items[index].set(if lists { Flag::Unsynced } else { Flag::Dirty });
    }

    pub(super) fn ask_next_grpc(&mut self, now: Offset, out: &mut Vec<Action>) {
        if let Some(index) = self.items.iter().position(|item| item.is(Flag::Dirty)) {
            let request = Request::Query(self.items[index].id);
            self.fetch(now, index, request, out);
        } else if self.items.iter().any(|item| item.is(Flag::Unsynced)) {
            self.list(now, out);
        } else if self.is_listening {
            self.list_path = Path::Push;
            self.be_subscribed(now, out);
        }
    }

    fn list(&mut self, now: Offset, out: &mut Vec<Action>) {
        self.lists_all = true;
        for item in &mut self.items {
            if item.take(Flag::Unsynced) {
                item.set(Flag::Listed);
            } else {
                self.lists_all = false;
            }
        }
        self.in_flight = InFlight::Listen;
        self.sent_at = now;
        self.request_deadline = now + self.request_timeout();
        out.push(Action::Send(Request::Listen));
    }

    /// A list was answered: fetch what it names, and what was pushed meanwhile is listed again.
    pub(super) fn on_listed(&mut self, now: Offset, changed: &[ItemId]) {
        self.is_listening |= self.lists_all;
        // An item that changed again during the first list's fetches: its push is under way.
        let path = if self.list_path == Path::Initial { Path::Push } else { self.list_path };
        for index in changed.iter().filter_map(|item| self.index_of(*item)).collect::<Vec<_>>() {
            self.signal(index, path, now);
            self.items[index].set(Flag::Dirty);
        }
        for item in &mut self.items {
            if item.take(Flag::Listed) && !item.is(Flag::Dirty) && !item.is(Flag::Unsynced) {
                item.clear_signal();
            }
        }
    }

    /// Marks every item for a list when the periodic one is due, or a retry after trouble.
    pub(super) fn list_on_time(&mut self, now: Offset) {
        if self.phase != Phase::Up {
            return;
        }
        let is_resync = now >= self.resync_due;
        let is_retry = now >= self.retry_at;
        if let Some(period) = self.rules.client.resync.filter(|_| is_resync) {
            self.resync_due = next_on_grid(now, period, self.seed.child("resync")).0;
        }
        if is_retry {
            self.retry_at = Offset::NEVER;
        }
        if (is_resync || is_retry) && self.protocol() == Protocol::NacosGrpc {
            if self.is_subscribed {
                self.list_path = Path::Resync;
            }
            self.items.iter_mut().for_each(|item| item.set(Flag::Unsynced));
        }
    }
}
