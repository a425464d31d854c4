//! Connecting: attempts, the handshake, losses and the pauses between.

use std::time::Duration;

use shakedown_model::backoff::{Backoff, RUST_DIALS};
use shakedown_model::event::{Attempt, AttemptOutcome, Event, LossCause, Lost, Path};
use shakedown_model::plan::{
    ClientDefect, Failover, HealthCheck, Leaving, NodeOrder, Noticing, Probing, Protocol,
};
use shakedown_model::time::nanos;
use shakedown_model::{NodeId, Offset, Seed};

use super::{InFlight, Phase, Watcher};
use crate::item::Flag;
use crate::rules::{DEFECT_GAP, DEFECT_TRIES, REMAKE_PAUSE, STARTUP_GAP, next_on_grid};
use crate::{Action, Refusal, Request};

impl Watcher {
    /// Starts the first attempt of a life.
    pub(super) fn begin_life(&mut self, now: Offset, out: &mut Vec<Action>) {
        if self.phase != Phase::Dead || self.items.is_empty() {
            return;
        }
        self.lost_at = now;
        self.waited_from = now;
        self.attempt = 0;
        self.startup_left = self.habits().startup_tries.saturating_sub(1);
        if self.rules.client.failover == Failover::Initial {
            self.items.iter_mut().for_each(|item| item.set(Flag::Overridden));
            out.push(Action::LoadOverrides);
        }
        self.schedule_reads(now);
        let idle_start = self.habits().idle_start;
        if idle_start.is_zero() {
            self.begin_attempt(now, out);
        } else {
            self.phase = Phase::Waiting;
            self.waited_from = now + idle_start;
            self.attempt_deadline = self.waited_from;
        }
    }

    pub(super) fn begin_attempt(&mut self, now: Offset, out: &mut Vec<Action>) {
        self.phase = Phase::Connecting;
        self.started = now;
        let whole = self.rules.client.connect_timeout;
        let whole = self.left_to_spin(now).unwrap_or(whole);
        self.attempt_deadline = now + self.habits().check_timeout.map_or(whole, |check| check.min(whole));
        out.push(Action::Connect { node: self.node() });
    }

    /// What is left of the request that an attempt of the Node SDK tries again.
    fn left_to_spin(&self, now: Offset) -> Option<Duration> {
        let Backoff::NacosNode { spin, pause } = self.rules.client.backoff else { return None };
        let round = nanos(spin + pause).max(1);
        let left = nanos(spin).checked_sub(nanos(now - self.lost_at) % round)?;
        (self.has_been_up && left > 0).then(|| Duration::from_nanos(left))
    }

    pub(super) fn on_connected(&mut self, now: Offset, out: &mut Vec<Action>) {
        if self.phase != Phase::Connecting {
            return;
        }
        match self.protocol() {
            Protocol::NacosGrpc => self.begin_handshake(now, out),
            Protocol::NacosHttp => self.prove(now, out),
        }
    }

    /// The handshake is through: the attempt ends and the work begins.
    pub(super) fn be_up(&mut self, now: Offset, out: &mut Vec<Action>) {
        self.record_attempt(now, AttemptOutcome::Connected, out);
        self.phase = Phase::Up;
        let is_first = !self.has_been_up;
        self.list_path = if is_first { Path::Initial } else { Path::Relist };
        self.has_been_up = true;
        self.startup_left = 0;
        self.is_active = true;
        if self.protocol() == Protocol::NacosGrpc {
            self.begin_listening(is_first);
            self.schedule_health(now);
            // A loop that knows nothing of connections has its own time.
            if self.resync_due == Offset::NEVER {
                self.schedule_resync(now);
            }
        }
    }

    /// The connection ended, or its stream alone. Some clients notice only when they look.
    pub(super) fn end(
        &mut self,
        now: Offset,
        cause: LossCause,
        is_stream_alone: bool,
        out: &mut Vec<Action>,
    ) {
        let is_late = match self.habits().noticing {
            Noticing::AtOnce => false,
            Noticing::CleanEndLate => is_stream_alone,
            Noticing::Late => true,
        };
        let will_look = self.health_due != Offset::NEVER;
        let is_idle = self.in_flight == InFlight::Nothing && self.health_tries == 0;
        if self.phase == Phase::Up && is_late && will_look && is_idle {
            self.ended = Some(cause);
        } else {
            self.lose(now, cause, out);
        }
    }

