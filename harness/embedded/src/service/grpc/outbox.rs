//! The way out to a registered connection: a bounded queue of frames, and the task that writes them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::rc::Rc;

use bytes::Bytes;
use h2::SendStream;
use shakedown_nacos::ConfigKey;
use shakedown_nacos::grpc::frame;
use shakedown_nacos::grpc::message::{
    ClientDetectionRequest, ConfigChangeNotifyRequest, ConnectResetRequest, Message, SetupAckRequest,
};
use shakedown_nacos::grpc::payload::Payload;
use tokio::sync::{Notify, mpsc};

use crate::core::Redirect;

/// A queue with more bytes than this is busy (the real server's stream is, at 32 KiB).
const BUSY_BYTES: usize = 32 * 1024;

/// The most frames in the queue; small ones reach this first.
const MAX_FRAMES: usize = 256;

/// The one ability that a 2.x server tells.
const ABILITY: &str = "supportPersistentInstanceByGrpc";

/// How sending on a connection went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum Sent {
    /// It is in the queue.
    Taken,
    /// The queue is full.
    Busy,
    /// The stream has ended.
    Gone,
}

/// A connection as the node sees it: where to send, and how to close it.
#[derive(Debug)]
pub(in crate::service) struct Link {
    outbox: Option<Outbox>,
    closed: Rc<Notify>,
}

/// The sending end of the queue of one stream.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    frames: mpsc::Sender<Bytes>,
    queued: Rc<Cell<usize>>,
}

/// The receiving end.
#[derive(Debug)]
pub(super) struct Frames {
    frames: mpsc::Receiver<Bytes>,
    queued: Rc<Cell<usize>>,
}

impl Link {
    /// A connection without a stream yet, and what tells its task to close it.
    pub(super) fn new() -> (Self, Rc<Notify>) {
        let closed = Rc::new(Notify::new());
        (Self { outbox: None, closed: Rc::clone(&closed) }, closed)
    }

    /// Makes a stream the connection's, unless it has a living one.
    pub(super) fn attach(&mut self, outbox: &Outbox) {
        if self.outbox.is_none() {
            self.outbox = Some(outbox.clone());
        }
    }

    /// The stream has ended.
    pub(super) fn detach(&mut self, outbox: &Outbox) {
        if self.outbox.as_ref().is_some_and(|own| own.frames.same_channel(&outbox.frames)) {
            self.outbox = None;
        }
    }

    pub(in crate::service) fn notify(&self, request_id: u64, key: &ConfigKey) -> Sent {
        let request_id = Some(request_id.to_string());
        self.send(&ConfigChangeNotifyRequest { request_id, ..ConfigChangeNotifyRequest::of(key) })
    }

    pub(in crate::service) fn detect(&self, request_id: u64) -> Sent {
        self.send(&ClientDetectionRequest {
            request_id: Some(request_id.to_string()),
            ..ClientDetectionRequest::default()
        })
    }

    /// Asks the client to go elsewhere. The real server leaves a place that it does not name out.
    pub(in crate::service) fn reset(&self, request_id: u64, to: Option<Redirect>) -> Sent {
        let (server_ip, server_port) = to.map(|to| (to.ip, to.port)).unzip();
        let request_id = Some(request_id.to_string());
        self.send(&ConnectResetRequest {
            request_id,
            server_ip,
            server_port,
            ..ConnectResetRequest::default()
        })
    }

    pub(in crate::service) fn acknowledge_setup(&self) -> Sent {
        self.send(&SetupAckRequest {
            ability_table: BTreeMap::from([(ABILITY.to_owned(), true)]),
            ..SetupAckRequest::default()
        })
    }

    /// Closes the TCP connection.
    pub(in crate::service) fn close(&self) {
        self.closed.notify_one();
    }

    fn send<M: Message>(&self, message: &M) -> Sent {
        let Some(outbox) = &self.outbox else { return Sent::Gone };
        if outbox.queued.get() > BUSY_BYTES {
            return Sent::Busy;
        }
        // A name too long for a frame cannot be told; it is as if the stream had broken at it.
        let Ok(frame) = frame::encode(&Payload::new(message)) else { return Sent::Gone };
        let bytes = frame.len();
        match outbox.frames.try_send(frame) {
            Ok(()) => {
                outbox.queued.set(outbox.queued.get() + bytes);
                Sent::Taken
            }
            Err(mpsc::error::TrySendError::Full(_)) => Sent::Busy,
            Err(mpsc::error::TrySendError::Closed(_)) => Sent::Gone,
        }
    }
}

impl Outbox {
    pub(super) fn new() -> (Self, Frames) {
        let (sender, receiver) = mpsc::channel(MAX_FRAMES);
        let queued = Rc::new(Cell::new(0));
        (Self { frames: sender, queued: Rc::clone(&queued) }, Frames { frames: receiver, queued })
    }
}

/// Writes queued frames until the stream breaks; a client that does not read holds it up, and the queue fills.
pub(super) async fn write_frames(send: &mut SendStream<Bytes>, mut frames: Frames) -> Result<(), h2::Error> {
    loop {
        let next = tokio::select! {
            next = frames.frames.recv() => next,
            reset = poll_fn(|cx| send.poll_reset(cx)) => return reset.map(|_| ()),
        };
        let Some(frame) = next else { return Ok(()) };
        let bytes = frame.len();
        send_all(send, frame).await?;
        frames.queued.set(frames.queued.get() - bytes);
    }
}

/// Sends `data` as fast as the client takes it.
pub(super) async fn send_all(send: &mut SendStream<Bytes>, mut data: Bytes) -> Result<(), h2::Error> {
    while !data.is_empty() {
        send.reserve_capacity(data.len());
        while send.capacity() == 0 {
            match poll_fn(|cx| send.poll_capacity(cx)).await {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Err(h2::Reason::CANCEL.into()),
            }
        }
        let part = data.split_to(send.capacity().min(data.len()));
        send.send_data(part, false)?;
    }
    Ok(())
}
