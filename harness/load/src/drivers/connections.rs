//! Losses, attempts and subscriptions of a real gRPC client, from what its own proxies saw of its connections.
//!
//! The rules, which a report repeats: a connection that was answered and stays for 500 ms is the client's; its attempt
//! was successful and the client subscribed when the first bytes of the server went to it. The client has lost it when
//! it ends, or when the client opens another one, whichever is first. An attempt goes from a connection's opening to
//! its end, to the next one's opening, or to the answer. What a client does without opening a connection is not seen:
//! an attempt that nobody accepted, or a loss that it notices late.

use std::time::Duration;

use shakedown_model::event::{Attempt, AttemptOutcome, Event, LossCause, Lost};
use shakedown_model::manifest::Closer;
use shakedown_model::{NodeId, Offset, WatcherId};

use super::sights::Seen;

/// An answered connection counts as the client's once it has stayed this long: a handshake that fails is over by then.
const STAYS: Duration = Duration::from_millis(500);

/// A connection of the watcher.
pub(super) type ConnectionId = (NodeId, u64);

/// A connection that is being tried.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    id: ConnectionId,
    opened: Offset,
    answered: Option<Offset>,
}

/// The connections of one watcher.
#[derive(Debug)]
pub(super) struct Connections {
    watcher: WatcherId,
    /// Attempts of a life that have no pause between them, all counted as attempt 0.
    startup_tries: u32,
    /// Since when it lives; earlier sights are of the life before. `None` while it is dead.
    born: Option<Offset>,
    current: Option<ConnectionId>,
    candidate: Option<Candidate>,
    /// Attempts since the loss, or since the life began.
    tried: u32,
    /// When the first connection of this life was answered that stayed.
    first_answer: Option<Offset>,
    waited_from: Offset,
}

impl Connections {
    pub(super) const fn new(watcher: WatcherId, startup_tries: u32) -> Self {
        Self {
            watcher,
            startup_tries,
            born: None,
            current: None,
            candidate: None,
            tried: 0,
            first_answer: None,
            waited_from: Offset::ZERO,
        }
    }

    /// A life begins.
    pub(super) fn begin(&mut self, at: Offset) {
        *self = Self { born: Some(at), waited_from: at, ..Self::new(self.watcher, self.startup_tries) };
    }

    /// The client was crashed on purpose: nothing more is said of its connections.
    pub(super) fn end(&mut self) {
        *self = Self::new(self.watcher, self.startup_tries);
    }

    /// Whether it is known to have a connection now.
    pub(super) const fn is_up(&self) -> bool {
        self.current.is_some()
    }

    /// When the first connection of this life was answered that stayed; a later one subscribes by itself.
    pub(super) const fn first_answer(&self) -> Option<Offset> {
        self.first_answer
    }

    /// When something is to be settled by time alone ([`Offset::NEVER`] when nothing is).
    pub(super) fn deadline(&self) -> Offset {
        let answered = self.candidate.and_then(|candidate| candidate.answered);
        answered.map_or(Offset::NEVER, |answered| answered + STAYS)
    }

    /// Takes what was seen.
    pub(super) fn see(&mut self, at: Offset, id: ConnectionId, seen: Seen, out: &mut Vec<Event>) {
        if self.born.is_none_or(|born| at < born) {
            return;
        }
        self.settle(at, out);
        match seen {
            Seen::Opened => self.open(at, id, out),
            Seen::Answered => {
                if let Some(candidate) = self.candidate.as_mut().filter(|candidate| candidate.id == id) {
                    candidate.answered = Some(at);
                }
            }
            Seen::Ended(by) => self.close(at, id, by, out),
        }
    }

    /// Settles what time has decided by `now`. Says when it subscribed again, if it did.
    pub(super) fn settle(&mut self, now: Offset, out: &mut Vec<Event>) {
        let Some((candidate, answered)) =
            self.candidate.and_then(|candidate| Some((candidate, candidate.answered?)))
        else {
            return;
        };
        if now < answered + STAYS {
            return;
        }
        self.end_attempt(&candidate, answered, AttemptOutcome::Connected, out);
        if self.first_answer.is_some() {
            out.push(Event::Subscribed { at: answered, watcher: self.watcher });
        }
        self.first_answer.get_or_insert(answered);
        self.current = Some(candidate.id);
        self.tried = 0;
    }

    fn open(&mut self, at: Offset, id: ConnectionId, out: &mut Vec<Event>) {
        if let Some(given_up) = self.candidate {
            let outcome =
                if given_up.answered.is_some() { AttemptOutcome::Broken } else { AttemptOutcome::TimedOut };
            self.end_attempt(&given_up, at, outcome, out);
        } else if self.current.is_some() {
            self.lose(at, LossCause::HealthCheck, out);
        }
        self.candidate = Some(Candidate { id, opened: at, answered: None });
    }

    fn close(&mut self, at: Offset, id: ConnectionId, by: Closer, out: &mut Vec<Event>) {
        if let Some(candidate) = self.candidate.filter(|candidate| candidate.id == id) {
            let is_given_up = by == Closer::Client && candidate.answered.is_none();
            let outcome = if is_given_up { AttemptOutcome::TimedOut } else { AttemptOutcome::Broken };
            self.end_attempt(&candidate, at, outcome, out);
        } else if self.current == Some(id) {
            let cause = match by {
                Closer::Client => LossCause::HealthCheck,
                Closer::Server | Closer::Nobody => LossCause::Closed,
                Closer::Proxy => LossCause::Reset,
            };
            self.lose(at, cause, out);
        }
    }

    fn lose(&mut self, at: Offset, cause: LossCause, out: &mut Vec<Event>) {
        self.current = None;
        self.tried = 0;
        self.waited_from = at;
        out.push(Event::Lost(Lost { at, watcher: self.watcher, cause }));
    }

