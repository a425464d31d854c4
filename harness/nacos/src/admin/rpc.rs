//! Publishing by gRPC, as the SDKs do: one registered connection, kept alive by health checks (facts §2.3).
//!
//! [`RpcAdmin`] gives each call to the one task that owns the connection. A connection that ended is made anew by the
//! next call; calls that it took with it are ambiguous.

mod drive;

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use self::drive::{Call, Lost, drive};
use super::publish::{is_conflict, start_of};
use super::{AdminClient, Publication, PublishAnswer};
use crate::grpc::connection::{GrpcConnection, GrpcLimits};
use crate::grpc::message::{
    ConfigPublishRequest, ConfigPublishResponse, ConfigRemoveRequest, ConfigRemoveResponse,
    ConnectionSetupRequest, HealthCheckRequest, HealthCheckResponse, Response, ServerCheckRequest,
    ServerCheckResponse, codes,
};
use crate::grpc::payload::{Payload, PayloadError};
use crate::{ConfigKey, Peer};

/// Calls that may wait for a reply on the connection.
const PENDING: usize = 1024;
/// A connection that is not registered after this long is given up.
const SET_UP_WITHIN: Duration = Duration::from_secs(5);
/// While the server does not know the connection yet, it is asked this often.
const ASK_AGAIN: Duration = Duration::from_millis(20);
/// What the harness calls itself to the server.
const CLIENT_VERSION: &str = "shakedown";

/// A publisher by gRPC. Its connection lives on the runtime of the first call.
#[derive(Debug)]
pub struct RpcAdmin {
    peer: Peer,
    /// Logs in by HTTP, as the SDKs do.
    admin: AdminClient,
    calls: Mutex<Option<mpsc::Sender<Call>>>,
}

/// Why there is no connection. Nothing was sent.
struct NotSent(String);

impl RpcAdmin {
    /// A publisher to the gRPC port at `peer`, under the account of `admin`. Connects with the first call.
    #[must_use]
    pub fn new(peer: impl Into<Peer>, admin: AdminClient) -> Self {
        Self { peer: peer.into(), admin, calls: Mutex::default() }
    }

    /// Publishes content, to the addresses of a gray release alone if it names some. Time it yourself: dropping the
    /// future leaves it ambiguous.
    pub async fn publish(&self, publication: Publication<'_>) -> PublishAnswer {
        let beta_ips = publication.beta_ips.map(|ips| ("betaIps".to_owned(), ips.to_owned()));
        let request = ConfigPublishRequest {
            content: publication.content.to_owned(),
            cas_md5: publication.cas_md5.map(str::to_owned),
            addition_map: beta_ips.into_iter().collect(),
            ..ConfigPublishRequest::of(publication.key)
        };
        self.change::<ConfigPublishResponse>(&Payload::new(&request)).await
    }

    /// Deletes one config; one that does not exist is no error.
    pub async fn delete(&self, key: &ConfigKey) -> PublishAnswer {
        self.change::<ConfigRemoveResponse>(&Payload::new(&ConfigRemoveRequest::of(key))).await
    }

    /// Sends a request that changes something, once more if it was refused for its token or its connection: those
    /// refusals come before the request is looked at.
    async fn change<R: Response>(&self, request: &Payload) -> PublishAnswer {
        let answer = self.change_once::<R>(request).await;
        match &answer {
            PublishAnswer::Refused { status: Some(403), .. } => self.admin.forget_token().await,
            PublishAnswer::Refused { status: Some(301), .. } => *self.calls.lock().await = None,
            _ => return answer,
        }
        self.change_once::<R>(request).await
    }

