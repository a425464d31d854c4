//! What is known at the end of a mutation, whatever became of its steps.

use shakedown_model::ItemId;

use super::super::holding::Holdings;
use super::super::store::{Fate, Store};
use super::super::tests::plan;
use super::*;

const ITEM: ItemId = ItemId(0);

/// One item under compare-and-set, or without, in front of a store.
struct Bench {
    store: Arc<Store>,
    server: Server,
    holdings: Holdings,
    key: ItemKey,
    cas: bool,
    first: Md5,
}

impl Bench {
    fn new(cas: bool) -> Self {
        let plan = plan(1, 1.0, Duration::from_secs(1));
        let store = Store::new(&plan, 77);
        let publisher: Arc<dyn Publisher> = Arc::<Store>::clone(&store);
        let server = Server { publisher, clock: Clock::start(), patience: Duration::from_secs(5) };
        let first = payload::md5(&store.content(ITEM).unwrap());
        Self { store, server, holdings: Holdings::new(1), key: plan.key_of(ITEM), cas, first }
    }

    async fn mutate(&mut self, kind: MutationKind, content: &str, fates: &[Fate]) -> Ended {
        self.store.will(fates);
        let intent = self.holdings.intent(ITEM, kind);
        let replaces = self.cas.then_some(intent.replaces.unwrap_or(self.first));
        let change = Change {
            key: self.key.clone(),
            intent,
            content: content.to_owned(),
            replaces,
            gray_ips: "10.99.0.1".into(),
        };
        let ended = self.server.carry_out(&change).await;
        self.holdings.came(ITEM, kind, ended.came);
        ended
    }

    async fn write(&mut self, content: &str, fates: &[Fate]) -> PublishOutcome {
        self.mutate(MutationKind::Write, content, fates).await.came.outcome
    }

    fn there(&self) -> Option<String> {
        self.store.content(ITEM)
    }
}

#[tokio::test(start_paused = true)]
async fn without_compare_and_set_a_lost_answer_stays_ambiguous() {
    for fate in [Fate::AnswerLost, Fate::Lost] {
        let mut bench = Bench::new(false);
        assert_eq!(bench.write("a", &[fate]).await, PublishOutcome::Ambiguous);
        assert_eq!(bench.store.steps.lock().unwrap().len(), 1, "it is not sent again");
    }
}