    fn end_attempt(
        &mut self,
        candidate: &Candidate,
        ended: Offset,
        outcome: AttemptOutcome,
        out: &mut Vec<Event>,
    ) {
        self.tried += 1;
        let number = if self.first_answer.is_some() {
            self.tried
        } else {
            self.tried.saturating_sub(self.startup_tries)
        };
        let (watcher, waited_from, started) = (self.watcher, self.waited_from, candidate.opened);
        out.push(Event::Attempt(Attempt { watcher, number, waited_from, started, ended, outcome }));
        self.candidate = None;
        self.waited_from = ended;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: WatcherId = WatcherId(4);

    fn ms(ms: u64) -> Offset {
        Offset::from_millis(ms)
    }

    fn id(n: u64) -> ConnectionId {
        (NodeId(0), n)
    }

    /// Plays sights of a client that begins at 0 and gives the records in short.
    fn play(sights: &[(u64, u64, Seen)], until: u64) -> Vec<String> {
        let (mut connections, mut out) = (Connections::new(ME, 1), Vec::new());
        connections.begin(Offset::ZERO);
        for (at, connection, seen) in sights {
            connections.see(ms(*at), id(*connection), *seen, &mut out);
        }
        connections.settle(ms(until), &mut out);
        out.iter().map(short).collect()
    }

    fn short(event: &Event) -> String {
        let time = |at: &Offset| at.0 / 1_000_000;
        match event {
            Event::Lost(lost) => format!("{} lost {:?}", time(&lost.at), lost.cause),
            Event::Attempt(a) => format!(
                "{}..{} attempt {} after {} {:?}",
                time(&a.started),
                time(&a.ended),
                a.number,
                time(&(Offset::ZERO + a.started.since(a.waited_from))),
                a.outcome
            ),
            Event::Subscribed { at, .. } => format!("{} subscribed", time(at)),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_first_connection_of_a_life_is_attempt_0_and_its_subscription_is_the_clients_to_say() {
        let sights = [(100, 0, Seen::Opened), (130, 0, Seen::Answered)];
        assert_eq!(play(&sights, 629), [""; 0]);
        assert_eq!(play(&sights, 630), ["100..130 attempt 0 after 100 Connected"]);
    }

    #[test]
    fn a_reset_is_a_loss_and_every_opening_after_it_an_attempt() {
        let sights = [
            (0, 0, Seen::Opened),
            (10, 0, Seen::Answered),
            (5_000, 0, Seen::Ended(Closer::Proxy)),
            (5_001, 1, Seen::Opened),
            (5_002, 1, Seen::Ended(Closer::Proxy)),
            (5_102, 2, Seen::Opened),
            (8_102, 2, Seen::Ended(Closer::Client)),
            (8_302, 3, Seen::Opened),
            (8_310, 3, Seen::Answered),
        ];
        assert_eq!(
            play(&sights, 9_000)[1..],
            [
                "5000 lost Reset",
                "5001..5002 attempt 1 after 1 Broken",
                "5102..8102 attempt 2 after 100 TimedOut",
                "8302..8310 attempt 3 after 200 Connected",
                "8310 subscribed",
            ]
        );
    }

    #[test]
    fn a_second_connection_is_a_loss_of_the_first_which_may_linger() {
        let sights = [
            (0, 0, Seen::Opened),
            (10, 0, Seen::Answered),
            (7_000, 1, Seen::Opened),
            (7_050, 1, Seen::Answered),
            (7_060, 0, Seen::Ended(Closer::Client)),
            (20_000, 1, Seen::Ended(Closer::Server)),
        ];
        assert_eq!(
            play(&sights, 30_000)[1..],
            [
                "7000 lost HealthCheck",
                "7000..7050 attempt 1 after 0 Connected",
                "7050 subscribed",
                "20000 lost Closed"
            ]
        );
    }

    #[test]
    fn an_answer_that_does_not_stay_is_a_broken_attempt() {
        let sights = [
            (0, 0, Seen::Opened),
            (10, 0, Seen::Answered),
            (400, 0, Seen::Ended(Closer::Client)),
            (500, 1, Seen::Opened),
            (600, 2, Seen::Opened),
            (650, 2, Seen::Answered),
        ];
        assert_eq!(
            play(&sights, 2_000),
            [
                "0..400 attempt 0 after 0 Broken",
                "500..600 attempt 1 after 100 TimedOut",
                "600..650 attempt 2 after 0 Connected",
            ]
        );
    }

    #[test]
    fn a_crash_forgets_everything_and_late_sights_of_the_life_before_are_ignored() {
        let (mut connections, mut out) = (Connections::new(ME, 1), Vec::new());
        connections.begin(Offset::ZERO);
        connections.see(ms(0), id(0), Seen::Opened, &mut out);
        connections.see(ms(10), id(0), Seen::Answered, &mut out);
        connections.end();
        connections.see(ms(3_000), id(0), Seen::Ended(Closer::Client), &mut out);
        assert!(out.is_empty() && connections.deadline() == Offset::NEVER);
        connections.begin(ms(9_000));
        connections.see(ms(8_000), id(1), Seen::Opened, &mut out);
        connections.see(ms(9_100), id(2), Seen::Opened, &mut out);
        connections.see(ms(9_150), id(2), Seen::Answered, &mut out);
        assert_eq!(connections.deadline(), ms(9_650));
        connections.settle(ms(9_650), &mut out);
        let records: Vec<_> = out.iter().map(short).collect();
        assert_eq!(records, ["9100..9150 attempt 0 after 100 Connected"]);
        assert!(connections.is_up());
    }
}
