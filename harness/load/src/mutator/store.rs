//! A server for tests: content, gray content and compare-and-set in memory, and answers that get lost on demand.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use shakedown_model::payload::{self, Identity};
use shakedown_model::plan::ItemKey;
use shakedown_model::{ItemId, Plan, Version};
use tokio::time::sleep;

use super::{PublishError, Publisher, Step};

/// What becomes of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is done and answered.
    Answered,
    /// It is done, and the answer is lost.
    AnswerLost,
    /// It is lost.
    Lost,
    /// It is refused.
    Refused,
}

#[derive(Debug, Clone, Default)]
struct Item {
    content: Option<String>,
    gray: Option<String>,
}

/// The server.
pub(super) struct Store {
    items: Mutex<BTreeMap<ItemKey, Item>>,
    keys: Vec<ItemKey>,
    fates: Mutex<VecDeque<Fate>>,
    pub(super) steps: Mutex<Vec<Step>>,
}

impl Store {
    /// With the first version of every item of the plan.
    pub(super) fn new(plan: &Plan, run: u64) -> Arc<Self> {
        let keys: Vec<ItemKey> = (0..plan.item_count()).map(|item| plan.key_of(ItemId(item))).collect();
        let first = |item: ItemId| {
            let identity = Identity::new(run, item, Version::INITIAL);
            payload::encode(identity, plan.payload_bytes(item, Version::INITIAL), plan.seed.child("payload"))
        };
        let items = (0..)
            .map(ItemId)
            .zip(keys.clone())
            .map(|(item, key)| (key, Item { content: Some(first(item)), gray: None }));
        Arc::new(Self {
            items: Mutex::new(items.collect()),
            keys,
            fates: Mutex::default(),
            steps: Mutex::default(),
        })
    }

    /// What becomes of the next steps; those after are answered.
    pub(super) fn will(&self, fates: &[Fate]) {
        self.fates.lock().unwrap().extend(fates);
    }

    pub(super) fn content(&self, item: ItemId) -> Option<String> {
        self.items.lock().unwrap()[&self.keys[item.index()]].content.clone()
    }

    pub(super) fn gray(&self, item: ItemId) -> Option<String> {
        self.items.lock().unwrap()[&self.keys[item.index()]].gray.clone()
    }

    /// Somebody else writes.
    pub(super) fn write(&self, item: ItemId, content: &str) {
        self.items.lock().unwrap().get_mut(&self.keys[item.index()]).unwrap().content =
            Some(content.to_owned());
    }

    fn apply(&self, key: &ItemKey, step: Step) -> Result<(), PublishError> {
        let mut items = self.items.lock().unwrap();
        let item = items.get_mut(key).unwrap();
        match step {
            Step::Write { content, replaces } => {
                let there = item.content.as_deref().map(payload::md5_hex);
                if replaces.is_some() && there.is_some() && there != replaces {
                    return Err(PublishError::Conflict("md5".to_owned()));
                }
                item.content = Some(content);
            }
            Step::WriteGray { content, .. } => item.gray = Some(content),
            Step::EndGray => item.gray = None,
            Step::Delete => item.content = None,
        }
        Ok(())
    }
}

impl Publisher for Store {
    fn take<'a>(&'a self, key: &'a ItemKey, step: Step) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            sleep(Duration::from_millis(1)).await;
            self.steps.lock().unwrap().push(step.clone());
            let fate = self.fates.lock().unwrap().pop_front().unwrap_or(Fate::Answered);
            let lost = || PublishError::Ambiguous("lost".to_owned());
            match fate {
                Fate::Answered => self.apply(key, step),
                Fate::AnswerLost => {
                    drop(self.apply(key, step));
                    Err(lost())
                }
                Fate::Lost => Err(lost()),
                Fate::Refused => Err(PublishError::Refused("no".to_owned())),
            }
        })
    }

    fn read<'a>(&'a self, key: &'a ItemKey) -> BoxFuture<'a, Result<Option<String>, String>> {
        Box::pin(async move { Ok(self.items.lock().unwrap()[key].content.clone()) })
    }
}
