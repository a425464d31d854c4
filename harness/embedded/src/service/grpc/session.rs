//! One connection: its turns, in which its task reads and answers, and the pushes in between.
//!
//! Whatever one read brings is handled in the same turn, and all that comes of it leaves by one write. What the core wants
//! pushed is written at once, whoever's turn it is; only on the connection whose own turn it is, it waits for its end.

mod trouble;

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::FutureExt as _;
use shakedown_http2::{ErrorCode, Event, Fields, StreamId};
use shakedown_nacos::grpc::frame::{self, Decoder, FrameError};
use shakedown_nacos::grpc::message::{ConnectionSetupRequest, FromClient};
use shakedown_nacos::grpc::payload::{Payload, STREAM_PATH, UNARY_PATH};
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio::time::{Instant, Sleep, sleep_until};

use super::bad;
use super::link::{Link, Sent};
use super::outbox::Outbox;
use super::status::{DONE, HEAD, Refusal};
use super::streams::{State, Streams};
use super::unary::{self, Answer};
use super::wire::{ENOUGH_UNSENT, Read, Sink, Wire, with_push, with_turn};
use crate::core::{Caller, ClientInfo, ConnectionId};
use crate::service::node::Node;

/// A connection that does not begin to speak HTTP/2 within this is closed.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a unary request may take to arrive.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Calls that tasks of their own answer, beyond which more are refused. A client may give calls up and begin others, and a
/// link that heals hands over a burst of calls whose time is long up, which is no attack.
const MAX_ANSWERING: usize = 1024;

/// The label of a connection that holds the client's tag: labels of the application have this beginning.
const TAG_LABEL: &str = "app_Vipserver-Tag";

/// A connection.
#[derive(Debug)]
pub(super) struct Session {
    /// Borrowed for the whole of a turn.
    turn: RefCell<Turn>,
    outbox: RefCell<Outbox>,
    /// What tasks of their own have answered since the last turn.
    answers: RefCell<Vec<(StreamId, Payload)>>,
    waker: RefCell<Option<Waker>>,
    is_closed: Cell<bool>,
    /// No DATA frame leaves.
    is_stalled: Cell<bool>,
}

/// What a connection's task works on.
#[derive(Debug)]
struct Turn {
    wire: Wire,
    streams: Streams,
    peer: SocketAddr,
    /// Known to the core once the client has begun to speak HTTP/2.
    connection: Option<ConnectionId>,
    /// How many calls tasks of their own answer.
    answering: usize,
    opened: Instant,
    /// Runs only while something is owed by the client.
    timer: Option<Pin<Box<Sleep>>>,
}

/// Where a turn is taken.
#[derive(Clone, Copy)]
struct Place<'a> {
    node: &'a Rc<Node>,
    session: &'a Rc<Session>,
}

impl Session {
    pub(super) fn new(socket: TcpStream, peer: SocketAddr) -> Rc<Self> {
        let turn = Turn {
            wire: Wire::new(socket),
            streams: Streams::default(),
            peer,
            connection: None,
            answering: 0,
            opened: Instant::now(),
            timer: None,
        };
        Rc::new(Self {
            turn: RefCell::new(turn),
            outbox: RefCell::default(),
            answers: RefCell::default(),
            waker: RefCell::default(),
            is_closed: Cell::new(false),
            is_stalled: Cell::new(false),
        })
    }

    /// Takes turns until the connection has ended.
    pub(super) fn poll(self: &Rc<Self>, node: &Rc<Node>, cx: &mut Context<'_>) -> Poll<()> {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|own| own.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        drop(waker);
        let at = Place { node, session: self };
        with_turn(|input, sink| self.turn.borrow_mut().take(at, cx, input, sink))
    }

    /// Takes it from the node; the socket closes with it.
    pub(super) fn end(&self, node: &Node) {
        if let Some(connection) = self.turn.borrow().connection {
            node.end_connection(connection);
        }
    }

    pub(super) fn close(&self) {
        self.is_closed.set(true);
        self.wake();
    }

