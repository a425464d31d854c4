use std::time::Duration;

use proptest::prelude::*;

use super::*;

const MS: u64 = 1_000_000;

/// Queues a chunk that came at `arrival` and leaves its chain at `due`.
fn push(queue: &mut Queue, arrival: u64, due: u64, bytes: &[u8]) {
    let offset = queue.arrived(bytes.len());
    queue.push(Parcel { at: Moment(due), ..Parcel::bytes(Moment(arrival), offset, bytes.len()) }, bytes);
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
fn nothing_is_due_before_what_is_ahead() {
    let mut queue = Queue::new();
    push(&mut queue, 0, 50 * MS, &[1]);
    push(&mut queue, 1, 10 * MS, &[2]);
    assert_eq!((queue.next_due(), queue.last_due()), (Some(Moment(50 * MS)), Some(Moment(50 * MS))));
    assert_eq!(queue.waiting(), 2);
}

#[test]
fn offsets_count_what_arrives_whether_it_is_queued_or_not() {
    let mut queue = Queue::new();
    assert_eq!((queue.arrived(3), queue.arrived(0), queue.arrived(4), queue.arrived(1)), (0, 3, 3, 7));
}

#[test]
fn a_removed_delay_frees_what_waits_in_order() {
    let mut queue = Queue::new();
    for byte in 0..10_u8 {
        push(&mut queue, byte.into(), 1_000 * MS, &[byte]);
    }
    queue.resend(|parcel, out| out(parcel));
    push(&mut queue, 10, 10, &[10]);
    let mut out = Vec::new();
    deliver(&mut queue, Moment(10), 1, &mut out);
    assert_eq!(
        out,
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
        "what comes after is not held back by the removed delay"
    );
}

#[test]
fn what_is_half_delivered_is_sent_again_from_where_it_is() {
    let mut queue = Queue::new();
    push(&mut queue, 0, 5, &[0, 1, 2, 3, 4, 5]);
    queue.delivered(2);
    let mut offsets = Vec::new();
    queue.resend(|parcel, out| {
        offsets.push(parcel.offset);
        // Cut in two, and the last byte dropped.
        out(Parcel { load: Load::Bytes(1), ..parcel });
        out(Parcel { load: Load::Bytes(2), at: Moment(9), ..parcel });
    });
    assert_eq!((offsets, queue.waiting(), queue.last_due()), (vec![2], 3, Some(Moment(5))));
    let mut out = Vec::new();
    deliver(&mut queue, Moment(5), 9, &mut out);
    assert_eq!(out, [2, 3, 4]);
    assert_eq!(queue.cost, 0);
}

#[test]
fn many_tiny_chunks_fill_the_queue() {
    let mut queue = Queue::new();
    let mut count = 0;
    while !queue.is_full() {
        push(&mut queue, 0, MS, &[0]);
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
    Resend { delay_us: u64 },
    Deliver { limit: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..3000_usize, 0..5000_u64).prop_map(|(len, delay_us)| Step::Arrive { len, delay_us }),
        3 => (0..3000_u64).prop_map(|us| Step::Wait { us }),
        1 => (0..5000_u64).prop_map(|delay_us| Step::Resend { delay_us }),
        3 => (1..2000_usize).prop_map(|limit| Step::Deliver { limit }),
    ]
}

/// The byte at an offset of the stream; its period is no power of two.
fn byte_at(offset: usize) -> u8 {
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
                    let bytes: Vec<u8> = (sent.len()..sent.len() + len).map(byte_at).collect();
                    push(&mut queue, now.0, now.0 + delay_us * 1_000, &bytes);
                    sent.extend(bytes);
                }
                Step::Wait { us } => now = now + Duration::from_micros(us),
                Step::Resend { delay_us } => queue.resend(|parcel, out| {
                    out(Parcel { at: parcel.at + Duration::from_micros(delay_us), ..parcel });
                }),
                Step::Deliver { limit } => prop_assert_eq!(deliver(&mut queue, now, limit, &mut got), None),
            }
            prop_assert!(sent.starts_with(&got), "delivered bytes are a prefix of what was sent");
        }
        let offset = queue.arrived(0);
        queue.push(Parcel::end(now, offset, End::Fin), &[]);
        prop_assert_eq!(deliver(&mut queue, Moment::NEVER, 700, &mut got), Some(End::Fin));
        prop_assert_eq!(got, sent);
    }

    #[test]
    fn sending_again_shrinks_in_order_and_keeps_the_new_delay(
        chunks in prop::collection::vec((0..2000_u64, 0..5000_u64, 0..5000_u64), 1..60)
    ) {
        let mut queue = Queue::new();
        let mut now = Moment(0);
        let mut before = Vec::new();
        for &(gap_us, delay_us, _) in &chunks {
            now = now + Duration::from_micros(gap_us);
            push(&mut queue, now.0, now.0 + delay_us * 1_000, &[0]);
            before.push((now, queue.last_due().unwrap()));
        }
        let anew = |offset: u64| Duration::from_micros(chunks[usize::try_from(offset).unwrap()].2);
        queue.resend(|parcel, out| out(Parcel { at: parcel.at + anew(parcel.offset), ..parcel }));
        let mut ahead = Moment(0);
        for (item, (arrival, due)) in queue.items.iter().zip(before) {
            prop_assert!(item.due <= due);
            prop_assert!(item.due >= ahead);
            prop_assert!(item.due >= (arrival + anew(item.offset)).min(due));
            ahead = item.due;
        }
    }
}
