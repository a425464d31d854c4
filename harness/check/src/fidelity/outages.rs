//! One client's connections through a fault, as the proxy saw them: the loss, the attempts, the connection that stays.
//!
//! - Over gRPC a client has one connection. It is lost when anyone ends it, or when the client opens another one beside it.
//! - Over HTTP a client may open a connection for each request, so that an end alone is no loss. It has lost its connection
//!   when one ends without an answer, or by the proxy.
//! - A loss belongs to a fault if it comes while it is in force, or no later than [`GRACE`] after its end.
//! - Over gRPC the connection that stays is the first after the loss that the server answered on and that lived for
//!   [`STAYS`] from then, or to the end of the record; over HTTP, the first that was answered.
//! - After a crash the process starts anew, and how long that takes is no habit of the client: what follows counts from the
//!   first connection that it opens.

use std::time::Duration;

use shakedown_model::Offset;
use shakedown_model::manifest::{Closer, ConnectionRecord};
use shakedown_model::plan::Protocol;
use shakedown_model::time::nanos;

/// What a client may take to notice after the heal: the longest time-outs of all SDKs (nacos-facts.md §3.1).
const GRACE: Duration = Duration::from_secs(20);
/// A period of health checks, and the longest that one may take (nacos-facts.md §3.1).
const STAYS: Duration = Duration::from_secs(8);

/// A fault on a client, and how its connections are to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    pub(super) protocol: Protocol,
    pub(super) is_crash: bool,
    /// The onset, as applying began; of a crash, when the clients are started again.
    pub(super) from: Offset,
    pub(super) healed: Offset,
    /// Nothing is known beyond.
    pub(super) horizon: Offset,
}

/// What became of one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outage {
    /// From the onset to the loss; `None` where the client had nothing to notice: after a crash, and where its connection
    /// was ended by another.
    pub(super) detect: Option<Duration>,
    /// Every attempt up to the one that stayed.
    pub(super) attempts: Vec<Attempt>,
    /// From the loss to the first answer on the connection that stays; `None` when none did.
    pub(super) reconnect: Option<Duration>,
}

/// An attempt to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attempt {
    /// When it was opened.
    pub(super) opened: Offset,
    /// From the loss or the end of the attempt before.
    pub(super) gap: Duration,
    /// How long it took; `None` for the one that stayed, and for one that never ended.
    pub(super) length: Option<Duration>,
}

impl Outage {
    /// The pause before attempt `number`, from 1.
    pub(super) fn gap(&self, number: u32) -> Option<u64> {
        Some(nanos(self.attempts.get(number as usize - 1)?.gap))
    }

    /// From the opening of the attempt before to that of attempt `number`, from 2.
    pub(super) fn interval(&self, number: u32) -> Option<u64> {
        let [before, attempt] = self.attempts.get(number as usize - 2..number as usize)? else { return None };
        Some(nanos(attempt.opened.since(before.opened)))
    }

    /// The length of attempt `number`, from 1.
    pub(super) fn length(&self, number: u32) -> Option<u64> {
        self.attempts.get(number as usize - 1)?.length.map(nanos)
    }
}

impl Cut {
    /// What became of a client with these connections, which are in the order of their opening; `None` when it lost nothing.
    pub(super) fn outage_of(&self, connections: &[&ConnectionRecord]) -> Option<Outage> {
        let lost = self.lost(connections)?;
        let after = &connections[connections.partition_point(|connection| connection.opened < lost)..];
        let stays = after.iter().position(|connection| self.stays(connection));
        let tried = stays.map_or(after.len(), |stays| stays + 1);
        let mut since = lost;
        let mut attempts = Vec::with_capacity(tried);
        for (place, attempt) in after[..tried].iter().enumerate() {
            let ended = attempt.closed.filter(|_| Some(place) != stays);
            attempts.push(Attempt {
                opened: attempt.opened,
                gap: attempt.opened.since(since),
                length: ended.map(|ended| ended.since(attempt.opened)),
            });
            since = attempt.closed.unwrap_or(self.horizon);
        }
        let answered = stays.and_then(|stays| after[stays].answered);
        Some(Outage {
            detect: self.is_noticed(connections, lost).then(|| lost.since(self.from)),
            attempts,
            reconnect: answered.map(|answered| answered.since(lost)),
        })
    }

    /// Whether the loss was the client's own act: it ended its connection, or opened another one beside it. Where the proxy
    /// or the server ended it, the time since the onset tells only when they did, and the pause before the first attempt
    /// tells what the client made of it.
    fn is_noticed(&self, connections: &[&ConnectionRecord], lost: Offset) -> bool {
        let ended = |connection: &&ConnectionRecord| {
            connection.closed == Some(lost) && connection.closed_by != Closer::Client
        };
        !self.is_crash && !connections.iter().any(ended)
    }

    fn lost(&self, connections: &[&ConnectionRecord]) -> Option<Offset> {
        if self.is_crash {
            return connections
                .iter()
                .map(|connection| connection.opened)
                .find(|opened| *opened >= self.from);
        }
        let until = self.healed + GRACE;
        let ends = |connection: &&&ConnectionRecord| connection.closed.is_some_and(|at| at >= self.from);
        let lost = match self.protocol {
            Protocol::NacosGrpc => {
                let live = connections.iter().rfind(|connection| connection.opened < self.from)?;
                if live.closed.is_some_and(|closed| closed < self.from) {
                    // It was lost before, and that is still being made up for.
                    return None;
                }
                let next = connections.iter().map(|c| c.opened).find(|opened| *opened >= self.from);
                [live.closed, next].into_iter().flatten().min()
            }
            Protocol::NacosHttp => connections
                .iter()
                .filter(ends)
                .filter(|connection| connection.answered.is_none() || connection.closed_by == Closer::Proxy)
                .filter_map(|connection| connection.closed)
                .min(),
        };
        lost.filter(|lost| *lost <= until)
    }

    fn stays(&self, connection: &ConnectionRecord) -> bool {
        let Some(answered) = connection.answered else { return false };
        match self.protocol {
            Protocol::NacosHttp => true,
            Protocol::NacosGrpc => connection.closed.is_none_or(|closed| closed.since(answered) >= STAYS),
        }
    }
}
