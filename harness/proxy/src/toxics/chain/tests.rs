use serde_json::{Value, json};
use shakedown_model::Seed;

use super::*;
use crate::queue::{Front, Queue};

const MS: u64 = 1_000_000;

/// The toxics of a proxy, all downstream, named by their place.
fn set(toxics: &[Value]) -> ToxicSet {
    let mut set = ToxicSet::default();
    for (n, toxic) in toxics.iter().enumerate() {
        let mut toxic = toxic.clone();
        toxic["name"] = json!(n.to_string());
        set = set.adding(toxic.to_string().as_bytes(), Moment(0)).unwrap().0;
    }
    set
}

fn toxic(kind: &str, attributes: &Value) -> Value {
    json!({"type": kind, "attributes": attributes})
}

fn latency(ms: u64) -> Value {
    toxic("latency", &json!({ "latency": ms }))
}

fn bandwidth(rate: u64) -> Value {
    toxic("bandwidth", &json!({ "rate": rate }))
}

/// A direction without sockets: its chain and its queue.
struct Line {
    set: ToxicSet,
    chain: Chain,
    queue: Queue,
    sent: u64,
}

impl Line {
    fn new(toxics: &[Value]) -> Self {
        let mut line =
            Self { set: ToxicSet::default(), chain: Chain::default(), queue: Queue::new(), sent: 0 };
        line.change(set(toxics), 0);
        line
    }

    /// Goes over to other toxics at `now` ms.
    fn change(&mut self, set: ToxicSet, now: u64) {
        self.set = set;
        let place = Place { seed: Seed(1), stream: Stream::Down, began: Moment(0) };
        self.chain.adopt(&self.set, self.set.mask(Seed(1), Moment::START), place);
        let now = Moment(now * MS);
        let until = self.queue.last_due().unwrap_or(now);
        let waiting = Waiting { now, until, bytes: self.queue.waiting() as u64 };
        let (set, queue) = (&self.set, &mut self.queue);
        self.chain.resend(set, waiting, |chain| queue.resend(|parcel, out| chain.send(set, parcel, out)));
    }

    /// Bytes arrive at `now` ms; their values count up over the stream.
    fn arrive(&mut self, now: u64, len: usize) {
        let bytes: Vec<u8> =
            (self.sent..self.sent + len as u64).map(|n| u8::try_from(n % 251).unwrap()).collect();
        self.sent += len as u64;
        let offset = self.queue.arrived(len);
        self.send(Parcel::bytes(Moment(now * MS), offset, len), &bytes);
    }

    fn end(&mut self, now: u64, end: End) {
        let offset = self.queue.arrived(0);
        self.send(Parcel::end(Moment(now * MS), offset, end), &[]);
    }

    fn send(&mut self, parcel: Parcel, bytes: &[u8]) {
        let (mut taken, queue) = (0, &mut self.queue);
        self.chain.send(&self.set, parcel, &mut |piece| {
            let from = taken;
            if let Load::Bytes(len) = piece.load {
                taken += len;
            }
            queue.push(Parcel { since: parcel.since, ..piece }, &bytes[from..taken]);
        });
    }

    /// What is delivered by `now` ms, with the end if that is.
    fn deliver(&mut self, now: u64) -> (Vec<u8>, Option<End>) {
        let mut out = Vec::new();
        loop {
            let taken = match self.queue.due_front(Moment(now * MS)) {
                None => return (out, None),
                Some(Front::End(end)) => return (out, Some(end)),
                Some(Front::Bytes(bytes)) => {
                    out.extend_from_slice(bytes);
                    bytes.len()
                }
            };
            self.queue.delivered(taken);
        }
    }

    /// How many bytes are delivered by `now` ms.
    fn delivered(&mut self, now: u64) -> usize {
        self.deliver(now).0.len()
    }

    /// When all that waits is due, in ms.
    fn last(&self) -> u64 {
        self.queue.last_due().map_or(0, |due| due.0 / MS)
    }
}

