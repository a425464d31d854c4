//! Unary calls: who may call, what it does, and the answer in its own type (nacos-facts.md §2.2).

use std::sync::Arc;

use shakedown_nacos::ConfigKey;
use shakedown_nacos::grpc::message::{
    ConfigBatchListenRequest, ConfigChangeBatchListenResponse, ConfigPublishRequest, ConfigPublishResponse,
    ConfigQueryRequest, ConfigQueryResponse, ConfigRemoveRequest, ConfigRemoveResponse, ErrorResponse,
    HealthCheckResponse, Message as _, Response, ServerCheckRequest, ServerCheckResponse, Unary, codes,
};
use shakedown_nacos::grpc::payload::Payload;

use crate::core::{ConnectionId, Entry, KeyError, Listened, NewConfig, PublishError, check_key, stored_key};
use crate::service::node::{Node, WriteError};

/// `errorCode` of a request that cannot be read.
const UNPARSABLE: i32 = 502;

/// Answers a unary request; every kind of failure has an answer, too.
pub(super) fn answer(node: &Node, connection: ConnectionId, payload: &Payload) -> Payload {
    let admitted = node.input(|core, now| core.admit(now, connection, payload.type_name()));
    if let Err(refusal) = admitted {
        return Payload::new(&ErrorResponse::failure(refusal.code(), &refusal.to_string()));
    }
    if payload.type_name() == ServerCheckRequest::TYPE {
        // The real server does not read its body.
        return server_check(node, connection);
    }
    match Unary::try_from(payload) {
        Ok(request) => dispatch(node, connection, request),
        Err(error) => Payload::new(&ErrorResponse::failure(UNPARSABLE, &error.to_string())),
    }
}

fn dispatch(node: &Node, connection: ConnectionId, request: Unary) -> Payload {
    match request {
        Unary::ServerCheck(_) => server_check(node, connection),
        Unary::HealthCheck(_) => Payload::new(&HealthCheckResponse::default()),
        Unary::Query(request) => query(node, &request),
        Unary::Publish(request) => publish(node, request),
        Unary::Remove(request) => remove(node, &request),
        Unary::BatchListen(request) => listen(node, connection, request),
        Unary::Unknown(_) => {
            Payload::new(&ErrorResponse::failure(codes::NO_HANDLER, "RequestHandler Not Found"))
        }
    }
}

fn server_check(node: &Node, connection: ConnectionId) -> Payload {
    let name = node.input(|core, _| core.connection_name(connection));
    Payload::new(&ServerCheckResponse {
        connection_id: name.as_deref().unwrap_or_default().to_owned(),
        support_ability_negotiation: true,
        ..ServerCheckResponse::default()
    })
}

fn query(node: &Node, request: &ConfigQueryRequest) -> Payload {
    let key = match stored_key(request.key()) {
        Ok(key) => key,
        Err(error) => {
            return Payload::new(&ConfigQueryResponse::failure(codes::BAD_PARAMETER, &key_message(&error)));
        }
    };
    let answer = match node.input(|core, _| core.query(&key)) {
        Some(entry) => found(&entry),
        None => ConfigQueryResponse::failure(codes::CONFIG_NOT_FOUND, "config data not exist"),
    };
    Payload::new(&answer)
}

fn found(entry: &Entry) -> ConfigQueryResponse {
    ConfigQueryResponse {
        content: Some(entry.content.to_string()),
        content_type: Some(entry.content_type.to_string()),
        md5: Some(entry.md5.to_string()),
        encrypted_data_key: Some(entry.encrypted_data_key.as_deref().unwrap_or_default().to_owned()),
        last_modified: i64::try_from(entry.last_modified_ms).unwrap_or(i64::MAX),
        ..ConfigQueryResponse::default()
    }
}

fn publish(node: &Node, mut request: ConfigPublishRequest) -> Payload {
    let is_given = |name: &str| request.addition_map.get(name).is_some_and(|value| !value.trim().is_empty());
    let is_gray = is_given("tag") || is_given("betaIps");
    let new = NewConfig {
        key: request.key(),
        content: std::mem::take(&mut request.content),
        cas_md5: request.cas_md5.take(),
        content_type: request.addition_map.remove("type"),
        encrypted_data_key: request.addition_map.remove("encryptedDataKey"),
        is_gray,
    };
    Payload::new(&written::<ConfigPublishResponse>(node.publish(new)))
}

fn remove(node: &Node, request: &ConfigRemoveRequest) -> Payload {
    Payload::new(&written::<ConfigRemoveResponse>(node.remove(request.key())))
}

fn written<R: Response + Default>(result: Result<(), WriteError>) -> R {
    match result {
        Ok(()) => R::default(),
        Err(error) => R::failure(error_code(&error), &message(&error)),
    }
}

fn message(error: &WriteError) -> String {
    match error {
        WriteError::Key(key) | WriteError::Publish(PublishError::Key(key)) => key_message(key),
        WriteError::Publish(_) | WriteError::Journal(_) => error.to_string(),
    }
}

fn key_message(error: &KeyError) -> String {
    if error.is_of_param_check() { format!("Param check invalid:{error}") } else { error.to_string() }
}

/// A CAS that lost has 500 and not 400, as over HTTP.
const fn error_code(error: &WriteError) -> i32 {
    match error {
        WriteError::Publish(PublishError::CasLost) | WriteError::Journal(_) => codes::SERVER_ERROR,
        WriteError::Publish(_) | WriteError::Key(_) => codes::BAD_PARAMETER,
    }
}

fn listen(node: &Node, connection: ConnectionId, request: ConfigBatchListenRequest) -> Payload {
    let contexts = request.config_listen_contexts;
    if let Some(error) = contexts.iter().find_map(|context| check_key(&context.key()).err()) {
        let message = key_message(&error);
        return Payload::new(&ConfigChangeBatchListenResponse::failure(codes::BAD_PARAMETER, &message));
    }
    let listened: Vec<_> = contexts
        .into_iter()
        .map(|context| {
            let key = Arc::new(ConfigKey::new(context.data_id, context.group, context.tenant));
            Listened { key, md5: context.md5 }
        })
        .collect();
    let changed = node.input(|core, _| {
        if request.listen {
            core.listen(connection, &listened)
        } else {
            core.unlisten(connection, &listened);
            Vec::new()
        }
    });
    Payload::new(&ConfigChangeBatchListenResponse {
        changed_configs: changed.iter().map(|key| (&**key).into()).collect(),
        ..ConfigChangeBatchListenResponse::default()
    })
}
