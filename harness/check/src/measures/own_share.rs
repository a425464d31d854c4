//! The harness' own share of a delivery: what it took itself, from the wire to the record.
//!
//! The receive queue is what the probe saw within fan-outs of measured phases (all of them, where the run had none): it is
//! the part that lies before the receive stamp, and so within propagation and end-to-end. Decode, verify and record lie
//! behind the stamp, in no figure; they are of the deliveries that watchers timed, one in 64. A run of before timed none,
//! and has no rows.

use shakedown_model::event::OwnTime;
use shakedown_model::gate::{Stat, rank};

use crate::evidence::Evidence;
use crate::result::{OwnShare, OwnShareRow};
use crate::validity::Bursts;

/// The rows, in the order in which a delivery passes the parts.
pub(crate) fn rows(evidence: &Evidence<'_>) -> Vec<OwnShareRow> {
    let timed: Vec<&OwnTime> = (evidence.index.own_times.iter())
        .filter(|own| evidence.measured_phase(own.received).is_some())
        .collect();
    if timed.is_empty() {
        return Vec::new();
    }
    let of = |nanos: fn(&OwnTime) -> u64| -> Vec<u64> { timed.iter().map(|own| nanos(own)).collect() };
    let parts = [
        (OwnShare::ReceiveQueue, receive_queue(evidence)),
        (OwnShare::Decode, of(|own| own.decode_ns)),
        (OwnShare::Verify, of(|own| own.verify_ns)),
        (OwnShare::Record, of(|own| own.record_ns)),
        (OwnShare::BehindTheStamp, of(|own| own.decode_ns + own.verify_ns + own.record_ns)),
    ];
    parts.into_iter().filter_map(|(share, nanos)| row(share, nanos)).collect()
}

/// The lags of what was sent within a fan-out.
fn receive_queue(evidence: &Evidence<'_>) -> Vec<u64> {
    let bursts = Bursts::new(evidence);
    let measured =
        evidence.index.receive_lags.iter().filter(|lag| evidence.measured_phase(lag.due).is_some());
    let (within, all): (Vec<_>, Vec<_>) =
        measured.map(|lag| (bursts.is_within(lag.due), lag.late_ns)).unzip();
    if !within.contains(&true) {
        return all;
    }
    within.into_iter().zip(all).filter_map(|(is_within, ns)| is_within.then_some(ns)).collect()
}

fn row(share: OwnShare, mut nanos: Vec<u64>) -> Option<OwnShareRow> {
    nanos.sort_unstable();
    let max = *nanos.last()?;
    let count = nanos.len() as u64;
    let at = |stat: Stat| {
        let nth = usize::try_from(rank(stat.quantile(), count)).unwrap_or(usize::MAX);
        nanos.get(nth.saturating_sub(1)).copied().unwrap_or(max)
    };
    Some(OwnShareRow { share, count, p50_ns: at(Stat::P50), p99_ns: at(Stat::P99), max_ns: max })
}

#[cfg(test)]
mod tests {
    use shakedown_model::event::Event;

    use super::*;
    use crate::testing::{Tiny, ms};

    fn timed(tiny: Tiny, at: u64, (decode_ns, verify_ns, record_ns): (u64, u64, u64)) -> Tiny {
        tiny.event(Event::OwnTime(OwnTime { received: ms(at), decode_ns, verify_ns, record_ns }))
    }

    #[test]
    fn a_run_that_timed_nothing_has_no_rows() {
        assert!(Tiny::calm().judgement().own_share.is_empty());
    }

    #[test]
    fn each_part_is_a_row_and_what_lies_behind_the_stamp_is_summed_per_delivery() {
        let mut tiny = Tiny::calm();
        for n in 1..=100 {
            tiny = timed(tiny, 6_000 + n, (n * 10, 1_000 - n * 10, 7));
        }
        let rows = tiny.judgement().own_share;
        let of = |share| *rows.iter().find(|row| row.share == share).unwrap();
        assert_eq!(rows.len(), 5);
        assert_eq!((of(OwnShare::Decode).p50_ns, of(OwnShare::Decode).p99_ns), (500, 990));
        assert_eq!((of(OwnShare::Verify).max_ns, of(OwnShare::Record).max_ns), (990, 7));
        let sum = of(OwnShare::BehindTheStamp);
        assert_eq!((sum.count, sum.p50_ns, sum.max_ns), (100, 1_007, 1_007), "not the sum of the parts' p99");
    }

    #[test]
    fn what_was_timed_in_the_warm_up_does_not_count() {
        assert!(timed(Tiny::calm(), 2_000, (1, 1, 1)).judgement().own_share.is_empty());
    }

    #[test]
    fn the_receive_queue_is_that_of_fan_outs_where_there_were_any() {
        let queue = |tiny: Tiny| {
            let rows = timed(tiny, 6_000, (1, 1, 1)).judgement().own_share;
            rows.into_iter().find(|row| row.share == OwnShare::ReceiveQueue).unwrap()
        };
        let calm = queue(Tiny::calm());
        assert!(calm.count > 100 && calm.max_ns == 0, "{calm:?}");
        let burst = Tiny::calm().acked(0, 2, 7_000, 7_010).receive_lag(7_020, 3).receive_lag(9_000, 900);
        let burst = queue(burst);
        assert!(burst.count < 10 && burst.max_ns == 3, "{burst:?}");
    }
}