#[test]
fn a_burst_is_delayed_from_each_arrival_and_not_in_series() {
    let mut line = Line::new(&[latency(50)]);
    for now in 0..100 {
        line.arrive(now, 1);
        assert_eq!(line.last(), now + 50);
    }
    assert_eq!(line.delivered(149), 100);
}

#[test]
fn latencies_add_up_and_a_chunk_never_overtakes() {
    let mut line = Line::new(&[latency(50), latency(30)]);
    line.arrive(0, 1);
    assert_eq!(line.last(), 80);
    line.change(set(&[latency(5)]), 1);
    line.arrive(2, 1);
    assert_eq!(line.delivered(6), 1, "the shorter latency counts for what waits, too");
    assert_eq!(line.delivered(7), 1);
}

#[test]
fn the_order_of_toxics_counts() {
    let mut behind = Line::new(&[latency(100), bandwidth(1)]);
    behind.arrive(0, 100);
    assert_eq!(behind.last(), 200, "the line begins when the latency is over");
    let mut ahead = Line::new(&[bandwidth(1), latency(100)]);
    ahead.arrive(0, 100);
    assert_eq!(ahead.last(), 100, "the latency counts from the arrival, as in Toxiproxy");
    let mut limited =
        Line::new(&[toxic("limit_data", &json!({"bytes": 10})), toxic("slow_close", &json!({"delay": 70}))]);
    limited.arrive(0, 20);
    assert_eq!(limited.deliver(69), ((0..10).collect(), None), "what is behind the limit delays its close");
    assert_eq!(limited.deliver(70).1, Some(End::Close));
}

#[test]
fn a_line_is_busy_until_what_it_carries_has_left() {
    let mut line = Line::new(&[bandwidth(10)]);
    line.arrive(0, 500);
    line.arrive(10, 500);
    assert_eq!(line.delivered(49), 0, "a chunk leaves with its last byte");
    assert_eq!((line.delivered(50), line.delivered(100)), (500, 500));
    line.arrive(1_000, 10);
    assert_eq!(line.last(), 1_001, "an idle line saves nothing up");
    line.arrive(2_000, 2_500);
    assert_eq!((line.delivered(2_100), line.delivered(2_200), line.delivered(2_250)), (1_010, 1_000, 500));
}

#[test]
fn a_changed_rate_counts_for_what_waits() {
    let mut line = Line::new(&[bandwidth(1)]);
    line.arrive(0, 1_000);
    assert_eq!(line.delivered(500), 500);
    line.change(set(&[bandwidth(10)]), 500);
    assert_eq!(line.last(), 550);
    line.change(set(&[bandwidth(1)]), 510);
    assert_eq!(line.last(), 550, "a slower line spares what is under way");
    line.change(set(&[]), 520);
    assert_eq!(line.delivered(520), 500, "and no line lets it all go");
}

#[test]
fn a_rate_of_zero_holds_and_loses_nothing() {
    let mut line = Line::new(&[bandwidth(0)]);
    line.arrive(0, 100);
    line.end(1, End::Fin);
    assert_eq!(line.deliver(1_000_000), (vec![], None));
    line.change(set(&[bandwidth(1)]), 2_000);
    assert_eq!(line.deliver(2_100), ((0..100).collect(), Some(End::Fin)));
}