    /// Sends a payload on the connection's stream, straight to the socket unless something waits before it.
    pub(super) fn push(&self, payload: &Payload) -> Sent {
        let mut outbox = self.outbox.borrow_mut();
        let Some(stream) = outbox.stream() else { return Sent::Gone };
        if outbox.is_busy() {
            return Sent::Busy;
        }
        with_push(|Sink { out, message }| {
            // A name too long for a message cannot be told; it is as if the stream had broken at it.
            if frame::encode_into(payload, message).is_err() {
                return Sent::Gone;
            }
            let Ok(mut turn) = self.turn.try_borrow_mut() else {
                // It leaves at the end of the turn in which the core wanted it.
                outbox.push(message);
                return Sent::Taken;
            };
            if !outbox.is_empty() || turn.wire.unsent() > 0 || self.is_stalled.get() {
                // What waits for the client's room or for the socket goes first.
                outbox.push(message);
                return Sent::Taken;
            }
            let Ok(taken) = turn.wire.http2.send_data(stream, message, false, out) else {
                outbox.detach(stream);
                return Sent::Gone;
            };
            if taken < message.len() {
                outbox.push(&message[taken..]);
            }
            if turn.wire.write_now(out) {
                self.wake();
            }
            Sent::Taken
        })
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

impl Turn {
    fn take(&mut self, at: Place<'_>, cx: &mut Context<'_>, input: &mut [u8], sink: &mut Sink) -> Poll<()> {
        loop {
            if at.session.is_closed.get() {
                return Poll::Ready(());
            }
            let read = self.wire.read(cx, input);
            let received = match read {
                Read::Bytes(bytes) => self.receive(at, &input[..bytes], sink),
                Read::Nothing | Read::HeldBack => Ok(()),
                Read::Ended => return Poll::Ready(()),
            };
            if let Err(error) = received {
                tracing::debug!(peer = %self.peer, %error, "closing a connection");
                // The client is told why, if its socket takes it.
                self.wire.write(cx, &mut sink.out);
                return Poll::Ready(());
            }
            self.send(at, cx, sink);
            if self.wire.is_over() {
                return Poll::Ready(());
            }
            match read {
                Read::Bytes(_) => {}
                Read::HeldBack if !self.wire.is_held_back() => {}
                _ if at.session.is_closed.get() => return Poll::Ready(()),
                _ => return self.wait(cx, sink),
            }
        }
    }

    /// Waits for what the client owes: its preface, the rest of its requests. Usually it owes nothing.
    fn wait(&mut self, cx: &mut Context<'_>, sink: &mut Sink) -> Poll<()> {
        loop {
            let is_begun = self.wire.http2.has_settings();
            let due = if is_begun {
                self.streams.first_due(|| Instant::now() + REQUEST_TIMEOUT)
            } else {
                Some(self.opened + HANDSHAKE_TIMEOUT)
            };
            let Some(due) = due else {
                self.timer = None;
                return Poll::Pending;
            };
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
            if timer.deadline() != due {
                timer.as_mut().reset(due);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if !is_begun {
                return Poll::Ready(());
            }
            let (streams, http2) = (&mut self.streams, &mut self.wire.http2);
            streams.remove_overdue(Instant::now(), |id| http2.reset(id, ErrorCode::CANCEL, &mut sink.out));
            self.wire.write(cx, &mut sink.out);
        }
    }

    fn receive(
        &mut self,
        at: Place<'_>,
        mut input: &[u8],
        sink: &mut Sink,
    ) -> Result<(), shakedown_http2::Error> {
        while let Some(event) = self.wire.http2.next_event(&mut input, &mut sink.out)? {
            match event {
                Event::Head { stream, fields, ends } => {
                    self.on_head(at, stream, &fields, sink);
                    if ends {
                        self.on_content(at, stream, true, sink);
                    }
                }
                Event::Data { stream, bytes, ends } => {
                    let room = bytes.len();
                    if let Some(State::Request { decoder, .. } | State::Pushes { decoder }) =
                        self.streams.get(stream)
                    {
                        decoder.push(bytes);
                    }
                    // A message's own limit bounds what is held of it.
                    self.wire.http2.release(stream, room, &mut sink.out);
                    self.on_content(at, stream, ends, sink);
                }
                Event::Trailers { stream, .. } => self.on_content(at, stream, true, sink),
                Event::Reset { stream, .. } => {
                    self.streams.remove(stream);
                    at.session.outbox.borrow_mut().detach(stream);
                }
                Event::GoAway { .. } => {}
            }
        }
        if self.wire.http2.has_settings() {
            self.open(at);
        }
        Ok(())
    }

    /// Makes the connection known to the core.
    fn open(&mut self, at: Place<'_>) -> ConnectionId {
        *self.connection.get_or_insert_with(|| {
            let connection = at.node.input(|core, now| core.open(now, self.peer));
            at.node.add_link(connection, Link::new(Rc::clone(at.session)));
            connection
        })
    }

    fn on_head(&mut self, at: Place<'_>, id: StreamId, head: &Fields, sink: &mut Sink) {
        self.open(at);
        let path = head.text(":path").filter(|_| head.text(":method") == Some("POST"));
        match path {
            Some(UNARY_PATH) => {
                self.streams.add(id, State::Request { decoder: Decoder::default(), until: None });
            }
            Some(STREAM_PATH) if self.wire.http2.send_fields(id, &HEAD, false, &mut sink.out).is_ok() => {
                self.streams.add(id, State::Pushes { decoder: Decoder::default() });
            }
            _ => {
                self.streams.add(id, State::Answered);
                self.refuse(id, &Refusal::no_such_method(), sink);
            }
        }
    }

    /// Handles the messages that have come whole on a stream, and its end.
    fn on_content(&mut self, at: Place<'_>, id: StreamId, ends: bool, sink: &mut Sink) {
        match self.streams.get(id) {
            Some(State::Request { decoder, .. }) => match decoder.next_payload() {
                Ok(Some(request)) => self.call(at, id, &request, sink),
                Ok(None) if !ends => {}
                Ok(None) => {
                    let refusal = decoder.finish().map_or_else(Refusal::from, |()| Refusal::no_request());
                    self.refuse(id, &refusal, sink);
                }
                Err(error) => self.refuse(id, &error.into(), sink),
            },
            Some(State::Pushes { .. }) => match self.take_answers(at, id, ends) {
                Ok(()) if !ends => {}
                Ok(()) => {
                    at.session.outbox.borrow_mut().detach(id);
                    self.finish(id, &DONE, sink);
                }
                Err(error) => {
                    at.session.outbox.borrow_mut().detach(id);
                    self.finish_refused(id, &error.into(), sink);
                }
            },
            Some(State::Answering | State::Answer { .. } | State::Answered) | None => {}
        }
    }

    /// Takes what a client says on the bidirectional stream: the first setup makes it the connection's, everything after it
    /// is an answer to a push.
    fn take_answers(&mut self, at: Place<'_>, id: StreamId, ends: bool) -> Result<(), FrameError> {
        let Some(State::Pushes { decoder }) = self.streams.get(id) else { return Ok(()) };
        let Some(connection) = self.connection else { return Ok(()) };
        while let Some(payload) = decoder.next_payload()? {
            take_answer(at, connection, id, &payload);
        }
        if ends { decoder.finish() } else { Ok(()) }
    }

    fn call(&mut self, at: Place<'_>, id: StreamId, request: &Payload, sink: &mut Sink) {
        let Some(connection) = self.connection else { return };
        if self.answering >= MAX_ANSWERING {
            return self.refuse(id, &Refusal::too_many(), sink);
        }
        let right = || unary::answer(at.node, connection, request);
        let bad = bad::kind(request).and_then(|kind| at.node.bad_answer(kind));
        let mut answer = match bad.map_or_else(right, |bad| bad::answer(bad, right)) {
            Answer::Now(answer) => return self.answer(at, id, &answer, sink),
            Answer::Later(answer) => answer,
            Answer::Broken => return self.break_off(id, sink),
        };
        // It waits only for a dump, and usually for none.
        if let Some(answer) = answer.as_mut().now_or_never() {
            return self.answer(at, id, &answer, sink);
        }
        self.answering += 1;
        if let Some(state) = self.streams.get(id) {
            *state = State::Answering;
        }
        // What was begun is done, whether or not the client is still there.
        let session = Rc::downgrade(at.session);
        spawn_local(async move {
            let answer = answer.await;
            if let Some(session) = session.upgrade() {
                session.answers.borrow_mut().push((id, answer));
                session.wake();
            }
        });
    }

    /// Answers a call, with as much as the client has room for.
    fn answer(&mut self, at: Place<'_>, id: StreamId, answer: &Payload, sink: &mut Sink) {
        let Some(state) = self.streams.get(id) else { return };
        sink.message.clear();
        if let Err(error) = frame::encode_into(answer, &mut sink.message) {
            return self.refuse(id, &error.into(), sink);
        }
        let http2 = &mut self.wire.http2;
        let is_stalled = at.session.is_stalled.get();
        let sent = http2.send_fields(id, &HEAD, false, &mut sink.out).and_then(|()| {
            if is_stalled { Ok(0) } else { http2.send_data(id, &sink.message, false, &mut sink.out) }
        });
        match sent {
            Ok(taken) if taken < sink.message.len() => {
                *state = State::Answer { rest: sink.message.split_off(taken).into() };
            }
            Ok(_) => self.finish(id, &DONE, sink),
            // Its end has come or will.
            Err(_) => *state = State::Answered,
        }
    }

    /// Resets a call's stream in the middle of its answer.
    fn break_off(&mut self, id: StreamId, sink: &mut Sink) {
        self.wire.http2.reset(id, ErrorCode::INTERNAL_ERROR, &mut sink.out);
        self.streams.remove(id);
    }

    /// Ends a call without an answer.
    fn refuse(&mut self, id: StreamId, refusal: &Refusal, sink: &mut Sink) {
        // Should the stream have ended, nobody waits for it.
        self.wire.http2.send_fields(id, &HEAD, false, &mut sink.out).ok();
        self.finish_refused(id, refusal, sink);
    }

    fn finish_refused(&mut self, id: StreamId, refusal: &Refusal, sink: &mut Sink) {
        let trailers = [("grpc-status", refusal.status), ("grpc-message", refusal.message.as_str())];
        self.finish(id, &trailers, sink);
    }

    fn finish(&mut self, id: StreamId, trailers: &[(&str, &str)], sink: &mut Sink) {
        self.wire.http2.send_fields(id, trailers, true, &mut sink.out).ok();
        if let Some(state) = self.streams.get(id) {
            *state = State::Answered;
        }
    }

    /// Sends what there is, as far as the client and the socket take it.
    fn send(&mut self, at: Place<'_>, cx: &mut Context<'_>, sink: &mut Sink) {
        let answers = std::mem::take(&mut *at.session.answers.borrow_mut());
        self.answering -= answers.len();
        for (id, answer) in answers {
            self.answer(at, id, &answer, sink);
        }
        loop {
            let is_full = self.fill(at, sink);
            let (streams, http2) = (&mut self.streams, &mut self.wire.http2);
            // The client need not send the rest of what was answered without it.
            streams.remove_answered(|id| http2.reset(id, ErrorCode::NO_ERROR, &mut sink.out));
            self.wire.write(cx, &mut sink.out);
            if !is_full || self.wire.unsent() > 0 {
                return;
            }
        }
    }

    /// Adds what waits for the client's room; whether only the socket holds up more.
    fn fill(&mut self, at: Place<'_>, sink: &mut Sink) -> bool {
        if at.session.is_stalled.get() {
            return false;
        }
        let waiting = self.wire.unsent();
        let http2 = &mut self.wire.http2;
        for (id, state) in self.streams.unsent() {
            if waiting + sink.out.len() >= ENOUGH_UNSENT {
                return true;
            }
            let State::Answer { rest } = state else { continue };
            match http2.send_data(id, rest, false, &mut sink.out) {
                Ok(taken) if taken < rest.len() => drop(rest.split_to(taken)),
                Ok(_) => {
                    http2.send_fields(id, &DONE, true, &mut sink.out).ok();
                    *state = State::Answered;
                }
                Err(_) => *state = State::Answered,
            }
        }
        at.session.outbox.borrow_mut().fill(http2, waiting, &mut sink.out)
    }
}

fn take_answer(at: Place<'_>, connection: ConnectionId, id: StreamId, payload: &Payload) {
    match FromClient::try_from(payload) {
        Ok(FromClient::Setup(setup)) => {
            // The way out comes first: registering may have something to send.
            at.session.outbox.borrow_mut().attach(id);
            let tag = setup.labels.get(TAG_LABEL).filter(|tag| !tag.trim().is_empty());
            let caller = Caller { ip: payload.client_ip().into(), tag: tag.map(|tag| tag.as_str().into()) };
            let has_abilities = setup.ability_table.is_some();
            let ConnectionSetupRequest { client_version, tenant, labels, .. } = *setup;
            let client = ClientInfo { version: client_version, tenant, labels };
            at.node.input(|core, now| {
                core.introduce(connection, client);
                core.register(now, connection, caller, has_abilities)
            });
        }
        Ok(FromClient::Ack { request_id: Some(request), is_success }) => {
            if let Ok(request) = request.parse()
                && !at.node.swallows_ack()
            {
                at.node.input(|core, now| core.stream_answer(now, connection, request, is_success));
            }
        }
        // The real server logs these and goes on.
        Ok(FromClient::Ack { request_id: None, .. } | FromClient::Unknown(_)) | Err(_) => {
            tracing::debug!(connection = connection.0, message = payload.type_name(), "ignored on a stream");
        }
    }
}
