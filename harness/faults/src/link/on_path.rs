//! Bad answers and troubled streams, brought about by the proxies, which count how often they did.
//!
//! The count is the witness: a canary would be spoiled itself, and be counted among what was.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures_util::future::{BoxFuture, ready};
use shakedown_model::GroupId;
use shakedown_model::fault::{ALL_PPM, Bite, PathTrouble, StreamTrouble};
use shakedown_model::plan::{Protocol, ProxyKind};

use super::{LinkFault, Recipe, embedded_only};
use crate::canary::Expectation;
use crate::fault::{Fault, FaultError, in_words};
use crate::proxies::{self, ProxyAddress};
use crate::toxiproxy::{Direction, ProxyState, ToxicConfig, ToxicKind};

pub(super) const EXPECTATION: Expectation = Expectation::Nothing("the proxies count what they spoil");

pub(super) fn recipe(prefix: &str, kind: ProxyKind, trouble: PathTrouble) -> Result<Recipe, FaultError> {
    embedded_only(kind, trouble.name())?;
    // Calls and messages are drawn one by one, connections as a whole.
    let toxicity_ppm = match trouble {
        PathTrouble::Answers(_) | PathTrouble::Stream { what: StreamTrouble::SwallowedAck, .. } => ALL_PPM,
        PathTrouble::Stream { share_ppm, .. } => share_ppm,
    };
    let kind = ToxicKind::Path { trouble };
    let name = format!("{prefix}-{}", kind.name());
    let toxic = ToxicConfig { name, stream: Direction::Downstream, toxicity_ppm, kind };
    Ok(Recipe::of_toxics(vec![toxic]))
}

/// Whether a proxy carries what is troubled.
pub(crate) fn concerns(trouble: PathTrouble, proxy: &ProxyAddress) -> bool {
    match trouble {
        PathTrouble::Answers(_) => true,
        PathTrouble::Stream { .. } => proxy.protocol == Protocol::NacosGrpc,
    }
}

/// How often it acted, and could have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Count {
    acted: u64,
    of: u64,
}

/// A fault that its proxies count.
pub(crate) struct OnPath {
    pub(crate) inner: LinkFault,
    pub(crate) trouble: PathTrouble,
    pub(crate) targets: Vec<ProxyAddress>,
    /// By proxy, once it was asked for; or why it is not known.
    counted: Mutex<Option<Result<BTreeMap<String, Count>, String>>>,
}

impl OnPath {
    pub(crate) fn new(inner: LinkFault, trouble: PathTrouble, targets: Vec<ProxyAddress>) -> Self {
        Self { inner, trouble, targets, counted: Mutex::new(None) }
    }

    /// Asks the proxies, while they still have the toxic.
    async fn count(&self) {
        let asking = tokio::time::timeout(super::HEAL_PAUSE * 10, self.inner.api.proxies());
        let counted = match asking.await {
            Err(_) => Err("the proxies did not tell their counts in time".to_owned()),
            Ok(Err(error)) => Err(in_words(&error)),
            Ok(Ok(states)) => Ok(self.counts(&states)),
        };
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner) = Some(counted);
    }

    fn counts(&self, states: &[ProxyState]) -> BTreeMap<String, Count> {
        let added = self.inner.recipe.onset.iter().filter_map(|step| match step {
            super::Step::Add(toxic) => Some(toxic.name.as_str()),
            _ => None,
        });
        let added: Vec<&str> = added.collect();
        let of_proxy = |state: &ProxyState| {
            let ours = state.toxics.iter().filter(|toxic| added.contains(&toxic.name.as_str()));
            ours.fold(Count::default(), |sum, toxic| Count {
                acted: sum.acted + toxic.acted.unwrap_or(0),
                of: sum.of + toxic.of.unwrap_or(0),
            })
        };
        states.iter().map(|state| (state.name.clone(), of_proxy(state))).collect()
    }

    const fn what(&self) -> &'static str {
        match self.trouble {
            PathTrouble::Answers(_) => "calls",
            PathTrouble::Stream { what: StreamTrouble::SwallowedAck, .. } => "acknowledgements",
            PathTrouble::Stream { what: StreamTrouble::RstStream, .. } => "streams",
            PathTrouble::Stream { .. } => "connections",
        }
    }

    /// It bit when it acted in every group.
    fn bite(&self, counted: &BTreeMap<String, Count>) -> Bite {
        let mut groups: BTreeMap<GroupId, (Count, &str)> = BTreeMap::new();
        for target in &self.targets {
            let count = counted.get(&target.name).copied().unwrap_or_default();
            let (sum, _) = groups.entry(target.group).or_insert((Count::default(), &target.name));
            *sum = Count { acted: sum.acted + count.acted, of: sum.of + count.of };
        }
        let (acted, of) =
            groups.values().fold((0, 0), |(acted, of), (sum, _)| (acted + sum.acted, of + sum.of));
        let words = format!("{acted} of {of} {} at {}", self.what(), proxies::in_words(self.targets.len()));
        match groups.values().find(|(sum, _)| sum.acted == 0) {
            None => Bite::Bit(words),
            Some((_, proxy)) => Bite::Missed(format!("{words}, none at `{proxy}` and its like")),
        }
    }
}