    /// The connection, or the attempt at one, is gone.
    pub(super) fn lose(&mut self, now: Offset, cause: LossCause, out: &mut Vec<Action>) {
        match self.phase {
            Phase::Dead | Phase::Waiting => {}
            Phase::Up if self.believes_connected() => self.stay(),
            Phase::Connecting | Phase::Checking | Phase::Probing | Phase::SettingUp | Phase::Proving => {
                let is_late = matches!(cause, LossCause::RequestTimeout | LossCause::HealthCheck);
                let outcome = if is_late { AttemptOutcome::TimedOut } else { AttemptOutcome::Broken };
                self.fail_attempt(now, outcome, out);
            }
            Phase::Up => {
                out.push(Action::Record(Event::Lost(Lost { at: now, watcher: self.id, cause })));
                self.link.failed();
                self.outage += 1;
                self.lost_at = now;
                self.attempt = 1;
                self.was_found_by_check = cause == LossCause::HealthCheck;
                self.begin_spin(now, cause);
                self.wait(now, self.pause(now), out);
            }
        }
    }

    fn believes_connected(&self) -> bool {
        self.protocol() == Protocol::NacosGrpc && self.rules.has_defect(ClientDefect::BelieveConnected)
    }

    /// Whatever was asked comes to nothing, and that is all.
    fn stay(&mut self) {
        self.in_flight = InFlight::Nothing;
        self.request_deadline = Offset::NEVER;
        self.health_tries = 0;
        self.health_deadline = Offset::NEVER;
        self.is_in_doubt = false;
    }

    pub(super) fn fail_attempt(&mut self, now: Offset, outcome: AttemptOutcome, out: &mut Vec<Action>) {
        if matches!(self.phase, Phase::Dead | Phase::Waiting | Phase::Up) {
            return;
        }
        self.record_attempt(now, outcome, out);
        if self.startup_left > 0 {
            self.startup_left -= 1;
            self.wait(now, STARTUP_GAP, out);
        } else {
            self.attempt = self.next_attempt();
            self.wait(now, self.pause(now), out);
        }
    }

    /// Whether one attempt of the client is a round of dials, which this machine counts one by one.
    pub(super) fn dials_in_rounds(&self) -> bool {
        matches!(self.rules.client.backoff, Backoff::NacosRust { .. })
    }

    /// The place of the present dial in its round, from 0.
    pub(super) fn dial(&self) -> u32 {
        if self.dials_in_rounds() { self.dials_before() % RUST_DIALS } else { 0 }
    }

    /// Dials since the loss, or since the life began, before the present one.
    const fn dials_before(&self) -> u32 {
        if self.has_been_up { self.attempt.saturating_sub(1) } else { self.attempt }
    }

    /// The number of the attempt after one that failed. A dial that got through some of its round's steps stands for them.
    fn next_attempt(&self) -> u32 {
        let dial = self.dial();
        let done = match self.phase {
            Phase::Probing => u32::from(self.probes),
            Phase::Checking => RUST_DIALS,
            _ => dial + 1,
        };
        let steps = if self.dials_in_rounds() { done.saturating_sub(dial).max(1) } else { 1 };
        self.attempt.saturating_add(steps)
    }

    /// The Node SDK tries one request again until that request's own time-out: what was spent on it is spent
    /// (nacos-facts.md §3.1).
    fn begin_spin(&mut self, now: Offset, cause: LossCause) {
        if let Backoff::NacosNode { spin, .. } = self.rules.client.backoff {
            let is_spent = cause == LossCause::RequestTimeout;
            let begun = if is_spent { now.saturating_sub(spin) } else { self.sent_at };
            self.lost_at = begun;
        }
    }

    /// The pause before the attempt that comes next.
    fn pause(&self, now: Offset) -> Duration {
        if self.rules.has_defect(ClientDefect::NoBackoff) {
            return DEFECT_GAP;
        }
        let own = if self.rules.has_defect(ClientDefect::NoJitter) { self.rules.seed } else { self.seed };
        let draws = own.child("backoff").nth(u64::from(self.outage));
        let backoff = self.rules.client.backoff;
        if self.dials_in_rounds() && !self.has_been_up {
            // The constructor gives up after a round, and an application makes another client.
            return match self.dial() {
                0 => REMAKE_PAUSE,
                dial => backoff.delay(dial + 1, Duration::ZERO, draws),
            };
        }
        if self.was_found_by_check {
            return backoff.delay_after_check(self.attempt, now - self.lost_at, draws);
        }
        backoff.delay(self.attempt, now - self.lost_at, draws)
    }

