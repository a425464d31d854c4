//! Connecting: attempts, the handshake, losses and the pauses between.

use shakedown_model::event::{Attempt, AttemptOutcome, Event, LossCause, Lost, Path};
use shakedown_model::plan::{ClientDefect, Protocol};
use shakedown_model::{NodeId, Offset};

use super::{InFlight, Phase, Watcher};
use crate::item::Flag;
use crate::rules::{DEFECT_GAP, next_on_grid};
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
        self.schedule_reads(now);
        self.begin_attempt(now, out);
    }

    pub(super) fn begin_attempt(&mut self, now: Offset, out: &mut Vec<Action>) {
        self.phase = Phase::Connecting;
        self.started = now;
        self.attempt_deadline = now + self.rules.client.connect_timeout;
        out.push(Action::Connect { node: NodeId(self.node) });
    }

    pub(super) fn on_connected(&mut self, now: Offset, out: &mut Vec<Action>) {
        if self.phase != Phase::Connecting {
            return;
        }
        match self.protocol() {
            Protocol::NacosGrpc => {
                self.phase = Phase::Checking;
                self.in_flight = InFlight::Check;
                out.push(Action::Send(Request::ServerCheck));
            }
            Protocol::NacosHttp => self.prove(now, out),
        }
    }

    /// The handshake is through: the attempt ends and the work begins.
    pub(super) fn be_up(&mut self, now: Offset, out: &mut Vec<Action>) {
        self.record_attempt(now, AttemptOutcome::Connected, out);
        self.phase = Phase::Up;
        self.list_path = if self.has_been_up { Path::Relist } else { Path::Initial };
        self.has_been_up = true;
        if self.protocol() == Protocol::NacosGrpc {
            self.items.iter_mut().for_each(|item| item.set(Flag::Unsynced));
            self.schedule_health(now);
            if let Some(period) = self.rules.client.resync {
                self.resync_due = next_on_grid(now, period, self.seed.child("resync")).0;
            }
        }
    }

    /// The connection, or the attempt at one, is gone.
    pub(super) fn lose(&mut self, now: Offset, cause: LossCause, out: &mut Vec<Action>) {
        match self.phase {
            Phase::Dead | Phase::Waiting => {}
            Phase::Connecting | Phase::Checking | Phase::SettingUp | Phase::Proving => {
                let is_late = matches!(cause, LossCause::RequestTimeout | LossCause::HealthCheck);
                let outcome = if is_late { AttemptOutcome::TimedOut } else { AttemptOutcome::Broken };
                self.fail_attempt(now, outcome, out);
            }
            Phase::Up => {
                out.push(Action::Record(Event::Lost(Lost { at: now, watcher: self.id, cause })));
                self.outage += 1;
                self.lost_at = now;
                self.attempt = 1;
                self.wait(now, out);
            }
        }
    }

    pub(super) fn fail_attempt(&mut self, now: Offset, outcome: AttemptOutcome, out: &mut Vec<Action>) {
        if matches!(self.phase, Phase::Dead | Phase::Waiting | Phase::Up) {
            return;
        }
        self.record_attempt(now, outcome, out);
        self.attempt = self.attempt.saturating_add(1);
        self.wait(now, out);
    }

    /// Drops what is left of the connection and pauses before the next attempt, at the next node in list order.
    fn wait(&mut self, now: Offset, out: &mut Vec<Action>) {
        out.push(Action::Close);
        self.forget_connection();
        self.node = (self.node + 1) % self.rules.nodes.max(1);
        let pause = if self.rules.has_defect(ClientDefect::NoBackoff) {
            DEFECT_GAP
        } else {
            let draws = self.seed.child("backoff").nth(u64::from(self.outage));
            self.rules.client.backoff.delay(self.attempt, now - self.lost_at, draws)
        };
        self.phase = Phase::Waiting;
        self.waited_from = now;
        self.attempt_deadline = now + pause;
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
        self.settled_at = Offset::NEVER;
        self.request_deadline = Offset::NEVER;
        self.health_deadline = Offset::NEVER;
        self.health_due = Offset::NEVER;
        self.resync_due = Offset::NEVER;
        self.retry_at = Offset::NEVER;
        for item in &mut self.items {
            item.take(Flag::Dirty);
            item.take(Flag::Unsynced);
            item.take(Flag::Listed);
            item.clear_signal();
        }
    }

    fn schedule_health(&mut self, now: Offset) {
        if let Some(check) = self.rules.client.health_check {
            self.health_due = next_on_grid(now, check.every, self.seed.child("health")).0;
        }
    }

    /// Sends a health check that is due, or the next try of one that was not answered in time.
    pub(super) fn check_health(&mut self, now: Offset, out: &mut Vec<Action>) {
        let Some(check) = self.rules.client.health_check else { return };
        let is_late = now >= self.health_deadline;
        if is_late && u32::from(self.health_tries) >= check.tries {
            self.lose(now, LossCause::HealthCheck, out);
            return;
        }
        let is_due = now >= self.health_due;
        if is_due {
            self.schedule_health(now);
        }
        if is_late || is_due && self.health_tries == 0 {
            self.health_tries = self.health_tries.saturating_add(1);
            self.health_deadline = now + check.timeout;
            out.push(Action::Send(Request::HealthCheck));
        }
    }

    /// An answer ends the check, a negative one the connection as well (nacos-facts.md §3.2).
    pub(super) fn on_health(&mut self, now: Offset, health: Result<(), Refusal>, out: &mut Vec<Action>) {
        if self.phase != Phase::Up || self.health_tries == 0 {
            return;
        }
        self.health_tries = 0;
        self.health_deadline = Offset::NEVER;
        match health {
            Ok(()) => {}
            Err(Refusal::Unregistered) => self.lose(now, LossCause::Unregistered, out),
            Err(Refusal::Error) => self.lose(now, LossCause::HealthCheck, out),
        }
    }
}
