//! The exact JSON of facts §2.2, both ways.

use std::collections::BTreeMap;
use std::fmt::Debug;

use super::*;
use crate::ConfigKey;
use crate::grpc::payload::{Payload, PayloadError};

#[track_caller]
fn golden<M: Message + PartialEq + Debug>(message: &M, json: &str) {
    assert_eq!(serde_json::to_string(message).unwrap(), json);
    let payload = Payload::new(message);
    assert_eq!(payload.type_name(), M::TYPE);
    assert_eq!(payload.read::<M>().unwrap(), *message);
}

fn key() -> ConfigKey {
    ConfigKey::new("d", "g", "t")
}

#[test]
fn the_handshake_is_written_as_nacos_writes_it() {
    golden(&ServerCheckRequest::default(), r#"{"headers":{},"module":"internal"}"#);
    golden(
        &ServerCheckResponse {
            connection_id: "<id>".into(),
            support_ability_negotiation: true,
            ..Default::default()
        },
        r#"{"resultCode":200,"errorCode":0,"connectionId":"<id>","supportAbilityNegotiation":true,"success":true}"#,
    );
    golden(
        &ConnectionSetupRequest {
            client_version: "v".into(),
            tenant: Some("t".into()),
            labels: BTreeMap::from([("source".into(), "sdk".into())]),
            ability_table: Some(BTreeMap::from([("lock".into(), true)])),
            ..Default::default()
        },
        r#"{"headers":{},"clientVersion":"v","tenant":"t","labels":{"source":"sdk"},"abilityTable":{"lock":true},"module":"internal"}"#,
    );
    golden(
        &SetupAckRequest {
            ability_table: BTreeMap::from([("supportPersistentInstanceByGrpc".into(), true)]),
            ..Default::default()
        },
        r#"{"headers":{},"abilityTable":{"supportPersistentInstanceByGrpc":true},"module":"internal"}"#,
    );
}

#[test]
fn signs_of_life_are_written_as_nacos_writes_them() {
    golden(&HealthCheckRequest::default(), r#"{"headers":{},"module":"internal"}"#);
    golden(
        &ClientDetectionRequest { request_id: Some("3".into()), ..Default::default() },
        r#"{"headers":{},"requestId":"3","module":"internal"}"#,
    );
    golden(&HealthCheckResponse::default(), r#"{"resultCode":200,"errorCode":0,"success":true}"#);
    golden(
        &ClientDetectionResponse::acknowledge("3"),
        r#"{"resultCode":200,"errorCode":0,"requestId":"3","success":true}"#,
    );
    golden(
        &ConnectResetRequest {
            server_ip: Some("1.1.1.1".into()),
            server_port: Some("8848".into()),
            connection_id: Some("c".into()),
            ..Default::default()
        },
        r#"{"headers":{},"serverIp":"1.1.1.1","serverPort":"8848","connectionId":"c","module":"internal"}"#,
    );
    golden(
        &ErrorResponse::failure(codes::NOT_REGISTERED, "Connection is unregistered."),
        r#"{"resultCode":500,"errorCode":301,"message":"Connection is unregistered.","success":false}"#,
    );
}

#[test]
fn queries_are_written_as_nacos_writes_them() {
    golden(
        &ConfigQueryRequest { notify: true, ..ConfigQueryRequest::of(&key()) },
        r#"{"headers":{},"dataId":"d","group":"g","tenant":"t","notify":true,"module":"config"}"#,
    );
    golden(
        &ConfigQueryResponse {
            content: Some("x".into()),
            content_type: Some("text".into()),
            md5: Some("m".into()),
            last_modified: 1,
            ..Default::default()
        },
        r#"{"resultCode":200,"errorCode":0,"content":"x","contentType":"text","md5":"m","lastModified":1,"beta":false,"success":true}"#,
    );
    golden(
        &ConfigQueryResponse::failure(codes::CONFIG_NOT_FOUND, "config data not exist"),
        r#"{"resultCode":500,"errorCode":300,"message":"config data not exist","lastModified":0,"beta":false,"success":false}"#,
    );
}

#[test]
fn publishes_and_removals_are_written_as_nacos_writes_them() {
    golden(
        &ConfigPublishRequest {
            content: "c".into(),
            cas_md5: Some("m".into()),
            addition_map: BTreeMap::from([("type".into(), "text".into())]),
            ..ConfigPublishRequest::of(&key())
        },
        r#"{"headers":{},"dataId":"d","group":"g","tenant":"t","content":"c","casMd5":"m","additionMap":{"type":"text"},"module":"config"}"#,
    );
    golden(
        &ConfigPublishResponse::failure(codes::SERVER_ERROR, "e"),
        r#"{"resultCode":500,"errorCode":500,"message":"e","success":false}"#,
    );
    golden(
        &ConfigRemoveRequest { tag: Some("tag".into()), ..ConfigRemoveRequest::of(&key()) },
        r#"{"headers":{},"dataId":"d","group":"g","tenant":"t","tag":"tag","module":"config"}"#,
    );
}

#[test]
fn listens_and_notifies_are_written_as_nacos_writes_them() {
    let context = ConfigListenContext { md5: "m".into(), ..ConfigListenContext::of(&key()) };
    golden(
        &ConfigBatchListenRequest {
            listen: true,
            config_listen_contexts: vec![context],
            ..Default::default()
        },
        r#"{"headers":{},"listen":true,"configListenContexts":[{"group":"g","md5":"m","dataId":"d","tenant":"t"}],"module":"config"}"#,
    );
    golden(
        &ConfigChangeBatchListenResponse {
            changed_configs: vec![ChangedConfig::from(&key())],
            ..Default::default()
        },
        r#"{"resultCode":200,"errorCode":0,"changedConfigs":[{"group":"g","dataId":"d","tenant":"t"}],"success":true}"#,
    );
    golden(
        &ConfigChangeNotifyRequest { request_id: Some("7".into()), ..ConfigChangeNotifyRequest::of(&key()) },
        r#"{"headers":{},"requestId":"7","dataId":"d","group":"g","tenant":"t","module":"config"}"#,
    );
}

fn read<M: Message>(json: &str) -> M {
    serde_json::from_str(json).unwrap()
}

#[test]
fn readers_ignore_what_they_do_not_know_and_take_nulls_as_absent() {
    let ack: ConfigChangeNotifyResponse = read(r#"{"requestId":"7"}"#);
    assert!(ack.is_success());
    assert_eq!(Response::request_id(&ack), Some("7"));
    let request: ConfigQueryRequest =
        read(r#"{"headers":null,"dataId":"d","group":"g","tenant":null,"x":[1]}"#);
    assert_eq!(request.key(), ConfigKey::public("d", "g"));
    let listen: ConfigBatchListenRequest = read(r#"{"listen":true,"configListenContexts":null}"#);
    assert_eq!(listen.config_listen_contexts, []);
}

#[test]
fn a_batch_listen_registers_unless_it_says_otherwise() {
    // Java's field starts as true; Jackson sets a primitive to false when it reads null.
    for (json, registers) in [("{}", true), (r#"{"listen":false}"#, false), (r#"{"listen":null}"#, false)] {
        assert_eq!(read::<ConfigBatchListenRequest>(json).listen, registers, "{json}");
    }
}

#[test]
fn an_old_client_sends_abilities_and_no_table() {
    let go: ConnectionSetupRequest =
        read(r#"{"clientVersion":"v","labels":{},"clientAbilities":{"remoteAbility":{}}}"#);
    assert_eq!(go.ability_table, None);
    assert!(go.client_abilities.is_some());
}

#[test]
fn an_error_response_answers_any_call() {
    let payload = Payload::new(&ErrorResponse::failure(codes::NOT_STARTED, "Server is starting."));
    match payload.answer::<ConfigQueryResponse>() {
        Err(PayloadError::Refused { error_code: 300, is_error_response: true, .. }) => {}
        other => panic!("{other:?}"),
    }
    let absent = Payload::new(&ConfigQueryResponse::failure(codes::CONFIG_NOT_FOUND, ""));
    match absent.answer::<ConfigQueryResponse>() {
        Err(PayloadError::Refused { error_code: 300, is_error_response: false, .. }) => {}
        other => panic!("{other:?}"),
    }
    let other = Payload::new(&HealthCheckResponse::default());
    assert!(matches!(other.answer::<ConfigQueryResponse>(), Err(PayloadError::OtherType { .. })));
}

#[test]
fn receivers_tell_payloads_apart() {
    let query = Payload::new(&ConfigQueryRequest::of(&key()));
    assert!(matches!(Unary::try_from(&query), Ok(Unary::Query(q)) if q.key() == key()));
    let strange = Payload::new(&ErrorResponse::default());
    assert!(matches!(Unary::try_from(&strange), Ok(Unary::Unknown(name)) if name == "ErrorResponse"));
    let push = Payload::new(&ConfigChangeNotifyRequest::of(&key()));
    assert!(matches!(Pushed::try_from(&push), Ok(Pushed::ConfigChange(_))));
    let ack = Payload::new(&ConfigChangeNotifyResponse::acknowledge("7"));
    let expected = FromClient::Ack { request_id: Some("7".into()), is_success: true };
    assert_eq!(FromClient::try_from(&ack).unwrap(), expected);
    let failed = Payload::new(&ConfigChangeNotifyResponse::failure(500, "busy"));
    assert!(matches!(FromClient::try_from(&failed), Ok(FromClient::Ack { is_success: false, .. })));
}
