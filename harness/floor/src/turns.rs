//! Who sends how many bytes when. Messages that one side sends without waiting leave in one write.

use shakedown_model::floor::{Chain, FloorShape};

/// The bytes around a content, and those of the other messages, as Nacos' have them on the wire (measured with a user
/// agent of usual length; a floor does not hang on them).
mod bytes {
    pub(super) const ENVELOPE: u32 = 250;
    pub(super) const NOTIFY: u32 = 190;
    pub(super) const ACK: u32 = 100;
    pub(super) const LIST: u32 = 260;
    pub(super) const LISTED: u32 = 200;
    pub(super) const QUERY: u32 = 230;
}

/// What a side does next on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Sends so many bytes.
    Send(u32),
    /// Waits until so many bytes came.
    Receive(u32),
}

/// The turns of the server's side.
pub(crate) fn of_server(shape: FloorShape) -> Vec<Turn> {
    let content = Turn::Send(shape.payload_bytes.saturating_add(bytes::ENVELOPE));
    match shape.chain {
        Chain::OneMessage => vec![content],
        Chain::LongPoll => vec![Turn::Send(bytes::LISTED), Turn::Receive(bytes::QUERY), content],
        Chain::GrpcPush => vec![
            Turn::Send(bytes::NOTIFY),
            Turn::Receive(bytes::ACK + bytes::LIST),
            Turn::Send(bytes::LISTED),
            Turn::Receive(bytes::QUERY),
            content,
        ],
    }
}

/// The turns of the watchers' side: the same, seen from there.
pub(crate) fn of_watchers(shape: FloorShape) -> Vec<Turn> {
    let seen = |turn| match turn {
        Turn::Send(bytes) => Turn::Receive(bytes),
        Turn::Receive(bytes) => Turn::Send(bytes),
    };
    of_server(shape).into_iter().map(seen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chain_begins_and_ends_at_the_server_with_the_content_last() {
        for chain in [Chain::OneMessage, Chain::LongPoll, Chain::GrpcPush] {
            let shape = FloorShape { chain, connections: 1, payload_bytes: 1_000 };
            let turns = of_server(shape);
            assert!(matches!(turns[0], Turn::Send(_)), "{chain}");
            assert_eq!(turns.last(), Some(&Turn::Send(1_250)), "{chain}");
            let back = of_watchers(shape);
            assert_eq!(turns.len(), back.len());
            let merged = u32::from(chain == Chain::GrpcPush);
            assert_eq!(
                u32::try_from(turns.len()).unwrap() + merged,
                chain.messages(),
                "ack and list in one write"
            );
            assert!(turns.iter().zip(&back).all(|(a, b)| matches!(
                (a, b),
                (Turn::Send(x), Turn::Receive(y)) | (Turn::Receive(x), Turn::Send(y)) if x == y
            )));
        }
    }
}