#[tokio::test(start_paused = true)]
async fn with_it_a_lost_answer_is_settled_by_what_is_there() {
    let mut bench = Bench::new(true);
    assert_eq!(bench.write("a", &[Fate::AnswerLost]).await, PublishOutcome::Settled, "a read showed it");
    assert_eq!(bench.store.steps.lock().unwrap().len(), 1);
    assert_eq!(bench.write("b", &[Fate::Lost]).await, PublishOutcome::Acked, "the second try was acked");
    assert_eq!(bench.store.steps.lock().unwrap().len(), 3, "it was sent again");
    assert_eq!(bench.there().as_deref(), Some("b"));
    let all_lost = [Fate::Lost; 4];
    assert_eq!(bench.write("c", &all_lost).await, PublishOutcome::Ambiguous);
    assert_eq!(bench.write("d", &[]).await, PublishOutcome::Acked);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_refused_with_that_reason_and_the_next_write_replaces_what_is_there() {
    let mut bench = Bench::new(true);
    bench.store.write(ITEM, "foreign");
    let ended = bench.mutate(MutationKind::Write, "a", &[]).await;
    assert_eq!(ended.came.outcome, PublishOutcome::Refused);
    assert!(matches!(ended.error, Some(PublishError::Conflict(_))), "{ended:?}");
    assert_eq!(bench.there().as_deref(), Some("foreign"));
    assert_eq!(bench.write("b", &[]).await, PublishOutcome::Acked);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_with_an_own_earlier_try_settles_it() {
    // The first try arrives only once the read has not seen it: the second conflicts with it.
    let mut bench = Bench::new(true);
    let late = Arc::clone(&bench.store);
    let arrives = async move {
        sleep(Duration::from_millis(101)).await;
        sleep(Duration::from_micros(500)).await;
        late.write(ITEM, "a");
    };
    let (outcome, ()) = tokio::join!(bench.write("a", &[Fate::Lost]), arrives);
    assert_eq!(outcome, PublishOutcome::Settled);
    assert_eq!(bench.store.steps.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_after_an_own_try_stays_open_while_other_content_is_served() {
    // A paused server was seen to store the first try, refuse the second, and serve older content for a while.
    let mut bench = Bench::new(true);
    let stale = Arc::clone(&bench.store);
    let arrives = async move {
        sleep(Duration::from_millis(101)).await;
        sleep(Duration::from_micros(500)).await;
        stale.write(ITEM, "older");
    };
    let (outcome, ()) = tokio::join!(bench.write("a", &[Fate::Lost]), arrives);
    assert_eq!(outcome, PublishOutcome::Ambiguous);
}

#[tokio::test(start_paused = true)]
async fn an_ambiguous_write_that_arrives_late_only_costs_the_next_one() {
    let mut bench = Bench::new(true);
    assert_eq!(bench.write("a", &[Fate::Lost; 4]).await, PublishOutcome::Ambiguous);
    bench.store.write(ITEM, "a");
    assert_eq!(bench.write("b", &[]).await, PublishOutcome::Refused);
    assert_eq!(bench.write("c", &[]).await, PublishOutcome::Acked);
}

#[tokio::test(start_paused = true)]
async fn a_delete_is_settled_only_when_the_item_is_gone() {
    let mut bench = Bench::new(true);
    let gone = bench.mutate(MutationKind::Delete, "", &[Fate::AnswerLost]).await;
    assert_eq!(gone.came.outcome, PublishOutcome::Settled);
    assert!(!bench.holdings.intent(ITEM, MutationKind::Delete).was_there);
    assert_eq!(bench.write("a", &[]).await, PublishOutcome::Acked);
    let lost = bench.mutate(MutationKind::Delete, "", &[Fate::Lost]).await;
    assert_eq!(lost.came.outcome, PublishOutcome::Ambiguous, "it may still take a later version with it");
    assert_eq!(bench.write("b", &[]).await, PublishOutcome::Acked);
}

#[tokio::test(start_paused = true)]
async fn a_promotion_is_acked_once_the_gray_content_is_gone_too() {
    let mut bench = Bench::new(false);
    assert_eq!(bench.mutate(MutationKind::Gray, "g", &[]).await.came.outcome, PublishOutcome::Acked);
    assert_eq!(bench.store.gray(ITEM).as_deref(), Some("g"));
    let half = bench.mutate(MutationKind::Promote, "p", &[Fate::Answered, Fate::Lost]).await;
    assert_eq!(half.came.outcome, PublishOutcome::Ambiguous);
    assert_eq!((bench.there().as_deref(), bench.store.gray(ITEM).as_deref()), (Some("p"), Some("g")));
    assert_eq!(bench.write("w", &[]).await, PublishOutcome::Acked);
    assert_eq!(bench.store.gray(ITEM), None, "the next write took the left-over away");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_takes_the_gray_content_away_before_it_writes() {
    let mut bench = Bench::new(false);
    bench.mutate(MutationKind::Gray, "g", &[]).await;
    bench.store.steps.lock().unwrap().clear();
    assert_eq!(bench.mutate(MutationKind::Rollback, "r", &[]).await.came.outcome, PublishOutcome::Acked);
    let steps = std::mem::take(&mut *bench.store.steps.lock().unwrap());
    assert!(matches!(&steps[..], [Step::EndGray, Step::Write { .. }]), "{steps:?}");
    assert!(!bench.holdings.intent(ITEM, MutationKind::Write).ends_gray);

    bench.mutate(MutationKind::Gray, "h", &[]).await;
    let late = bench.mutate(MutationKind::Rollback, "s", &[Fate::Lost]).await;
    assert_eq!(late.came.outcome, PublishOutcome::Acked);
    assert_eq!(
        (bench.there().as_deref(), bench.store.gray(ITEM)),
        (Some("s"), None),
        "behind the write, then"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_gray_release_leaves_nothing_to_end() {
    let mut bench = Bench::new(false);
    let refused = bench.mutate(MutationKind::Gray, "g", &[Fate::Refused]).await;
    assert_eq!(refused.came.outcome, PublishOutcome::Refused);
    assert_eq!(bench.mutate(MutationKind::Promote, "p", &[]).await.came.outcome, PublishOutcome::Acked);
    assert!(!bench.store.steps.lock().unwrap().contains(&Step::EndGray));
}
