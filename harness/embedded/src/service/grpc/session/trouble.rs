//! What befalls a live connection when its node is told so.

use shakedown_http2::{ErrorCode, StreamId};
use shakedown_model::fault::StreamTrouble;

use super::super::wire::{Sink, with_push};
use super::{Session, Turn};

impl Session {
    /// Does to the connection what is done at the onset, or takes it back at the end.
    pub(in crate::service::grpc) fn suffer(&self, what: StreamTrouble, begins: bool) {
        match what {
            StreamTrouble::GoAway if begins => {
                let words = "told to say goodbye";
                self.say(|turn, out| turn.wire.http2.go_away(ErrorCode::NO_ERROR, words, out));
            }
            StreamTrouble::RstStream if begins => self.reset_stream(),
            StreamTrouble::StalledWindow => {
                self.is_stalled.set(begins);
                // What waits leaves in the next turn.
                self.wake();
            }
            StreamTrouble::GoAway | StreamTrouble::RstStream | StreamTrouble::SwallowedAck => {}
        }
    }

    /// Whether it has a stream of pushes.
    pub(in crate::service::grpc) fn is_registered(&self) -> bool {
        self.pushes_on().is_some()
    }

    fn reset_stream(&self) {
        let Some(stream) = self.pushes_on() else { return };
        self.say(|turn, out| {
            turn.wire.http2.reset(stream, ErrorCode::INTERNAL_ERROR, out);
            turn.streams.remove(stream);
        });
        self.outbox.borrow_mut().detach(stream);
    }

    fn pushes_on(&self) -> Option<StreamId> {
        self.outbox.borrow().stream()
    }

    /// Writes frames straight to the socket. An order from outside may come in during the connection's own turn, when it
    /// makes its node empty the mailbox: then it is too late for this connection.
    fn say(&self, words: impl FnOnce(&mut Turn, &mut Vec<u8>)) {
        let Ok(mut turn) = self.turn.try_borrow_mut() else { return };
        with_push(|Sink { out, .. }| {
            words(&mut turn, out);
            if turn.wire.write_now(out) {
                self.wake();
            }
        });
    }
}
