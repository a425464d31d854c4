//! The harness' own share of a delivery, as rows: receive queue, decode, verify, record.

use shakedown_check::result::{OwnShare, OwnShareRow};
use shakedown_check::words::{count, time};

/// The heads of the columns.
pub(crate) const HEAD: [&str; 6] = ["part", "p50", "p99", "max", "n", "where it counts"];

/// What the table is.
pub(crate) const ABOUT: &str = "What the harness itself took of a delivery. The receive queue lies before the receive \
    stamp, and so in propagation and end-to-end; the rest lies behind the stamp, in no figure, and is of one delivery in 64.";

/// The rows, none for a run that timed nothing.
pub(crate) fn rows(own: &[OwnShareRow]) -> Vec<[String; 6]> {
    own.iter()
        .map(|row| {
            let [p50, p99, max] = [row.p50_ns, row.p99_ns, row.max_ns].map(time);
            let place = match row.share {
                OwnShare::ReceiveQueue => "in every delivery's time",
                _ => "behind the stamp",
            };
            [row.share.name().to_owned(), p50, p99, max, count(row.count), place.to_owned()]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_receive_queue_is_within_what_is_measured() {
        let row =
            |share| OwnShareRow { share, count: 1_200, p50_ns: 1_000, p99_ns: 2_000_000, max_ns: 3_000_000 };
        let rows = rows(&[row(OwnShare::ReceiveQueue), row(OwnShare::Decode)]);
        assert_eq!(rows[0][0], "receive queue");
        assert_eq!((rows[0][4].as_str(), rows[0][5].as_str()), ("1,200", "in every delivery's time"));
        assert_eq!(rows[1][5], "behind the stamp");
    }
}