#[test]
fn another_toxic_leaves_the_line_as_it_was() {
    let mut line = Line::new(&[bandwidth(1)]);
    line.arrive(0, 1_000);
    let more = line.set.adding(br#"{"type":"latency","attributes":{"latency":1}}"#, Moment(0)).unwrap().0;
    line.change(more, 300);
    assert_eq!(line.last(), 1_000);
    line.arrive(400, 100);
    assert_eq!(line.last(), 1_100, "the change has made the line no busier");
}

#[test]
fn a_new_line_spares_what_is_under_way_and_carries_what_comes() {
    let mut line = Line::new(&[latency(100)]);
    line.arrive(0, 1_000);
    let more = line.set.adding(br#"{"type":"bandwidth","attributes":{"rate":1}}"#, Moment(0)).unwrap().0;
    line.change(more, 50);
    assert_eq!(line.last(), 100);
    line.arrive(60, 50);
    assert_eq!(line.last(), 210);
}

#[test]
fn a_limit_counts_on_over_changes() {
    let limit = |bytes: u64| toxic("limit_data", &json!({ "bytes": bytes }));
    let mut line = Line::new(&[latency(10), limit(100)]);
    line.arrive(0, 60);
    let faster = line.set.updating("0", br#"{"attributes":{"latency":5}}"#, Moment(0)).unwrap();
    line.change(faster, 1);
    line.arrive(2, 60);
    assert_eq!(line.deliver(12), ((0..100).collect(), Some(End::Close)), "what waited is counted once");
    assert!(line.chain.is_spent(&line.set));
    line.arrive(20, 60);
    assert_eq!(line.delivered(1_000), 0);
}

#[test]
fn a_limit_that_comes_later_counts_what_waits() {
    let mut line = Line::new(&[latency(50)]);
    line.arrive(0, 60);
    line.arrive(1, 60);
    line.end(2, End::Fin);
    let limited =
        line.set.adding(br#"{"type":"limit_data","attributes":{"bytes":70}}"#, Moment(0)).unwrap().0;
    line.change(limited, 10);
    assert_eq!(line.deliver(60), ((0..70).collect(), Some(End::Close)));
}

#[test]
fn a_timeout_drops_bytes_lets_ends_pass_and_is_put_off_by_bytes() {
    let mut line = Line::new(&[latency(20)]);
    line.arrive(0, 10);
    let dropping =
        line.set.adding(br#"{"type":"timeout","attributes":{"timeout":100}}"#, Moment(5 * MS)).unwrap().0;
    line.change(dropping, 5);
    assert_eq!(line.delivered(1_000), 0, "what waited is dropped, too");
    assert_eq!(line.chain.closes_at(&line.set), Moment(105 * MS));
    line.arrive(50, 10);
    assert_eq!(
        line.chain.closes_at(&line.set),
        Moment(170 * MS),
        "bytes come out of the latency after 70 ms"
    );
    line.end(80, End::Fin);
    assert_eq!(line.deliver(100), (vec![], Some(End::Fin)));
    let never = line.set.updating("timeout_downstream", br#"{"attributes":{"timeout":0}}"#, Moment(90 * MS));
    line.change(never.unwrap(), 90);
    assert_eq!(line.chain.closes_at(&line.set), Moment::NEVER);
}

#[test]
fn a_line_that_carries_nothing_does_not_put_a_timeout_off() {
    let mut line = Line::new(&[bandwidth(0), toxic("timeout", &json!({"timeout": 100}))]);
    line.arrive(50, 10);
    assert_eq!(line.chain.closes_at(&line.set), Moment(100 * MS));
}

#[test]
fn slices_have_their_own_jitter_and_keep_their_order() {
    let slicer = toxic("slicer", &json!({"average_size": 10, "size_variation": 4, "delay": 100}));
    let mut line = Line::new(&[slicer, toxic("latency", &json!({"latency": 50, "jitter": 50}))]);
    assert_eq!(line.chain.read_limit(&line.set), 20_480);
    line.arrive(0, 200);
    let mut got = Vec::new();
    let mut steps = 0;
    for now in 0..200 {
        let (bytes, _) = line.deliver(now);
        steps += usize::from(!bytes.is_empty());
        got.extend(bytes);
    }
    assert_eq!(got, (0..200).collect::<Vec<u8>>());
    assert!(steps > 2, "jitter is drawn for each slice: {steps}");
}

#[test]
fn what_waits_for_its_slices_goes_at_once_without_the_slicer() {
    let mut line = Line::new(&[toxic("slicer", &json!({"average_size": 1, "delay": 10_000}))]);
    line.arrive(0, 100);
    assert_eq!(line.delivered(95), 10);
    line.change(set(&[]), 100);
    assert_eq!(line.delivered(100), 90);
}

#[test]
fn another_toxic_leaves_slices_apart() {
    let mut line = Line::new(&[toxic("slicer", &json!({"average_size": 1, "delay": 10_000}))]);
    line.arrive(0, 100);
    assert_eq!(line.delivered(495), 50);
    let more = line.set.adding(br#"{"type":"slow_close"}"#, Moment(0)).unwrap().0;
    line.change(more, 495);
    assert_eq!((line.delivered(496), line.delivered(600)), (1, 10), "one of them goes a little early");
    assert!(line.last() <= 990);
}

#[test]
fn toxics_that_touch_the_whole_connection_cost_no_chain() {
    let line = Line::new(&[
        toxic("noop", &json!({})),
        toxic("reset_peer", &json!({})),
        toxic("blackhole", &json!({})),
    ]);
    assert!(line.chain.is_empty());
    assert_eq!(line.chain.closes_at(&line.set), Moment::NEVER);
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    fn any_toxic() -> impl Strategy<Value = Value> {
        prop_oneof![
            (0..50_u64, 0..50_u64).prop_map(|(latency, jitter)| toxic(
                "latency",
                &json!({"latency": latency, "jitter": jitter, "distribution": "normal"})
            )),
            (0..200_u64).prop_map(bandwidth),
            (0..300_u64, 0..100_u64, 0..2_000_u64).prop_map(|(size, vary, delay)| toxic(
                "slicer",
                &json!({"average_size": size, "size_variation": vary, "delay": delay})
            )),
            (0..80_u64).prop_map(|delay| toxic("slow_close", &json!({ "delay": delay }))),
        ]
    }

    #[derive(Debug, Clone)]
    enum Step {
        Arrive(usize),
        Wait(u64),
        Change(Vec<Value>),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (1..3_000_usize).prop_map(Step::Arrive),
            3 => (0..40_u64).prop_map(Step::Wait),
            1 => prop::collection::vec(any_toxic(), 0..4).prop_map(Step::Change),
        ]
    }

    proptest! {
        #[test]
        fn whatever_the_chain_bytes_stay_whole_and_in_order(
            toxics in prop::collection::vec(any_toxic(), 0..4),
            steps in prop::collection::vec(step(), 1..60),
        ) {
            let mut line = Line::new(&toxics);
            let (mut now, mut got) = (0, Vec::new());
            for step in steps {
                match step {
                    Step::Arrive(len) => line.arrive(now, len),
                    Step::Wait(ms) => now += ms,
                    Step::Change(toxics) => {
                        let before = line.queue.last_due();
                        line.change(set(&toxics), now);
                        prop_assert!(line.queue.last_due() <= before, "nothing under way becomes later");
                    }
                }
                got.extend(line.deliver(now).0);
            }
            line.end(now, End::Fin);
            line.change(set(&[]), now);
            let (rest, end) = line.deliver(now + 1_000_000);
            got.extend(rest);
            prop_assert_eq!(end, Some(End::Fin));
            let sent: Vec<u8> = (0..line.sent).map(|n| u8::try_from(n % 251).unwrap()).collect();
            prop_assert!(got == sent, "{} of {} bytes", got.len(), sent.len());
        }

        #[test]
        fn a_limit_delivers_exactly_its_bytes(
            toxics in prop::collection::vec(any_toxic(), 0..3),
            limit in 0..4_000_u64,
            chunks in prop::collection::vec(1..1_500_usize, 1..10),
        ) {
            let mut line = Line::new(&[&toxics[..], &[toxic("limit_data", &json!({"bytes": limit}))]].concat());
            chunks.iter().for_each(|len| line.arrive(0, *len));
            line.change(set(&[]), 0);
            let (got, end) = line.deliver(1_000_000);
            let sent: usize = chunks.iter().sum();
            let limit = usize::try_from(limit).unwrap();
            prop_assert_eq!(got.len(), sent.min(limit));
            prop_assert_eq!(end, (sent >= limit && limit > 0).then_some(End::Close));
        }
    }
}