impl Fault for OnPath {
    fn apply(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        self.inner.apply()
    }

    fn go_on(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        self.inner.go_on()
    }

    fn seen(&self) -> BoxFuture<'_, Option<Bite>> {
        let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = counted.as_ref().map(|counted| match counted {
            Ok(counted) => self.bite(counted),
            Err(why) => Bite::Missed(why.clone()),
        });
        Box::pin(ready(seen))
    }

    fn heal(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async {
            self.count().await;
            self.inner.heal().await
        })
    }
}

#[cfg(test)]
mod tests {
    use shakedown_model::fault::{AnswerTrouble, BadAnswer, CallKind, Calls, FaultAction, FaultPlan};
    use shakedown_model::{FaultId, Offset, PhaseId};

    use super::*;
    use crate::fault::{PreparedFault, prepare};
    use crate::testing::World;

    const GO_AWAY: PathTrouble = PathTrouble::Stream { what: StreamTrouble::GoAway, share_ppm: 400_000 };

    fn answers() -> PathTrouble {
        let to = Calls::default().with(CallKind::Read);
        PathTrouble::Answers(AnswerTrouble { to, share_ppm: 250_000, bad: BadAnswer::Garbage })
    }

    fn prepared(trouble: PathTrouble, world: &std::sync::Arc<World>) -> Result<PreparedFault, FaultError> {
        let (_, proxies) = World::new();
        let plan = FaultPlan {
            name: "spoiled".into(),
            phase: PhaseId(0),
            from: Offset::from_secs(1),
            until: Offset::from_secs(2),
            action: FaultAction::Path { trouble },
            groups: vec![GroupId(0), GroupId(1)],
            nodes: Vec::new(),
            defect: None,
        };
        prepare(&world.site(&proxies, ProxyKind::Embedded), FaultId(3), &plan)
    }

    #[tokio::test(start_paused = true)]
    async fn the_proxies_own_counts_are_the_bite() {
        let (world, _) = World::new();
        let fault = prepared(answers(), &world).unwrap().fault;
        assert_eq!(fault.seen().await, None, "not asked for yet");
        fault.apply().await.unwrap();
        assert_eq!(world.toxics(), ["p0/fault-3-answers", "p1/fault-3-answers"]);
        fault.heal().await.unwrap();
        assert_eq!(fault.seen().await, Some(Bite::Bit("7 of 10 calls at 2 proxies".into())));
        assert!(world.toxics().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn streams_are_troubled_where_grpc_is_spoken_and_nothing_hit_is_a_miss() {
        let (world, _) = World::new();
        world.ills.lock().unwrap().toxics_are_void = true;
        let fault = prepared(GO_AWAY, &world).unwrap().fault;
        fault.apply().await.unwrap();
        assert_eq!(world.toxics(), ["p1/fault-3-go_away"]);
        fault.heal().await.unwrap();
        let missed = "0 of 5 connections at 1 proxy, none at `p1` and its like";
        assert_eq!(fault.seen().await, Some(Bite::Missed(missed.into())));
    }

    #[tokio::test(start_paused = true)]
    async fn an_api_that_does_not_tell_leaves_no_bite() {
        let (world, _) = World::new();
        let fault = prepared(answers(), &world).unwrap().fault;
        fault.apply().await.unwrap();
        world.ills.lock().unwrap().api_is_dead = true;
        fault.heal().await.unwrap_err();
        assert!(matches!(fault.seen().await, Some(Bite::Missed(why)) if why.contains("no answer")));
    }

    #[test]
    fn a_share_is_of_calls_or_of_connections() {
        let toxic = |trouble| match &recipe("f", ProxyKind::Embedded, trouble).unwrap().onset[..] {
            [super::super::Step::Add(toxic)] => toxic.toxicity_ppm,
            other => panic!("one toxic is added, not {other:?}"),
        };
        assert_eq!((toxic(answers()), toxic(GO_AWAY)), (ALL_PPM, 400_000));
        let refused = recipe("f", ProxyKind::Toxiproxy, GO_AWAY).unwrap_err();
        assert!(matches!(refused, FaultError::EmbeddedOnly { fault: "go_away" }), "{refused:?}");
    }
}