    async fn change_once<R: Response>(&self, request: &Payload) -> PublishAnswer {
        let request = match self.admin.token().await {
            Ok(Some(token)) => request.clone().with_header("accessToken", &token),
            Ok(None) => request.clone(),
            Err(error) => return PublishAnswer::not_sent(&error),
        };
        let (answer, answered) = oneshot::channel();
        if let Err(NotSent(text)) = self.send(Call { request, answer }).await {
            return PublishAnswer::Refused { status: None, text };
        }
        match answered.await {
            Ok(Ok(payload)) => verdict(payload.answer::<R>().err()),
            Ok(Err(Lost::NotSent(text))) => PublishAnswer::Refused { status: None, text },
            Ok(Err(Lost::NoReply(text))) => PublishAnswer::Ambiguous { text },
            Err(_) => PublishAnswer::Ambiguous { text: "the connection's task ended".to_owned() },
        }
    }

    async fn send(&self, call: Call) -> Result<(), NotSent> {
        let sender = {
            let mut calls = self.calls.lock().await;
            match calls.as_ref().filter(|sender| !sender.is_closed()) {
                Some(sender) => sender.clone(),
                None => calls.insert(self.connect().await?).clone(),
            }
        };
        sender.send(call).await.map_err(|_| NotSent("the connection ended before the call".to_owned()))
    }

    async fn connect(&self) -> Result<mpsc::Sender<Call>, NotSent> {
        let limits = GrpcLimits { pending: PENDING, ..GrpcLimits::default() };
        let set_up = async {
            let mut connection = GrpcConnection::connect(self.peer.clone(), Ipv4Addr::UNSPECIFIED, limits)
                .await
                .map_err(|error| NotSent(error.to_string()))?;
            register(&mut connection).await?;
            Ok(connection)
        };
        let connection = timeout(SET_UP_WITHIN, set_up)
            .await
            .map_err(|_| NotSent(format!("not registered at {} within {SET_UP_WITHIN:?}", self.peer)))??;
        let (sender, calls) = mpsc::channel(PENDING);
        // The task ends when this publisher is dropped, or the connection ends.
        tokio::spawn(drive(connection, calls));
        Ok(sender)
    }
}

/// Makes the connection known to the server, which says so by answering its health checks.
async fn register(connection: &mut GrpcConnection) -> Result<(), NotSent> {
    let failed = |error: &dyn std::error::Error| NotSent(error.to_string());
    let check = Payload::new(&ServerCheckRequest::default());
    let reply = connection.unary(&check).await.map_err(|error| failed(&error))?;
    reply.payload.answer::<ServerCheckResponse>().map_err(|error| failed(&error))?;
    let labels = [("source", "sdk"), ("module", "config"), ("taskId", "0"), ("AppName", "shakedown-mutator")];
    let set_up = ConnectionSetupRequest {
        client_version: CLIENT_VERSION.to_owned(),
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..ConnectionSetupRequest::default()
    };
    let client_ip = connection.local_addr().ip().to_string();
    connection
        .open_stream(&Payload::new(&set_up).with_client_ip(client_ip))
        .map_err(|error| failed(&error))?;
    let asked = Instant::now();
    loop {
        let health = Payload::new(&HealthCheckRequest::default());
        let reply = connection.unary(&health).await.map_err(|error| failed(&error))?;
        match reply.payload.answer::<HealthCheckResponse>() {
            Ok(_) => return Ok(()),
            Err(error) if asked.elapsed() > SET_UP_WITHIN => return Err(failed(&error)),
            Err(_) => sleep(ASK_AGAIN).await,
        }
    }
}

/// What the end of a call says.
fn verdict(error: Option<PayloadError>) -> PublishAnswer {
    match error {
        None => PublishAnswer::Acked,
        Some(PayloadError::Refused { message, .. }) if is_conflict(&message) => {
            PublishAnswer::Conflict { text: start_of(&message) }
        }
        // An `ErrorResponse` comes from before the handler (facts §2.2, "Codes").
        Some(PayloadError::Refused { error_code, message, is_error_response, .. })
            if is_error_response || error_code == codes::BAD_PARAMETER || error_code == 403 =>
        {
            let status = u16::try_from(error_code).ok();
            PublishAnswer::Refused { status, text: start_of(&message) }
        }
        Some(error) => PublishAnswer::Ambiguous { text: error.to_string() },
    }
}

#[cfg(test)]
mod tests;
