//! The core, what reaches it from other nodes, and the ways out of what it sends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use shakedown_model::fault::{NodeTrouble, StreamTrouble};
use shakedown_nacos::ConfigKey;
use shakedown_nacos::http::answer;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

use crate::cluster::Message;
use crate::cluster::broadcasts::Broadcasts;
use crate::core::{ConnectionId, Core, Output, PollId};
use crate::service::grpc::{Link, Sent};
use crate::trouble::Active;

/// What a node's tasks borrow for an instant.
#[derive(Debug)]
pub(super) struct State {
    pub(super) core: Core,
    pub(super) mailbox: UnboundedReceiver<Message>,
    pub(super) broadcasts: Broadcasts,
    pub(super) polls: BTreeMap<PollId, oneshot::Sender<Bytes>>,
    pub(super) links: BTreeMap<ConnectionId, Link>,
}

impl State {
    /// When something is to be done by itself.
    pub(super) fn next_due(&self) -> Option<Duration> {
        [self.core.next_due(), self.broadcasts.next_due()].into_iter().flatten().min()
    }

    /// Takes in all that other nodes sent.
    pub(super) fn empty_mailbox(&mut self, now: Duration) {
        while let Ok(message) = self.mailbox.try_recv() {
            self.take(now, message);
        }
    }

    /// Takes in what another node sent.
    pub(super) fn take(&mut self, now: Duration, message: Message) {
        match message {
            Message::Stored(change) => self.core.restore(*change),
            Message::Changed(task) => self.core.told(now, task),
            Message::Reload(keep, to) => self.core.keep_connections(keep, to),
            Message::Trouble(active, begins) => self.suffer(now, &active, begins),
        }
    }

    /// Does what is done at a trouble's onset or end. What lasts is asked for call by call.
    fn suffer(&mut self, now: Duration, active: &Active, begins: bool) {
        match active.trouble {
            NodeTrouble::Answers(_) | NodeTrouble::DriftedMd5 { .. } => {}
            NodeTrouble::Stream { what: StreamTrouble::SwallowedAck, .. } => {}
            NodeTrouble::Stream { what, share_ppm } => {
                for link in self.links.values().filter(|link| link.is_live()) {
                    if !begins || active.draw(share_ppm) {
                        link.suffer(what, begins);
                    }
                }
            }
            NodeTrouble::ExpireTokens if begins => active.count(self.core.expire_tokens(now)),
            NodeTrouble::Evict { share_ppm } if begins => {
                for connection in self.core.sdk_connections() {
                    if active.draw(share_ppm) {
                        self.core.evict(now, connection);
                    }
                }
            }
            NodeTrouble::ExpireTokens | NodeTrouble::Evict { .. } => {}
        }
    }

    /// Sends everything that the core wants sent; what the attempts tell the core may make it want more.
    pub(super) fn send_outputs(&mut self, now: Duration) {
        let mut wake: Option<(Arc<ConfigKey>, Bytes)> = None;
        loop {
            let outputs = self.core.take_outputs();
            if outputs.is_empty() {
                return;
            }
            for output in outputs {
                self.send(now, output, &mut wake);
            }
        }
    }

    fn send(&mut self, now: Duration, output: Output, wake: &mut Option<(Arc<ConfigKey>, Bytes)>) {
        match output {
            Output::PollAnswer { poll, changed } => {
                if let Some(answer) = self.polls.remove(&poll) {
                    // A client that went away meanwhile has no use for it.
                    answer.send(wake_body(&changed, wake)).ok();
                }
            }
            Output::Notify { connection, request_id, key } => {
                match self.links.get(&connection).map_or(Sent::Gone, |link| link.notify(request_id, &key)) {
                    Sent::Taken => self.core.push_taken(connection),
                    Sent::Busy => self.core.push_busy(now, connection, request_id),
                    Sent::Gone => self.core.stream_gone(connection),
                }
            }
            Output::Detect { connection, request_id } => {
                if let Some(link) = self.links.get(&connection) {
                    // An unsent question stays unanswered, which is an answer.
                    link.detect(request_id);
                }
            }
            Output::Reset { connection, request_id, to } => {
                match self.links.get(&connection).map_or(Sent::Gone, |link| link.reset(request_id, to)) {
                    // One whose queue is full does not get it, and is not asked again.
                    Sent::Taken | Sent::Busy => {}
                    Sent::Gone => self.core.stream_gone(connection),
                }
            }
            Output::SetupAck { connection } => {
                if let Some(link) = self.links.get(&connection) {
                    link.acknowledge_setup();
                }
            }
            Output::Close { connection, reason } => {
                tracing::info!(connection = connection.0, %reason, "closing a connection");
                if let Some(link) = self.links.remove(&connection) {
                    link.close();
                }
            }
        }
    }
}

/// The body that answers a poll. A change wakes many polls with the same key, so the last body is kept.
fn wake_body(changed: &[Arc<ConfigKey>], wake: &mut Option<(Arc<ConfigKey>, Bytes)>) -> Bytes {
    match (changed, &*wake) {
        ([], _) => Bytes::new(),
        ([key], Some((same, body))) if Arc::ptr_eq(key, same) => body.clone(),
        ([key], _) => {
            let body = Bytes::from(answer::encode(&[ConfigKey::clone(key)]));
            *wake = Some((Arc::clone(key), body.clone()));
            body
        }
        (keys, _) => {
            let keys: Vec<_> = keys.iter().map(|key| ConfigKey::clone(key)).collect();
            Bytes::from(answer::encode(&keys))
        }
    }
}
