//! Unary calls: who may call, what it does, and the answer in its own type (nacos-facts.md §2.2).

use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use shakedown_nacos::ConfigKey;
use shakedown_nacos::grpc::message::{
    ConfigBatchListenRequest, ConfigChangeBatchListenResponse, ConfigPublishRequest, ConfigPublishResponse,
    ConfigQueryRequest, ConfigQueryResponse, ConfigRemoveRequest, ConfigRemoveResponse, ErrorResponse,
    HealthCheckResponse, Message, Response, ServerCheckRequest, ServerCheckResponse, Unary, codes,
};
use shakedown_nacos::grpc::payload::Payload;

use crate::core::{
    Action, Author, Caller, ConnectionId, Credentials, Found, GrayRule, KeyError, Labels, Listened,
    NewConfig, PublishError, Read, Resource, check_key, stored_key,
};
use crate::service::access::{self, Need};
use crate::service::node::{Node, WriteError};

/// `errorCode` of a request that cannot be read.
const UNPARSABLE: i32 = 502;

/// `errorCode` of a request that its user may not make.
const NO_RIGHT: i32 = 403;

/// `errorCode` of a query for a config that is being dumped.
const BEING_MODIFIED: i32 = 400;

/// The answer to a unary request.
pub(super) enum Answer {
    Now(Payload),
    /// It may have to wait for a dump.
    Later(LocalBoxFuture<'static, Payload>),
    /// None: the call's stream breaks.
    Broken,
}

/// Who makes a unary request, and where.
struct Call {
    node: Rc<Node>,
    connection: ConnectionId,
    caller: Caller,
    credentials: Credentials,
}

/// Answers a unary request; every kind of failure has an answer, too.
pub(super) fn answer(node: &Rc<Node>, connection: ConnectionId, payload: &Payload) -> Answer {
    let admitted = node.input(|core, now| core.admit(now, connection, payload.type_name()));
    if let Err(refusal) = admitted {
        return now(&ErrorResponse::failure(refusal.code(), &refusal.to_string()));
    }
    if payload.type_name() == ServerCheckRequest::TYPE {
        // The real server does not read its body.
        return now(&server_check(node, connection));
    }
    let headers = payload.metadata.as_ref().map(|metadata| &metadata.headers);
    let credentials = access::credentials(|name| headers?.get(name).cloned());
    let caller = node.input(|core, _| core.caller(connection).cloned()).unwrap_or_else(|| Caller::at(""));
    let call = Call { node: Rc::clone(node), connection, caller, credentials };
    match Unary::try_from(payload) {
        Ok(request) => call.answer(request),
        Err(error) => now(&ErrorResponse::failure(UNPARSABLE, &error.to_string())),
    }
}

fn now<M: Message>(message: &M) -> Answer {
    Answer::Now(Payload::new(message))
}

fn server_check(node: &Node, connection: ConnectionId) -> ServerCheckResponse {
    let name = node.input(|core, _| core.connection_name(connection));
    ServerCheckResponse {
        connection_id: name.as_deref().unwrap_or_default().to_owned(),
        support_ability_negotiation: true,
        ..ServerCheckResponse::default()
    }
}

impl Call {
    fn answer(self, request: Unary) -> Answer {
        match request {
            Unary::ServerCheck(_) => now(&server_check(&self.node, self.connection)),
            Unary::HealthCheck(_) => now(&HealthCheckResponse::default()),
            Unary::Query(request) => {
                Answer::Later(Box::pin(async move { Payload::new(&self.query(request).await) }))
            }
            Unary::Publish(request) => {
                Answer::Later(Box::pin(async move { Payload::new(&self.publish(request).await) }))
            }
            Unary::Remove(request) => {
                Answer::Later(Box::pin(async move { Payload::new(&self.remove(&request).await) }))
            }
            Unary::BatchListen(request) => now(&self.listen(request)),
            Unary::Unknown(_) => now(&ErrorResponse::failure(codes::NO_HANDLER, "RequestHandler Not Found")),
        }
    }

    /// Lets the request in, or answers its refusal in its own type.
    fn admit<R: Response>(&self, key: &ConfigKey, action: Action) -> Result<Option<Arc<str>>, R> {
        let tenant = match key.tenant.trim() {
            "public" | "null" => "",
            other => other,
        };
        let resource = Resource::Config { tenant, group: &key.group, data_id: &key.data_id };
        let need = Need { resource, action, is_admin_api: false };
        access::admit(&self.node, &self.credentials, need)
            .map_err(|denied| R::failure(NO_RIGHT, &access::denied_message(denied, self.node.generation())))
    }

