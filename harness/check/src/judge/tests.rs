use std::fs;

use shakedown_model::verdict::{Outcome, Verdict};
use shakedown_record::RunDir;

use super::*;
use crate::testing::{Tiny, plan};

/// Writes a tiny run to a directory as the engine would.
fn on_disk(tiny: &Tiny) -> (tempfile::TempDir, RunDir) {
    let dir = tempfile::tempdir().unwrap();
    let run = RunDir::create(dir.path(), "r").unwrap();
    run.write_manifest(&tiny.input.manifest).unwrap();
    run.write_plan(&tiny.input.plan, "shakedown: 1\n").unwrap();
    tiny.input.faults.iter().for_each(|window| run.append_fault(window).unwrap());
    tiny.input.self_samples.iter().for_each(|sample| run.append_self_sample(sample).unwrap());
    let history = run.create_history().unwrap();
    tiny.input.events.iter().for_each(|event| history.recorder().record(*event));
    history.finish().unwrap();
    (dir, run)
}

fn good() -> Tiny {
    Tiny::calm().acked(0, 2, 10_000, 10_010).deliveries(10_100, 0..4, 0, 2).final_read(81_900, 0, Some(2))
}

#[test]
fn a_run_on_disk_is_judged_as_in_memory_and_twice_the_same() {
    let (_dir, run) = on_disk(&good());
    let (judgement, series) = check(&run).unwrap();
    assert_eq!((judgement.clone(), series.clone()), good().judge());
    write(&run, &judgement, &series).unwrap();
    let read: Judgement = serde_json::from_slice(&fs::read(run.verdict_path()).unwrap()).unwrap();
    assert_eq!(read, judgement);
    let read: Series = serde_json::from_slice(&fs::read(run.series_path()).unwrap()).unwrap();
    assert_eq!(read, series);
    assert_eq!(check(&run).unwrap(), (judgement, series));
}

#[test]
fn an_empty_history_is_unknown_and_breaks_nothing() {
    let (_dir, run) = on_disk(&Tiny::empty());
    let (judgement, _) = check(&run).unwrap();
    assert_eq!(judgement.verdict, Verdict::Unknown);
    assert!(judgement.guarantees.iter().all(|guarantee| guarantee.outcome != Outcome::Fail));
    assert!(judgement.figures.is_empty());
}

#[test]
fn a_history_without_its_end_is_judged_as_far_as_it_goes() {
    let (_dir, run) = on_disk(&good());
    let path = run.path().join("history.bin");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 12]).unwrap();
    let (judgement, _) = check(&run).unwrap();
    assert_eq!((judgement.verdict, judgement.counts.deliveries), (Verdict::Invalid, 12));
    assert!(judgement.reason.contains("cut short"), "{}", judgement.reason);
    let mut torn = bytes;
    torn[60] ^= 1;
    fs::write(&path, torn).unwrap();
    let (judgement, _) = check(&run).unwrap();
    assert_eq!((judgement.verdict, judgement.counts.deliveries), (Verdict::Invalid, 0));
    assert!(judgement.reason.contains("corrupt"), "{}", judgement.reason);
}

#[test]
fn damaged_files_are_named_with_what_to_do() {
    type Damage = fn(&RunDir);
    let cases: [(Damage, [&str; 2]); 6] = [
        (|run| fs::remove_file(run.path().join("plan.json")).unwrap(), ["plan.json", "run directory"]),
        (|run| fs::write(run.path().join("plan.json"), "{").unwrap(), ["plan.json", "damaged"]),
        (|run| fs::remove_file(run.path().join("history.bin")).unwrap(), ["history.bin", "cannot read"]),
        (|run| fs::write(run.path().join("history.bin"), "no").unwrap(), ["history.bin", "another version"]),
        (
            |run| run.write_plan(&Plan { format: 9, ..plan() }, "").unwrap(),
            ["form 9", "the version that made it"],
        ),
        (
            |run| {
                let mut plan = plan();
                plan.groups[1].first.0 = 7;
                run.write_plan(&plan, "").unwrap();
            },
            ["legacy", "restore it"],
        ),
    ];
    for (damage, expected) in cases {
        let (_dir, run) = on_disk(&good());
        damage(&run);
        let error = check(&run).unwrap_err().to_string();
        assert!(expected.iter().all(|part| error.contains(part)), "{error} lacks {expected:?}");
    }
}

/// A million deliveries: 2,000 watchers on 2 items, 500 mutations. That it counts right is asked; that it is done in a
/// few seconds even in a debug build shows in the time that the tests take.
#[test]
fn a_million_deliveries_are_judged_at_once() {
    let mut tiny = Tiny::calm().planned(|plan| {
        plan.groups[0].count = 1_000;
        plan.groups[1].first = shakedown_model::WatcherId(1_000);
        plan.groups[1].count = 1_000;
    });
    for watcher in 0..2_000 {
        tiny = tiny.subscribed(1_000, watcher);
    }
    for n in 0..500_u32 {
        let at = 5_000 + 100 * u64::from(n);
        tiny = tiny.acked(n % 2, n / 2 + 2, at, at + 5);
        for watcher in 0..2_000_u32 {
            tiny = tiny.delivery(at + 10 + u64::from(watcher % 80), watcher, n % 2, n / 2 + 2);
        }
    }
    let (judgement, series) = tiny.judge();
    assert_eq!((judgement.counts.expected, judgement.counts.undelivered), (1_000_000, 0));
    assert_eq!((series.mutations.len(), series.latency.len()), (500, 2));
}
