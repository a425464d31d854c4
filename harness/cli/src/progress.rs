//! Live progress on standard error: a bar on a terminal, plain lines elsewhere.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use shakedown_engine::{Observer, Progress, RunEvent};
use shakedown_model::fault::{Bite, FaultWindow};
use shakedown_model::{FaultId, Offset, Plan};

use crate::redaction::shown;

/// The bar's clock goes on in set-ups that take long.
const TICK: Duration = Duration::from_secs(1);
/// Plain lines come this often, in seconds of the run.
const LINE_SECONDS: f64 = 10.0;

/// Shows a run's progress.
pub(crate) struct ProgressView {
    plan: Plan,
    bar: Option<ProgressBar>,
    last_line: Mutex<f64>,
}

impl ProgressView {
    pub(crate) fn new(plan: Plan) -> Self {
        let bar = console::user_attended_stderr().then(|| {
            let bar = ProgressBar::with_draw_target(
                Some(plan.end().0 / 1_000_000),
                ProgressDrawTarget::stderr_with_hz(4),
            );
            let style = ProgressStyle::with_template(
                "{prefix:>12.bold} {bar:16.cyan/dim} {percent:>3}% {elapsed:>4}  {wide_msg}",
            )
            .expect("the template is valid");
            bar.set_style(style);
            bar.enable_steady_tick(TICK);
            bar
        });
        Self { plan, bar, last_line: Mutex::new(f64::NEG_INFINITY) }
    }

    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(shown(text)),
            None => line(text),
        }
    }

    fn fault_name(&self, fault: FaultId) -> &str {
        &self.plan.faults[fault.index()].name
    }

    fn tick(&self, progress: Progress) {
        let Progress { now, end, subscribed, watchers, deliveries, losses, published, fault } = progress;
        let fault = fault.map_or_else(String::new, |fault| format!(" · {} in force", self.fault_name(fault)));
        let text = format!(
            "{subscribed}/{watchers} subscribed{fault} · {losses} lost · {deliveries} delivered · {published} published"
        );
        if let Some(bar) = &self.bar {
            bar.set_position(now.0 / 1_000_000);
            bar.set_message(text);
            return;
        }
        let mut last = self.last_line.lock().unwrap_or_else(PoisonError::into_inner);
        if now.as_secs_f64() - *last >= LINE_SECONDS {
            *last = now.as_secs_f64();
            line(&format!("{} of {} {text}", stamp(now), seconds(end)));
        }
    }

    fn phase(&self, name: &str, from: Offset, until: Offset) {
        match &self.bar {
            Some(bar) => bar.set_prefix(name.to_owned()),
            None => line(&format!("{} phase {name}, {}", stamp(from), seconds(Offset(until.0 - from.0)))),
        }
    }

    fn applied(&self, window: &FaultWindow) {
        let name = self.fault_name(window.fault);
        let kind = self.plan.faults[window.fault.index()].action.kind();
        match (window.applied, &window.trouble) {
            (_, Some(trouble)) => self.say(&format!("{} fault {name}: {trouble}", stamp(window.applying))),
            (Some(at), None) => self.say(&format!("{} fault {name} ({kind}) in force", stamp(at))),
            (None, None) => {}
        }
    }

    fn healed(&self, window: &FaultWindow) {
        let name = self.fault_name(window.fault);
        let at = window.healed.or(window.healing).unwrap_or(window.applying);
        let trouble = window.trouble.as_ref().map_or_else(String::new, |trouble| format!("; {trouble}"));
        let bite = match &window.bite {
            Bite::Bit(text) => format!("it bit: {text}"),
            Bite::Missed(text) => format!("it did NOT bite: {text}"),
            Bite::NotMeasured(text) => text.clone(),
        };
        self.say(&format!("{} fault {name} healed ({bite}{trouble})", stamp(at)));
    }
}

impl Observer for ProgressView {
    fn on(&self, event: &RunEvent) {
        match event {
            RunEvent::Created { .. } => {}
            RunEvent::SettingUp(what) => self.say(&format!("  set-up  {what}")),
            RunEvent::Started { setup } => {
                self.say(&format!("  set-up  done in {:.1} s", setup.as_secs_f64()));
            }
            RunEvent::Phase(phase) => {
                let phase = &self.plan.phases[phase.index()];
                self.phase(&phase.name, phase.from, phase.until);
            }
            RunEvent::FaultApplied(window) => self.applied(window),
            RunEvent::FaultHealed(window) => self.healed(window),
            RunEvent::Tick(progress) => self.tick(*progress),
            RunEvent::Draining => {
                self.phase("drain", self.plan.end(), self.plan.end() + self.plan.delivery_timeout);
            }
            RunEvent::Trouble(text) => self.say(&format!("  trouble {text}")),
            RunEvent::TearingDown => {
                if let Some(bar) = &self.bar {
                    bar.finish_and_clear();
                }
            }
        }
    }
}

fn stamp(at: Offset) -> String {
    format!("{:>7.1}s", at.as_secs_f64())
}

/// Whole seconds without a fraction.
fn seconds(at: Offset) -> String {
    let digits = usize::from(!at.0.is_multiple_of(1_000_000_000));
    format!("{:.digits$} s", at.as_secs_f64())
}

/// Prints a line on standard error. A reader who closed it ends no run.
fn line(text: &str) {
    use std::io::Write;
    drop(writeln!(std::io::stderr().lock(), "{}", shown(text)));
}
