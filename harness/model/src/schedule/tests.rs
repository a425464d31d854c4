use super::*;
use crate::PhaseId;
use crate::fault::FaultDefect;
use crate::plan::{GraySpec, Kinds, MutatorSpec};
use crate::testing::plan;

fn planned(arrivals: Arrivals, change: impl FnOnce(&mut Plan)) -> Vec<PlannedMutation> {
    let mut plan = plan();
    plan.mutator = MutatorSpec::writes(arrivals);
    change(&mut plan);
    plan.mutations().collect()
}

#[test]
fn mutations_are_numbered_by_time_and_the_same_for_the_same_seed() {
    let poisson = || planned(Arrivals::Poisson { per_second: 20.0 }, |_| ());
    let mutations = poisson();
    assert!(mutations.len() > 300);
    assert_eq!(mutations, poisson());
    assert!(mutations.windows(2).all(|w| w[0].intended <= w[1].intended && w[0].id.0 + 1 == w[1].id.0));
    assert!(mutations.iter().all(|m| m.kind == MutationKind::Write));
}

#[test]
fn a_burst_changes_items_in_a_row() {
    let (every, over) = (Duration::from_secs(10), Duration::from_millis(900));
    let burst = planned(Arrivals::Burst { count: 4, every, over }, |_| ());
    assert_eq!(burst.len(), 8);
    assert_eq!(burst[0].intended, Offset::from_secs(10));
    assert_eq!(burst[3].intended, Offset::from_millis(10_900));
    let items: BTreeSet<_> = burst[..4].iter().map(|m| m.item).collect();
    assert_eq!(items.len(), 4);
}

#[test]
fn a_trace_is_played_back_in_order_and_cut_at_the_end() {
    let at = |secs, item| TracePoint { at: Offset::from_secs(secs), item };
    let points = vec![at(9, None), at(2, Some(ItemId(3))), at(1000, None)];
    let played = planned(Arrivals::Trace(points), |_| ());
    assert_eq!(played.len(), 2);
    assert_eq!((played[0].intended, played[0].item), (Offset::from_secs(2), ItemId(3)));
}

#[test]
fn every_gray_release_is_ended_and_nothing_else_touches_its_item_before() {
    let mutations = planned(Arrivals::Constant { per_second: 5.0 }, |plan| {
        plan.mutator.kinds = Kinds { write: 5, delete: 3, gray: 2 };
        plan.mutator.gray = GraySpec { cohorts: 10, hold: Duration::from_secs(2), rollback_ppm: 400_000 };
    });
    let mut in_gray = BTreeSet::new();
    let mut deleted = BTreeSet::new();
    for mutation in &mutations {
        match mutation.kind {
            MutationKind::Promote | MutationKind::Rollback => assert!(in_gray.remove(&mutation.item)),
            _ => assert!(!in_gray.contains(&mutation.item)),
        }
        match mutation.kind {
            MutationKind::Gray => assert!(in_gray.insert(mutation.item) && !deleted.contains(&mutation.item)),
            MutationKind::Delete => assert!(deleted.insert(mutation.item)),
            MutationKind::Write | MutationKind::Promote | MutationKind::Rollback | MutationKind::Invalid => {
                deleted.remove(&mutation.item);
            }
        }
    }
    assert!(in_gray.is_empty());
    let count = |kind| mutations.iter().filter(|m| m.kind == kind).count();
    assert!(count(MutationKind::Delete) > 5 && count(MutationKind::Gray) > 5);
    assert!(count(MutationKind::Promote) > 1 && count(MutationKind::Rollback) > 1);
    assert_eq!(count(MutationKind::Gray), count(MutationKind::Promote) + count(MutationKind::Rollback));
}

/// Invalid content from 4 s to 8 s; the kinds by second.
fn with_invalid(share_ppm: u32, defect: Option<FaultDefect>) -> Vec<(u64, MutationKind)> {
    let mutations = planned(Arrivals::Constant { per_second: 50.0 }, |plan| {
        plan.mutator.kinds = Kinds { write: 4, delete: 1, gray: 0 };
        plan.faults = vec![FaultPlan {
            name: "invalid".to_owned(),
            phase: PhaseId(0),
            from: Offset::from_secs(4),
            until: Offset::from_secs(8),
            action: FaultAction::InvalidContent { share_ppm },
            groups: Vec::new(),
            nodes: Vec::new(),
            defect,
        }];
    });
    mutations.iter().map(|mutation| (mutation.intended.0 / 1_000_000_000, mutation.kind)).collect()
}

#[test]
fn a_share_of_the_writes_is_invalid_while_a_fault_says_so() {
    let count = |of: &[(u64, MutationKind)], kind| {
        of.iter().filter(|(at, k)| (4..8).contains(at) && *k == kind).count()
    };
    let (none, some, all) = (with_invalid(0, None), with_invalid(400_000, None), with_invalid(ALL_PPM, None));
    let writes = count(&none, MutationKind::Write);
    assert_eq!((count(&all, MutationKind::Invalid), count(&all, MutationKind::Write)), (writes, 0));
    let invalid = count(&some, MutationKind::Invalid);
    assert!((writes * 3 / 10..writes / 2).contains(&invalid), "{invalid} of {writes}");
    assert_eq!(
        count(&some, MutationKind::Delete),
        count(&none, MutationKind::Delete),
        "a delete has no content"
    );
    assert!(all.iter().all(|(at, kind)| (4..8).contains(at) || *kind != MutationKind::Invalid));
    assert_eq!(with_invalid(ALL_PPM, Some(FaultDefect::Toothless)), none, "a toothless one does nothing");
}
