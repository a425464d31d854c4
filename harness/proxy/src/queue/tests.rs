use proptest::prelude::*;

use super::*;

const MS: u64 = 1_000_000;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Delivers what is due at `now`, at most `limit` bytes at a time.
fn deliver(queue: &mut Queue, now: Moment, limit: usize, into: &mut Vec<u8>) -> Option<End> {
    loop {
        let taken = match queue.due_front(now)? {
            Front::Bytes(bytes) => {
                let taken = bytes.len().min(limit);
                into.extend_from_slice(&bytes[..taken]);
                taken
            }
            Front::End(end) => return Some(end),
        };
        queue.delivered(taken);
    }
}

#[test]
fn a_burst_is_delayed_from_each_arrival_and_not_in_series() {
    let mut queue = Queue::new();
    for n in 0..100_u64 {
        let stamp = queue.stamp(Moment(n * MS / 10), 1, ms(50));
        assert_eq!(stamp.due, Moment(n * MS / 10 + 50 * MS));
        queue.push(stamp, &[1]);
    }
    let mut out = Vec::new();
    deliver(&mut queue, Moment(60 * MS), 1, &mut out);
    assert_eq!(out.len(), 100, "the last chunk came after 9.9 ms and is due 50 ms later");
}

#[test]
fn without_delay_a_chunk_is_due_on_arrival() {
    let mut queue = Queue::new();
    assert_eq!(queue.stamp(Moment(7), 3, Duration::ZERO).due, Moment(7));
    assert_eq!(queue.next_offset(), 3);
}

#[test]
fn a_removed_delay_frees_what_waits_in_order() {
    let mut queue = Queue::new();
    for byte in 0..10_u8 {
        let stamp = queue.stamp(Moment(u64::from(byte)), 1, ms(1000));
        queue.push(stamp, &[byte]);
    }
    queue.retime(|_| Duration::ZERO);
    let later = queue.stamp(Moment(10), 1, Duration::ZERO);
    assert_eq!(later.due, Moment(10), "what comes after is not held back by the removed delay");
    let mut out = Vec::new();
    deliver(&mut queue, Moment(9), 1, &mut out);
    assert_eq!(out, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn many_tiny_chunks_fill_the_queue() {
    let mut queue = Queue::new();
    let mut count = 0;
    while !queue.is_full() {
        let stamp = queue.stamp(Moment(0), 1, ms(1));
        queue.push(stamp, &[0]);
        count += 1;
    }
    assert!(count <= CAPACITY / CHUNK_COST);
    deliver(&mut queue, Moment::NEVER, 1, &mut Vec::new());
    assert!(queue.is_empty() && !queue.is_full());
    assert_eq!(queue.cost, 0);
    assert!(queue.items.capacity() <= KEPT_ITEMS, "an idle connection keeps no room");
}

/// What happens to a queue in the property test.
#[derive(Debug, Clone)]
enum Step {
    Arrive { len: usize, delay_us: u64 },
    Wait { us: u64 },
    Retime { delay_us: u64 },
    Deliver { limit: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..3000_usize, 0..5000_u64).prop_map(|(len, delay_us)| Step::Arrive { len, delay_us }),
        3 => (0..3000_u64).prop_map(|us| Step::Wait { us }),
        1 => (0..5000_u64).prop_map(|delay_us| Step::Retime { delay_us }),
        3 => (1..2000_usize).prop_map(|limit| Step::Deliver { limit }),
    ]
}

/// The byte at an offset of the stream; its period is no power of two.
fn byte_at(offset: u64) -> u8 {
    u8::try_from(offset % 251).unwrap()
}

proptest! {
    #[test]
    fn delivered_bytes_are_an_ordered_prefix_and_complete_at_the_end(steps in prop::collection::vec(step(), 1..120)) {
        let mut queue = Queue::new();
        let mut now = Moment(1);
        let mut sent = Vec::new();
        let mut got = Vec::new();
        for step in steps {
            match step {
                Step::Arrive { len, delay_us } => {
                    let from = queue.next_offset();
                    let bytes: Vec<u8> = (from..from + len as u64).map(byte_at).collect();
                    let stamp = queue.stamp(now, len, Duration::from_micros(delay_us));
                    prop_assert_eq!(stamp.offset, from);
                    queue.push(stamp, &bytes);
                    sent.extend(bytes);
                }
                Step::Wait { us } => now = now + Duration::from_micros(us),
                Step::Retime { delay_us } => queue.retime(|_| Duration::from_micros(delay_us)),
                Step::Deliver { limit } => prop_assert_eq!(deliver(&mut queue, now, limit, &mut got), None),
            }
            prop_assert!(sent.starts_with(&got), "delivered bytes are a prefix of what was sent");
        }
        let end = queue.stamp(now, 0, Duration::ZERO);
        queue.push_end(end, End::Fin);
        prop_assert_eq!(deliver(&mut queue, Moment::NEVER, 700, &mut got), Some(End::Fin));
        prop_assert_eq!(got, sent);
    }

    #[test]
    fn due_is_never_before_arrival_plus_delay_and_never_later_than_the_slowest_ahead(
        chunks in prop::collection::vec((0..2000_u64, 0..5000_u64), 1..100)
    ) {
        let mut queue = Queue::new();
        let mut now = Moment(0);
        let mut slowest = Moment(0);
        let mut previous = Moment(0);
        for (gap_us, delay_us) in chunks {
            now = now + Duration::from_micros(gap_us);
            let alone = now + Duration::from_micros(delay_us);
            slowest = slowest.max(alone);
            let stamp = queue.stamp(now, 1, Duration::from_micros(delay_us));
            prop_assert!(stamp.due >= alone);
            prop_assert!(stamp.due >= previous, "in order");
            prop_assert_eq!(stamp.due, slowest, "delays never add up");
            previous = stamp.due;
        }
    }

    #[test]
    fn retiming_shrinks_in_order_and_keeps_the_new_delay(
        chunks in prop::collection::vec((0..2000_u64, 0..5000_u64, 0..5000_u64), 1..60)
    ) {
        let mut queue = Queue::new();
        let mut now = Moment(0);
        let mut before = Vec::new();
        for &(gap_us, delay_us, _) in &chunks {
            now = now + Duration::from_micros(gap_us);
            let stamp = queue.stamp(now, 1, Duration::from_micros(delay_us));
            queue.push(stamp, &[0]);
            before.push(stamp);
        }
        let anew = |offset: u64| Duration::from_micros(chunks[usize::try_from(offset).unwrap()].2);
        queue.retime(anew);
        let mut ahead = Moment(0);
        for (item, old) in queue.items.iter().zip(&before) {
            prop_assert!(item.stamp.due <= old.due);
            prop_assert!(item.stamp.due >= ahead);
            prop_assert!(item.stamp.due >= (old.arrival + anew(old.offset)).min(old.due));
            ahead = item.stamp.due;
        }
    }
}
