//! Crash, cold start and stop of a process of real clients.

use shakedown_drivers::{DriverError, DriverProcess, Stopped};
use shakedown_model::Offset;
use shakedown_model::event::Event;

use super::{Holder, OwnClient, Stage, with_cause};

impl OwnClient {
    /// A life begins.
    pub(super) fn begin(&mut self, now: Offset) {
        self.connections.begin(now);
        self.reads.begin(now);
    }

    /// All its listeners are registered since `all`. It is subscribed then, or, where connections are seen, once it has one.
    pub(super) fn subscribed(&mut self, all: Option<Offset>, is_tapped: bool) -> Option<Event> {
        let since = all?;
        let at =
            if is_tapped { self.connections.first_answer().map(|at| at.max(since)) } else { Some(since) };
        if at.is_none() {
            self.listens_since = Some(since);
        }
        at.map(|at| Event::Subscribed { at, watcher: self.client.watcher() })
    }

    /// Takes note of what became of its connections, in the records from `first` on.
    ///
    /// Deliveries that follow a subscription after a loss may be the list's. The first connection of a life subscribes it,
    /// if its listeners were registered before.
    pub(super) fn note_connections(&mut self, records: &mut Vec<Event>, first: usize) {
        for record in &records[first..] {
            if let Event::Subscribed { at, .. } = record {
                self.client.reconnected(*at);
            }
        }
        if let Some(answered) = self.connections.first_answer()
            && let Some(since) = self.listens_since.take()
        {
            records.push(Event::Subscribed { at: answered.max(since), watcher: self.client.watcher() });
        }
    }

    fn end(&mut self) {
        self.client.crash();
        self.connections.end();
        self.reads.end();
        self.again.clear();
        self.listens_since = None;
        self.stage = Stage::Dead;
    }
}

impl Holder {
    /// Kills the process, and with it every client's memory.
    pub(super) async fn crash(&mut self) {
        self.starting = None;
        let now = self.shared.clock.now();
        if let Some(process) = self.process.take() {
            process.kill().await;
        }
        let mut records = Vec::new();
        for own in &mut self.clients {
            own.end();
            records.push(Event::Crash { at: now, watcher: own.client.watcher() });
        }
        self.record_all(&records);
    }

    /// Starts the process again, with the same folders. Clients are made as soon as it runs: what is lost until then is
    /// a restarted application's own.
    pub(super) fn start_cold(&mut self) {
        if self.process.is_some() || self.starting.is_some() {
            return;
        }
        let now = self.shared.clock.now();
        let mut records = Vec::new();
        for own in &mut self.clients {
            own.client.start_cold();
            own.begin(now);
            own.stage = Stage::Again(now);
            records.push(Event::ColdStart { at: now, watcher: own.client.watcher() });
        }
        self.record_all(&records);
        let (launch, place) = (self.launch.clone(), self.place.clone());
        self.starting = Some(Box::pin(async move { DriverProcess::start(&launch, place).await }));
    }

    pub(super) fn take_process(&mut self, started: Result<DriverProcess, DriverError>) {
        self.starting = None;
        match started {
            Ok(process) => self.process = Some(process),
            Err(error) => self.fail(with_cause(&error)),
        }
    }

    /// Compares the clock once more and ends the process in order.
    pub(super) async fn stop(mut self) {
        self.starting = None;
        let Some(mut process) = self.process.take() else { return };
        if let Err(error) = process.check_clock().await {
            return self.fail(with_cause(&error));
        }
        if let Stopped::Otherwise(error) = process.stop().await {
            self.fail(format!("{}, when it was told to stop", with_cause(&error)));
        }
    }
}
