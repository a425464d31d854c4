//! The server without I/O: what one Nacos node decides, as a function of inputs and the time.
//!
//! Every input takes `now`, the time since the server started. What happens by itself (dump, time-outs, retries,
//! the idle scan) happens in [`Core::turn`], which is to be called at [`Core::next_due`]. What is to be sent
//! unasked is collected and taken with [`Core::take_outputs`]. There are no sockets here, no runtime, no locks and
//! no randomness: the same inputs at the same times give the same outputs.

mod accounts;
mod cluster;
mod connections;
mod control;
mod database;
mod dump;
mod history;
mod key;
mod loader;
mod namespace;
mod output;
mod polls;
mod pushes;
mod requests;
mod row;
mod rules;
mod search;
mod token;
mod write_clock;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use shakedown_model::plan::{EmbeddedSettings, Generation, Login as Account};
use shakedown_nacos::ConfigKey;

use self::accounts::{AccountRule, Accounts};
use self::connections::{Connections, IdleRule};
use self::database::Database;
use self::dump::{Dump, DumpRule, Dumped};
use self::history::History;
use self::loader::Loader;
use self::polls::Polls;
use self::pushes::{Failed, MAX_PUSHES, Push, PushRule, Pushes};
use self::write_clock::WriteClock;
use crate::defects::{Seams, seams};

pub use self::accounts::{
    AccountError, AccountsChange, Action, Credentials, Denied, Login, Permission, Resource, Role, Signature,
};
pub use self::connections::ConnectionId;
pub use self::control::{Listener, ListenerOf};
pub use self::database::{Change, DumpTask, NewConfig};
pub use self::dump::{Found, Read};
pub use self::history::{HistoryItem, Operation};
pub use self::key::{KeyError, check_key, stored_key};
pub use self::loader::{ClientInfo, Redirect, Registration};
pub use self::namespace::{Namespace, NamespaceError};
pub use self::output::{CloseReason, Output};
pub use self::polls::{Listened, Poll, PollId, PollReply};
pub use self::requests::Refusal;
pub use self::row::{Author, Caller, Entry, Gray, GrayRule, Labels, Row};
pub use self::rules::PublishError;
pub use self::search::{KeyedRow, PAGE_MAX, Page, PageOf, Search};
pub use self::token::TokenError;

/// What access tokens are signed with. Tokens of a test server open nothing else, and all nodes must know it.
const TOKEN_SECRET: &[u8] = b"shakedown-embedded-nacos-token-secret";

/// One node's state.
#[derive(Debug)]
pub struct Core {
    settings: EmbeddedSettings,
    generation: Generation,
    needs_login: bool,
    started_at_ms: u64,
    write_clock: WriteClock,
    database: Database,
    dump: Dump,
    history_cleaned_at: Duration,
    polls: Polls,
    connections: Connections,
    pushes: Pushes,
    loader: Loader,
    last_request_id: u64,
    seams: Box<dyn Seams>,
    outputs: Vec<Output>,
}

impl Core {
    /// A node of a generation that started at `started_at_ms` of the Unix epoch, with nothing stored. Calls need a
    /// login when `account` is given: it is the administrator.
    #[must_use]
    pub fn new(
        settings: EmbeddedSettings,
        generation: Generation,
        account: Option<&Account>,
        started_at_ms: u64,
    ) -> Self {
        let push_rule = PushRule {
            ack_timeout: settings.push_ack_timeout,
            retry_step: settings.push_retry_step,
            max_tries: settings.push_max_tries,
        };
        let idle_rule = IdleRule {
            after: settings.idle_after,
            scan: settings.idle_scan,
            answer: settings.idle_answer_timeout,
        };
        let dump_rule = DumpRule {
            tick: settings.dump_tick,
            time: settings.dump_time,
            fails_every: settings.dump_fails_every,
            ignores_outdated: settings.dump_ignores_outdated,
        };
        let max_items = usize::try_from(settings.history_max_items).unwrap_or(usize::MAX);
        let history = History::new(settings.history_retention, max_items);
        Self {
            generation,
            needs_login: account.is_some(),
            started_at_ms,
            write_clock: WriteClock::new(settings.time_step, settings.late_clock_every),
            database: Database::new(history, accounts(&settings, account)),
            dump: Dump::new(dump_rule),
            history_cleaned_at: Duration::ZERO,
            polls: Polls::default(),
            connections: Connections::new(idle_rule),
            pushes: Pushes::new(push_rule),
            loader: Loader::default(),
            last_request_id: 0,
            seams: seams(settings.defect),
            outputs: Vec::new(),
            settings,
        }
    }

    /// How it behaves.
    #[must_use]
    pub const fn settings(&self) -> &EmbeddedSettings {
        &self.settings
    }

    /// Which generation it imitates.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// Whether nodes that start later get a write only once the next one comes (a planted defect).
    #[must_use]
    pub fn keeps_late(&self) -> bool {
        self.seams.keeps_late()
    }

    /// Takes back a change that was committed before this start, in the order of then.
    pub fn restore(&mut self, change: Change) {
        self.database.apply(change);
    }

    /// Takes back what [`Core::stored`] told, which has its history beside it.
    pub fn restore_stored(&mut self, change: Change) {
        self.database.restore(change);
    }

    /// Makes this account the administrator again, with the password that it names: it stands above what was stored.
    pub fn appoint(&mut self, account: &Account) {
        appoint(&mut self.database.accounts, account);
    }

    /// Ends restoring: everything is visible at once.
    pub fn restored(&mut self) {
        self.dump.fill(&self.database);
    }

    /// Everything that is stored, for [`Core::restore_stored`].
    pub fn stored(&self) -> impl Iterator<Item = Change> {
        self.database.changes()
    }