    async fn query(self, request: ConfigQueryRequest) -> ConfigQueryResponse {
        if let Err(denied) = self.admit(&request.key(), Action::Read) {
            return denied;
        }
        let key = match stored_key(request.key()) {
            Ok(key) => key,
            Err(error) => return ConfigQueryResponse::failure(codes::BAD_PARAMETER, &key_message(&error)),
        };
        let tag = request.tag.filter(|tag| !tag.trim().is_empty());
        let caller = match &tag {
            Some(tag) => Caller { tag: Some(tag.as_str().into()), ..self.caller },
            None => self.caller,
        };
        match self.node.query(&key, &caller, tag.is_some()).await {
            Read::Found(answer) => found(&answer),
            Read::Absent => ConfigQueryResponse {
                tag,
                ..ConfigQueryResponse::failure(codes::CONFIG_NOT_FOUND, "config data not exist")
            },
            Read::Busy(_) => {
                let words = "requested file is being modified, please try later.";
                ConfigQueryResponse::failure(BEING_MODIFIED, words)
            }
        }
    }

    async fn publish(self, mut request: ConfigPublishRequest) -> ConfigPublishResponse {
        let user = match self.admit(&request.key(), Action::Write) {
            Ok(user) => user,
            Err(denied) => return denied,
        };
        let key = request.key();
        let more = &mut request.addition_map;
        let mut take = |name: &str| more.remove(name).filter(|value| !value.trim().is_empty());
        let beta = take("betaIps").map(GrayRule::Beta);
        let tag = take("tag").map(GrayRule::Tag);
        let new = NewConfig {
            key,
            cas_md5: request.cas_md5,
            content_type: take("type"),
            encrypted_data_key: take("encryptedDataKey"),
            labels: Labels {
                app_name: take("appName").unwrap_or_default(),
                config_tags: take("config_tags"),
                desc: take("desc"),
                purpose: take("use"),
                effect: take("effect"),
                schema: take("schema"),
            },
            gray: beta.or(tag),
            ip: self.caller.ip,
            user: take("src_user").map(Into::into).or(user),
            content: request.content,
        };
        written(self.node.publish(new).await)
    }

    async fn remove(self, request: &ConfigRemoveRequest) -> ConfigRemoveResponse {
        let user = match self.admit(&request.key(), Action::Write) {
            Ok(user) => user,
            Err(denied) => return denied,
        };
        let author = Author { ip: self.caller.ip, user, at_ms: 0 };
        written(self.node.remove(request.key(), request.tag.as_deref(), &author).await)
    }

    fn listen(self, mut request: ConfigBatchListenRequest) -> ConfigChangeBatchListenResponse {
        let contexts = request.config_listen_contexts;
        let mut tenants: Vec<&str> = contexts.iter().map(|context| context.tenant.as_str()).collect();
        tenants.sort_unstable();
        tenants.dedup();
        // A listen needs the right to read its namespace.
        for tenant in tenants {
            if let Err(denied) = self.admit(&ConfigKey::new("", "", tenant), Action::Read) {
                return denied;
            }
        }
        if let Some(error) = contexts.iter().find_map(|context| check_key(&context.key()).err()) {
            let message = key_message(&error);
            return ConfigChangeBatchListenResponse::failure(codes::BAD_PARAMETER, &message);
        }
        let listened = self.node.held(contexts.into_iter().map(|context| {
            let key = Arc::new(ConfigKey::new(context.data_id, context.group, context.tenant));
            Listened { key, md5: context.md5 }
        }));
        let tag = request.headers.remove("Vipserver-Tag").filter(|tag| !tag.trim().is_empty());
        let changed = self.node.input(|core, _| {
            if request.listen {
                core.listen(self.connection, &listened, tag.map(Into::into))
            } else {
                core.unlisten(self.connection, &listened);
                Vec::new()
            }
        });
        ConfigChangeBatchListenResponse {
            changed_configs: changed.iter().map(|key| (&**key).into()).collect(),
            ..ConfigChangeBatchListenResponse::default()
        }
    }
}

fn found(Found { entry, gray, content_type }: &Found) -> ConfigQueryResponse {
    let rule = gray.as_ref().map(|gray| &gray.rule);
    let encrypted = entry.encrypted_data_key.as_deref();
    ConfigQueryResponse {
        content: Some(entry.content.to_string()),
        content_type: Some(content_type.to_string()),
        md5: Some(entry.md5.to_string()),
        encrypted_data_key: encrypted.or_else(|| gray.is_none().then_some("")).map(str::to_owned),
        last_modified: i64::try_from(entry.last_modified_ms).unwrap_or(i64::MAX),
        beta: matches!(rule, Some(GrayRule::Beta(_))),
        tag: match rule {
            Some(GrayRule::Tag(tag)) => Some(form_urlencoded::byte_serialize(tag.as_bytes()).collect()),
            Some(GrayRule::Beta(_)) | None => None,
        },
        ..ConfigQueryResponse::default()
    }
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
        WriteError::Publish(publish) if publish.is_conflict() => codes::SERVER_ERROR,
        WriteError::Journal(_) => codes::SERVER_ERROR,
        WriteError::Publish(_) | WriteError::Key(_) => codes::BAD_PARAMETER,
    }
}
