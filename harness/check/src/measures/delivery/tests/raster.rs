//! The raster: who got what by which path.

use shakedown_model::event::Path;
use shakedown_model::{MutationId, WatcherId};

use super::*;

#[test]
fn each_watcher_has_a_letter_and_a_latency_for_each_mutation() {
    let tiny = Tiny::calm()
        .acked(0, 2, 10_000, 10_010)
        .came((10_100, Some(10_090)), 0, (0, 2), Path::Push)
        .came((12_500, Some(12_400)), 1, (0, 2), Path::Push)
        .came((10_200, None), 2, (0, 2), Path::PollWake)
        .crash(40_000, 0)
        .acked(0, 3, 41_000, 41_010)
        .came((43_000, None), 3, (0, 3), Path::PollTimeout);
    let raster = tiny.judge().1.raster.unwrap();
    assert_eq!((raster.mutations, raster.watchers), (2, 4));
    assert_eq!(raster.columns, [(MutationId(0), ms(10_000)), (MutationId(1), ms(41_000))]);
    let rows: Vec<_> =
        raster.rows.iter().map(|row| (row.watcher.0, row.paths.as_str(), row.micros.clone())).collect();
    assert_eq!(
        rows,
        [
            (0, "p.", vec![100_000, 0]),
            (1, "r!", vec![2_500_000, 0]),
            (2, "w!", vec![200_000, 0]),
            (3, "!t", vec![0, 2_000_000])
        ]
    );
    assert_eq!(raster.rows[3].group, LEGACY);
}

#[test]
fn it_is_thinned_evenly_and_no_group_vanishes() {
    let mut tiny = Tiny::calm().planned(|plan| {
        plan.groups[0].count = 2_000;
        plan.groups[1].first = WatcherId(2_000);
        plan.groups[1].count = 3;
    });
    for n in 0..1_000_u32 {
        let at = 5_000 + 10 * u64::from(n);
        tiny = tiny.acked(n % 2, n / 2 + 2, at, at + 5);
    }
    let raster = tiny.judge().1.raster.unwrap();
    assert_eq!((raster.mutations, raster.watchers), (1_000, 2_003));
    assert!(raster.rows.len() <= 300 && raster.rows.len() > 250, "{}", raster.rows.len());
    assert!(raster.columns.len() <= 400 && raster.columns.len() > 300, "{}", raster.columns.len());
    assert!(raster.rows.iter().any(|row| row.group == LEGACY));
    assert!(
        raster.rows.iter().all(|row| {
            row.paths.len() == raster.columns.len() && row.micros.len() == raster.columns.len()
        })
    );
    assert!(raster.columns.windows(2).all(|pair| pair[1].0.0 - pair[0].0.0 == 3));
}

#[test]
fn without_mutations_there_is_none() {
    assert_eq!(Tiny::calm().judge().1.raster, None);
    assert_eq!(Tiny::empty().judge().1.raster, None);
}