    /// What is to be sent or done since the last call, in order.
    pub fn take_outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    /// When [`Core::turn`] has something to do; a time that is past means now.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        let more = self.has_more().then_some(Duration::ZERO);
        [
            more,
            self.polls.next_late(),
            self.dump.next_due(),
            self.polls.next_deadline(),
            self.pushes.next_due(),
            self.connections.scan_due(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Whether a turn left work for the next one, which is to come as soon as what has arrived meanwhile is taken in.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.pushes.has_waiting()
    }

    /// Does what is due at `now`.
    ///
    /// The dump comes before polls are registered: that a poll compares at its arrival and registers only here is
    /// the real server's gap, in which a change is not seen until the poll ends.
    pub fn turn(&mut self, now: Duration) {
        if self.dump.next_due().is_some_and(|due| due <= now) {
            for dumped in self.dump.turn(now, &self.database) {
                self.changed(&dumped);
            }
        }
        self.polls.register_late(now);
        for poll in self.polls.expire(now) {
            self.outputs.push(Output::PollAnswer { poll, changed: Vec::new() });
        }
        self.turn_pushes(now);
        let step = self.connections.run_scan(now, &mut self.last_request_id);
        for (connection, request_id) in step.asks {
            self.outputs.push(Output::Detect { connection, request_id });
        }
        for connection in step.evicts {
            self.close_with(connection, CloseReason::Idle);
        }
        if step.is_over {
            self.eject(now);
        }
    }

    /// A TCP connection was accepted, of either protocol.
    pub fn open(&mut self, now: Duration, peer: SocketAddr) -> ConnectionId {
        self.connections.open(self.wall_ms(now), peer)
    }

    /// A TCP connection has ended.
    pub fn close(&mut self, connection: ConnectionId) {
        self.connections.close(connection);
    }

    /// The connection's name in answers; `None` once it is gone.
    #[must_use]
    pub fn connection_name(&self, connection: ConnectionId) -> Option<Arc<str>> {
        self.connections.name(connection)
    }

    /// How many Nacos connections are registered.
    #[must_use]
    pub const fn registered_count(&self) -> usize {
        self.connections.registered_count()
    }

    /// How many long polls hang.
    #[must_use]
    pub fn hanging_count(&self) -> usize {
        self.polls.len()
    }

    /// Milliseconds of the Unix epoch at `now`: the start's wall clock, carried on by the monotonic one.
    fn wall_ms(&self, now: Duration) -> u64 {
        self.started_at_ms.saturating_add(u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
    }

    /// Tells everybody who waits for a config. Whom a gray release is for does not matter here: all of them are told,
    /// and find by asking that nothing changed for them.
    fn changed(&mut self, dumped: &Dumped) {
        let Dumped { key, is_formal, before } = dumped;
        if *is_formal {
            self.seams.replaced(key, before.as_ref());
        }
        // Those who named the public namespace find its name in the answer, those who did not, do not.
        let public = Arc::new(ConfigKey { tenant: "public".to_owned(), ..ConfigKey::clone(key) });
        let told = |names_public| Arc::clone(if names_public { &public } else { key });
        for woken in self.polls.waiting_for(key) {
            if self.seams.tells(woken.connection) {
                self.polls.remove(woken.poll);
                let changed = vec![told(woken.names_public)];
                self.outputs.push(Output::PollAnswer { poll: woken.poll, changed });
            }
        }
        for (connection, names_public) in self.connections.listeners(key) {
            if !self.seams.tells(connection) {
                continue;
            }
            if self.pushes.len() >= MAX_PUSHES {
                self.close_with(connection, CloseReason::TooManyPushes);
                continue;
            }
            self.pushes.await_turn(connection, told(names_public));
        }
    }

    fn turn_pushes(&mut self, now: Duration) {
        for push in self.pushes.take_waiting() {
            self.send(now, push);
        }
        while let Some(push) = self.pushes.take_overdue(now) {
            self.push_failed(now, push);
        }
        while let Some(push) = self.pushes.take_retry(now) {
            self.send(now, push);
        }
    }

    /// Sends a push, unless its connection is gone: then it is dropped, and the client is expected to list again.
    fn send(&mut self, now: Duration, push: Push) {
        if !self.connections.is_registered(push.connection) {
            return;
        }
        self.last_request_id += 1;
        let request_id = self.last_request_id;
        let (connection, key) = (push.connection, Arc::clone(&push.key));
        self.pushes.sent(now, request_id, push);
        self.outputs.push(Output::Notify { connection, request_id, key });
    }

    fn push_failed(&mut self, now: Duration, push: Push) {
        if !self.connections.is_registered(push.connection) {
            return;
        }
        if let Failed::GivesUp(connection) = self.pushes.failed(now, push) {
            self.close_with(connection, CloseReason::NoAck);
        }
    }

    fn close_with(&mut self, connection: ConnectionId, reason: CloseReason) {
        self.connections.close(connection);
        self.outputs.push(Output::Close { connection, reason });
    }
}

fn accounts(settings: &EmbeddedSettings, account: Option<&Account>) -> Accounts {
    let access_key = settings.access_key.as_ref();
    let mut accounts = Accounts::new(AccountRule {
        token_secret: TOKEN_SECRET.to_vec(),
        token_ttl_s: settings.token_ttl.as_secs(),
        access_key: access_key.map(|key| (key.id.clone(), key.secret.reveal().to_owned())),
    });
    if let Some(account) = account {
        appoint(&mut accounts, account);
    }
    accounts
}

fn appoint(accounts: &mut Accounts, Account { username, password }: &Account) {
    for change in Accounts::admin(username, password.reveal()) {
        accounts.apply(change);
    }
}