    /// Drops what is left of the connection and pauses before the next attempt, at the next node of the order.
    fn wait(&mut self, now: Offset, pause: Duration, out: &mut Vec<Action>) {
        out.extend(self.leave());
        self.forget_connection();
        self.unask_reads(now);
        self.turn = self.turn.wrapping_add(1);
        self.phase = Phase::Waiting;
        self.waited_from = now;
        self.attempt_deadline = if self.has_given_up() { Offset::NEVER } else { now + pause };
    }

    /// Whether the next attempt to reconnect is one more than [`ClientDefect::GiveUp`] makes.
    fn has_given_up(&self) -> bool {
        self.has_been_up && self.attempt > DEFECT_TRIES && self.rules.has_defect(ClientDefect::GiveUp)
    }

    /// What becomes of the connection that is given up.
    fn leave(&self) -> Option<Action> {
        let is_unanswered = matches!(self.phase, Phase::Connecting | Phase::Checking);
        match self.habits().leaving {
            Leaving::WithNextAttempt if self.phase == Phase::Up => None,
            Leaving::OnceAnswered { at_most } if is_unanswered => {
                Some(Action::Abandon { until: self.started + at_most })
            }
            Leaving::AtOnce | Leaving::WithNextAttempt | Leaving::OnceAnswered { .. } => Some(Action::Close),
        }
    }

    /// The node that the next attempt goes to.
    pub(super) fn node(&self) -> NodeId {
        let nodes = u32::from(self.rules.nodes.max(1));
        let (place, draws) = (self.turn % nodes, self.seed.child("node"));
        let node = match self.habits().node_order {
            NodeOrder::Listed => place,
            NodeOrder::RandomStart => {
                let start = u32::try_from(draws.below(0, u64::from(nodes))).unwrap_or(0);
                (start + place) % nodes
            }
            NodeOrder::Shuffled => shuffled(nodes, place, draws.nth(u64::from(self.turn / nodes))),
        };
        NodeId(u16::try_from(node).expect("below a u16"))
    }

    fn record_attempt(&self, now: Offset, outcome: AttemptOutcome, out: &mut Vec<Action>) {
        out.push(Action::Record(Event::Attempt(Attempt {
            watcher: self.id,
            number: self.attempt,
            waited_from: self.waited_from,
            started: self.started,
            ended: now.max(self.started),
            outcome,
        })));
    }

    /// Forgets everything that was only true of the connection. What is held in memory stays.
    pub(super) fn forget_connection(&mut self) {
        self.in_flight = InFlight::Nothing;
        self.is_subscribed = false;
        self.is_listening = false;
        self.health_tries = 0;
        self.is_in_doubt = false;
        self.ended = None;
        self.settled_at = Offset::NEVER;
        self.request_deadline = Offset::NEVER;
        self.health_deadline = Offset::NEVER;
        self.health_due = Offset::NEVER;
        if self.habits().relists_on_reconnect {
            self.resync_due = Offset::NEVER;
        }
        self.limiter = None;
        self.retry_at = Offset::NEVER;
        for item in self.items.iter_mut() {
            item.take(Flag::Dirty);
            item.take(Flag::Unsynced);
            item.take(Flag::Listed);
            item.take(Flag::NextRound);
        }
        self.items.clear_signals();
    }

    fn schedule_health(&mut self, now: Offset) {
        if let Some((every, _)) = self.health_pace() {
            self.health_due = next_on_grid(now, every, self.seed.child("health")).0;
        }
    }

    /// The period of health checks and how often each is tried, as the link stands now.
    fn health_pace(&self) -> Option<(Duration, u32)> {
        let check = self.rules.client.health_check?;
        Some(match self.habits().probing {
            Probing::Always | Probing::WhenIdle => (check.every, check.tries),
            Probing::ByQuality => self.link.quality().pace(),
        })
    }

