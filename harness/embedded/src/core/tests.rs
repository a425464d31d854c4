//! The core under virtual time: every rule with the real server's numbers.

mod defects;
mod gray;
mod idle;
mod places;
mod polls;
mod pushes;
mod races;
mod records;
mod writes;

use std::net::SocketAddr;

use shakedown_model::plan::ServerDefect;

use super::*;

/// The wall clock at which the tests' servers start.
const STARTED_MS: u64 = 1_700_000_000_000;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A core and the time that it is told.
struct Bench {
    core: Core,
    now: Duration,
    /// What was sent, with the time of it.
    sent: Vec<(Duration, Output)>,
}

impl Bench {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut EmbeddedSettings)) -> Self {
        let mut settings = EmbeddedSettings::default();
        change(&mut settings);
        Self::of(settings, Generation::V2)
    }

    fn of(settings: EmbeddedSettings, generation: Generation) -> Self {
        let core = Core::new(settings, generation, None, STARTED_MS);
        Self { core, now: Duration::ZERO, sent: Vec::new() }
    }

    fn with_defect(defect: ServerDefect) -> Self {
        Self::with(|settings| settings.defect = Some(defect))
    }

    /// Lets time pass until `at`, turning the core exactly when it is due.
    fn run_until(&mut self, at: Duration) {
        self.collect();
        while let Some(due) = self.core.next_due()
            && due <= at
        {
            self.now = self.now.max(due);
            self.core.turn(self.now);
            self.collect();
        }
        self.now = at;
    }

    fn run_for(&mut self, time: Duration) {
        self.run_until(self.now + time);
    }

    fn collect(&mut self) {
        let now = self.now;
        self.sent.extend(self.core.take_outputs().into_iter().map(|output| (now, output)));
    }

    /// What was sent since the last call.
    fn take_sent(&mut self) -> Vec<(Duration, Output)> {
        self.collect();
        std::mem::take(&mut self.sent)
    }

    fn publish(&mut self, data_id: &str, content: &str) {
        self.try_publish(new_config(data_id, content)).unwrap();
    }

    fn try_publish(&mut self, new: NewConfig) -> Result<(), PublishError> {
        if let Some(change) = self.core.accept(self.now, new)? {
            self.core.commit(self.now, change);
        }
        Ok(())
    }

    fn remove(&mut self, data_id: &str) {
        let key = ConfigKey::public(data_id, "g");
        if let Some(change) = self.core.accept_removal(self.now, key, None, &author()).unwrap() {
            self.core.commit(self.now, change);
        }
    }

    fn publish_and_dump(&mut self, data_id: &str, content: &str) {
        self.publish(data_id, content);
        self.run_for(ms(100));
    }

    /// What a client without any mark is served over gRPC.
    fn content(&mut self, data_id: &str) -> Option<String> {
        self.content_for(data_id, &anybody())
    }

    fn content_for(&mut self, data_id: &str, caller: &Caller) -> Option<String> {
        self.found(data_id, caller).map(|found| found.entry.content.to_string())
    }

    fn found(&mut self, data_id: &str, caller: &Caller) -> Option<Found> {
        match self.core.query(self.now, &ConfigKey::public(data_id, "g"), caller, false) {
            Read::Found(found) => Some(found),
            Read::Absent => None,
            Read::Busy(until) => panic!("`{data_id}` is being dumped until {until:?}"),
        }
    }

    fn md5(&mut self, data_id: &str) -> String {
        match self.core.get(self.now, &ConfigKey::public(data_id, "g"), &anybody(), false) {
            Read::Found(found) => found.entry.md5.to_string(),
            Read::Absent | Read::Busy(_) => String::new(),
        }
    }

    fn open(&mut self) -> ConnectionId {
        self.core.open(self.now, SocketAddr::from(([10, 0, 0, 7], 4711)))
    }

    fn registered(&mut self) -> ConnectionId {
        let connection = self.open();
        self.core.register(self.now, connection, Caller::at(""), false);
        connection
    }

    /// A registered connection that listens to `data_id` with what is visible of it.
    fn listener(&mut self, data_id: &str) -> ConnectionId {
        let connection = self.registered();
        let current = self.listened(data_id);
        self.core.listen(connection, &[current], None);
        connection
    }

    fn listened(&mut self, data_id: &str) -> Listened {
        let md5 = self.md5(data_id);
        listened(data_id, &md5)
    }

    /// A long poll of 30 s that holds what is visible.
    fn poll(&mut self, data_ids: &[&str]) -> PollReply {
        let connection = self.open();
        self.poll_on(connection, data_ids)
    }

    fn poll_on(&mut self, connection: ConnectionId, data_ids: &[&str]) -> PollReply {
        let listened = data_ids.iter().map(|data_id| self.listened(data_id)).collect();
        let timeout = Some(secs(30));
        let poll = Poll { connection, caller: anybody(), listened, timeout, is_no_hangup: false };
        self.core.poll(self.now, poll)
    }
}

fn key(data_id: &str) -> Arc<ConfigKey> {
    Arc::new(ConfigKey::public(data_id, "g"))
}

/// A client whom no gray release is for.
fn anybody() -> Caller {
    Caller::at("10.0.0.7")
}

fn author() -> Author {
    Author { ip: "10.0.0.9".into(), user: None, at_ms: 0 }
}

fn listened(data_id: &str, md5: &str) -> Listened {
    Listened { key: key(data_id), md5: md5.to_owned() }
}

fn new_config(data_id: &str, content: &str) -> NewConfig {
    NewConfig::plain(ConfigKey::public(data_id, "g"), content)
}

fn hanging(reply: &PollReply) -> PollId {
    match reply {
        PollReply::Hangs(poll) => *poll,
        PollReply::Answer(changed) => panic!("the poll was answered with {changed:?}"),
        PollReply::Full => panic!("the poll was refused"),
    }
}
