//! Requests and frames that fall in any pieces, with and without toxics.

mod http1;
mod http2;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// A follower between two ends that keep what they were given.
pub(super) struct Wire {
    pub(super) follower: Follower,
    pub(super) got: [Vec<u8>; 2],
    pub(super) is_closed: bool,
    set: Arc<ToxicSet>,
    pub(super) now: Moment,
}

impl Wire {
    pub(super) fn new() -> Self {
        Self {
            follower: Follower::new(),
            got: Default::default(),
            is_closed: false,
            set: Arc::default(),
            now: Moment(1_000_000_000),
        }
    }

    /// Adds a toxic; it touches a connection that began before.
    pub(super) fn toxic(&mut self, kind: &str, attributes: &Value) {
        let body = json!({"name": kind, "type": kind, "attributes": attributes}).to_string();
        let (set, _) = self.set.adding(body.as_bytes(), self.now).unwrap();
        self.adopt(set);
    }

    pub(super) fn heal(&mut self, kind: &str) {
        let set = self.set.removing(kind).unwrap();
        self.adopt(set);
    }

    fn adopt(&mut self, set: ToxicSet) {
        self.set = Arc::new(set);
        let mask = self.set.mask(Seed(3), Moment::START);
        self.follower.adopt(&self.set, mask, Seed(3));
        self.drain();
    }

    /// How often a toxic acted, and could have.
    pub(super) fn counts(&self, kind: &str) -> (u64, u64) {
        let view = serde_json::to_value(self.set.view(kind).unwrap()).unwrap();
        (view["acted"].as_u64().unwrap(), view["of"].as_u64().unwrap())
    }

    pub(super) fn up(&mut self, bytes: &[u8]) {
        self.say(Stream::Up, bytes);
    }

    pub(super) fn down(&mut self, bytes: &[u8]) {
        self.say(Stream::Down, bytes);
    }

    fn say(&mut self, stream: Stream, bytes: &[u8]) {
        self.follower.read(stream, bytes, self.now);
        self.drain();
    }

    /// Takes what is due by now, in order.
    pub(super) fn drain(&mut self) {
        self.follower.tick(self.now);
        for stream in Stream::BOTH {
            for piece in self.follower.take(stream) {
                match piece {
                    Piece::Bytes(_, bytes) => self.got[stream.index()].extend(bytes),
                    Piece::Close => self.is_closed = true,
                }
            }
        }
    }

    pub(super) fn end(&mut self, stream: Stream) -> bool {
        let passes = self.follower.ended(stream, End::Fin, self.now);
        self.drain();
        passes
    }

    pub(super) fn took(&mut self, stream: Stream) -> Vec<u8> {
        std::mem::take(&mut self.got[stream.index()])
    }
}

/// Says it all in pieces of these sizes, over and over.
pub(super) fn in_pieces(bytes: &[u8], sizes: &[usize], mut say: impl FnMut(&[u8])) {
    let (mut rest, mut sizes) = (bytes, sizes.iter().cycle());
    while !rest.is_empty() {
        let (some, behind) = rest.split_at((*sizes.next().unwrap()).clamp(1, rest.len()));
        say(some);
        rest = behind;
    }
}

proptest! {
    /// Whatever is said, in whatever pieces, passes whole where no toxic is, HTTP or not.
    #[test]
    fn anything_passes_untouched(
        up in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..400),
            proptest::collection::vec(any::<u8>(), 0..300).prop_map(|rest| [&PREFACE[..], &rest].concat()),
            proptest::collection::vec(any::<u8>(), 0..300).prop_map(|rest| [&b"POST /x HTTP/1.1\r\ncontent-length: 9\r\n\r\n"[..], &rest].concat()),
            proptest::collection::vec(any::<u8>(), 0..300).prop_map(|rest| [&b"POST /x HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n"[..], &rest].concat()),
        ],
        down in proptest::collection::vec(any::<u8>(), 0..400),
        sizes in proptest::collection::vec(1_usize..40, 1..6),
    ) {
        let mut wire = Wire::new();
        in_pieces(&up, &sizes, |some| wire.up(some));
        in_pieces(&down, &sizes, |some| wire.down(some));
        // What is no whole frame yet comes with the end.
        wire.follower.lose();
        wire.drain();
        prop_assert_eq!(wire.took(Stream::Up), up);
        prop_assert_eq!(wire.took(Stream::Down), down);
    }
}
