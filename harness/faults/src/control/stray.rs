//! Stray writes: what must not reach any watcher, and must be refused or stored elsewhere.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::{BoxFuture, ready};
use shakedown_model::fault::{Bite, StrayWrite};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{ControlPlane, StrayAnswer, lock};
use crate::fault::{Fault, FaultError};

#[derive(Debug, Default)]
struct Answers {
    stored: u32,
    refused: u32,
    unclear: Option<String>,
}

/// Somebody who writes past the run.
pub(super) struct Stray {
    control: Arc<dyn ControlPlane>,
    what: StrayWrite,
    every: Duration,
    answers: Arc<Mutex<Answers>>,
    writer: Mutex<JoinSet<()>>,
}

impl Stray {
    pub(super) fn new(control: Arc<dyn ControlPlane>, what: StrayWrite, every: Duration) -> Self {
        Self { control, what, every, answers: Arc::default(), writer: Mutex::default() }
    }

    fn begin(&self) {
        let (control, answers) = (Arc::clone(&self.control), Arc::clone(&self.answers));
        let (what, every) = (self.what, self.every);
        lock(&self.writer).spawn(async move {
            for nth in 0.. {
                let answer = control.stray(what, nth).await;
                {
                    let mut answers = lock(&answers);
                    match answer {
                        StrayAnswer::Stored => answers.stored += 1,
                        StrayAnswer::Refused => answers.refused += 1,
                        StrayAnswer::Unclear(why) => {
                            answers.unclear.get_or_insert(why);
                        }
                    }
                }
                sleep(every).await;
            }
        });
    }
}

impl Fault for Stray {
    fn apply(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        self.begin();
        Box::pin(ready(Ok(())))
    }

    fn heal(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async {
            let mut writer = std::mem::take(&mut *lock(&self.writer));
            writer.shutdown().await;
            self.control.clean().await;
            Ok(())
        })
    }

    fn seen(&self) -> BoxFuture<'_, Option<Bite>> {
        let answers = lock(&self.answers);
        let Answers { stored, refused, unclear } = &*answers;
        let mut words = format!("{refused} writes refused, {stored} stored");
        if let Some(why) = unclear {
            words = format!("{words}, the first unclear answer: {why}");
        }
        let (right, wrong) = if self.what.must_be_refused() { (refused, stored) } else { (stored, refused) };
        Box::pin(ready(Some(if *right > 0 && *wrong == 0 { Bite::Bit(words) } else { Bite::Missed(words) })))
    }
}