    /// Sends a health check that is due, or the next try of one that was not answered in time.
    pub(super) fn check_health(&mut self, now: Offset, out: &mut Vec<Action>) {
        let Some((check, (_, tries))) = self.rules.client.health_check.zip(self.health_pace()) else {
            return;
        };
        let is_late = now >= self.health_deadline;
        if is_late {
            self.link.failed();
        }
        if is_late && u32::from(self.health_tries) >= tries {
            let cause = if self.is_in_doubt { LossCause::RequestTimeout } else { LossCause::HealthCheck };
            if self.habits().noticing == Noticing::Late {
                self.mark_ended(now, cause, check);
            } else {
                self.lose(now, cause, out);
            }
            return;
        }
        let is_due = now >= self.health_due;
        let was_active = is_due && std::mem::take(&mut self.is_active);
        if is_due {
            self.schedule_health(now);
        }
        let is_skipped = was_active && self.habits().probing == Probing::WhenIdle;
        if let Some(cause) = self.ended.filter(|_| is_due && !is_skipped) {
            self.lose(now, cause, out);
            return;
        }
        if is_late || is_due && self.health_tries == 0 && !is_skipped {
            self.health_tries = self.health_tries.saturating_add(1);
            self.health_deadline = now + check.timeout;
            out.push(Action::Send(Request::HealthCheck));
        }
    }

    /// The connection counts as gone, for whoever asks something of it next.
    fn mark_ended(&mut self, now: Offset, cause: LossCause, check: HealthCheck) {
        self.ended = Some(cause);
        self.health_tries = 0;
        self.health_deadline = Offset::NEVER;
        self.health_due = now + check.every;
    }

    /// A request was not answered in time. Some clients ask at once whether the server lives, and stay if it does
    /// (nacos-facts.md §3.1: `reconnect` on a failed request); Python 3 stays whatever it is; the others leave.
    pub(super) fn give_up_request(&mut self, now: Offset, out: &mut Vec<Action>) {
        let asked = std::mem::replace(&mut self.in_flight, InFlight::Nothing);
        self.request_deadline = Offset::NEVER;
        if let Some(pacer) = &mut self.pacer {
            pacer.timed_out(now);
        }
        self.on_refused(now, asked, out);
        self.leave_or_doubt(now, out);
    }

    /// What the connection is in for after a request, or a read by an application, that was not answered in time.
    pub(super) fn leave_or_doubt(&mut self, now: Offset, out: &mut Vec<Action>) {
        match self.rules.client.health_check.filter(|_| self.habits().checks_before_leaving) {
            Some(check) => self.doubt(now, check, out),
            None if self.habits().stays_after_timeout => {}
            None => self.lose(now, LossCause::RequestTimeout, out),
        }
    }

    /// Begins a health check with all its tries, unless one is under way, which then decides: one thread does both.
    /// Nothing else is asked until it is over.
    fn doubt(&mut self, now: Offset, check: HealthCheck, out: &mut Vec<Action>) {
        if self.is_in_doubt || self.phase != Phase::Up {
            return;
        }
        self.is_in_doubt = true;
        if self.health_tries > 0 {
            return;
        }
        self.health_tries = 1;
        self.health_deadline = now + check.timeout;
        out.push(Action::Send(Request::HealthCheck));
    }

    /// An answer ends the check, a negative one the connection as well (nacos-facts.md §3.2).
    pub(super) fn on_health(&mut self, now: Offset, health: Result<(), Refusal>, out: &mut Vec<Action>) {
        if self.phase == Phase::Probing {
            self.on_probed(now, health, out);
            return;
        }
        if self.phase != Phase::Up || self.health_tries == 0 {
            return;
        }
        if let Some(check) = self.rules.client.health_check {
            self.link.measured(now - self.health_deadline.saturating_sub(check.timeout));
        }
        if self.health_tries == 1 {
            self.link.answered();
        }
        self.health_tries = 0;
        self.health_deadline = Offset::NEVER;
        self.is_in_doubt = false;
        let takes_3xx = self.habits().takes_3xx_for_health;
        match health {
            Ok(()) => {}
            Err(Refusal::Unregistered | Refusal::NotReady) if takes_3xx => {}
            Err(Refusal::Unregistered) => self.lose(now, LossCause::Unregistered, out),
            Err(Refusal::NotReady | Refusal::Error) => self.lose(now, LossCause::HealthCheck, out),
        }
    }
}

/// What stands at a place of the list once it is shuffled.
fn shuffled(nodes: u32, place: u32, draws: Seed) -> u32 {
    let mut list: Vec<u32> = (0..nodes).collect();
    for last in (1..list.len()).rev() {
        let other = usize::try_from(draws.below(last as u64, last as u64 + 1)).unwrap_or(last);
        list.swap(last, other);
    }
    list.get(place as usize).copied().unwrap_or(0)
}
