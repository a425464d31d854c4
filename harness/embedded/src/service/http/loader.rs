//! Who is connected, and connections that are asked to go to another node (nacos-facts.md §2.4).
//!
//! The paths, the methods and the words are those of running servers: 2.5.0 takes every call by GET and answers bare,
//! 3.1.0 takes changes by POST and answers in its form.

use std::time::Duration;

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use shakedown_model::plan::Generation;

use super::Answer;
use super::answers::{self, Code, failure, json as plain, success, text};
use super::call::Call;
use crate::cluster::{MemberLoad, Message};
use crate::core::{Redirect, Registration};

/// How far above the average a node is too full when nothing is said (real: 10 %).
const FACTOR: f32 = 0.1;

/// The answer to a reset is looked for this often.
const LOOK_PERIOD: Duration = Duration::from_millis(10);

/// What is under `.../core/loader/`.
pub(super) async fn answer(call: Call<'_>) -> Answer {
    let name = call.path.rsplit('/').next().unwrap_or_default().to_owned();
    let changes = match call.generation {
        Generation::V2 => Method::GET,
        Generation::V3 => Method::POST,
    };
    let (method, allowed) = match name.as_str() {
        "current" | "cluster" => (Method::GET, "GET"),
        "reloadCurrent" | "reloadClient" | "smartReloadCluster" if changes == Method::GET => {
            (Method::GET, "GET")
        }
        "reloadCurrent" | "reloadClient" | "smartReloadCluster" => (Method::POST, "POST"),
        _ => return answers::no_endpoint(&call),
    };
    if call.method != method {
        return answers::no_such_method(&call, allowed);
    }
    match name.as_str() {
        "current" => formed(&call, current(&call)),
        "cluster" => formed(&call, cluster(&call)),
        "reloadCurrent" => reload_current(&call),
        "reloadClient" => reload_client(&call).await,
        _ => smart_reload(&call),
    }
}

fn formed(call: &Call<'_>, value: Value) -> Answer {
    match call.generation {
        Generation::V2 => plain(&value),
        Generation::V3 => success(value),
    }
}

/// That a change was taken: a bare word in 2.x.
fn done(call: &Call<'_>, word: &'static str) -> Answer {
    match call.generation {
        Generation::V2 => text(StatusCode::OK, word),
        Generation::V3 => success(Value::Null),
    }
}

fn reload_current(call: &Call<'_>) -> Answer {
    let Some(count) = call.given("count") else { return missing(call, "count", "Integer") };
    let Ok(count) = count.parse::<i32>() else { return not_a_number(call, &count) };
    let to = redirect(call);
    // None is kept back by the real server either when it shall keep none.
    let count = usize::try_from(count).unwrap_or(0);
    call.node.input(|core, _| core.keep_connections(count, to));
    done(call, "success")
}

/// Answers once the client has, or 3 s later, as the real server does.
async fn reload_client(call: &Call<'_>) -> Answer {
    let Some(name) = call.given("connectionId") else { return missing(call, "connectionId", "String") };
    let to = redirect(call);
    let asked = call.node.input(|core, now| core.reset_named(now, &name, to.as_ref()));
    if let Some(request_id) = asked {
        while call.node.input(|core, now| core.awaits_reset(now, request_id)) {
            tokio::time::sleep(LOOK_PERIOD).await;
        }
    }
    done(call, "success")
}

/// Sends connections of nodes that have more than others to those that have fewer.
fn smart_reload(call: &Call<'_>) -> Answer {
    let factor = match call.given("loaderFactor") {
        None => FACTOR,
        Some(text) => match text.trim_end_matches(['f', 'F']).parse() {
            Ok(factor) => factor,
            Err(_) => return not_a_number(call, &text),
        },
    };
    let cluster = call.node.cluster();
    for (from, keep, to) in moves(&cluster.loads(), factor) {
        let to = Redirect { ip: to.address.ip().to_string(), port: to.address.port().to_string() };
        cluster.send(from, Message::Reload(keep, Some(to)));
    }
    done(call, "Ok")
}

/// Which nodes keep how many and send the others where: the fullest to the emptiest, and so on inwards.
fn moves(loads: &[MemberLoad], factor: f32) -> Vec<(usize, usize, MemberLoad)> {
    let average = loads.iter().map(|load| load.connections).sum::<usize>() / loads.len().max(1);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts of connections, cut as the real server cuts them"
    )]
    let share = |factor: f32| (average as f32 * factor) as usize;
    let (most, least) = (share(1.0 + factor), share(1.0 - factor));
    let mut full: Vec<_> = loads.iter().filter(|load| load.connections > most).collect();
    let mut empty: Vec<_> = loads.iter().filter(|load| load.connections < least).collect();
    full.sort_by_key(|load| std::cmp::Reverse(load.connections));
    empty.sort_by_key(|load| load.connections);
    full.iter().zip(empty).map(|(full, empty)| (full.node, most, *empty)).collect()
}

fn redirect(call: &Call<'_>) -> Option<Redirect> {
    call.given("redirectAddress").and_then(|address| Redirect::parse(&address))
}

fn current(call: &Call<'_>) -> Value {
    let registered = call.node.input(|core, _| core.registrations());
    let port = call.node.grpc_port();
    Value::Object(registered.iter().map(|one| (one.name.to_string(), connection(one, port))).collect())
}

/// A connection as 2.5.0 writes one.
fn connection(one: &Registration, local_port: u16) -> Value {
    let client = &one.client;
    let labels = json!(client.labels);
    let app = client.labels.get("AppName").map(String::as_str).unwrap_or_default();
    let app_labels = json!({ "ClientVersion": client.version, "AppName": app });
    let source = client.labels.get("source").map(String::as_str);
    json!({
        "traced": false,
        "abilityTable": null,
        "metaInfo": {
            "connectType": "GRPC",
            "clientIp": one.client_ip,
            "remoteIp": one.remote.ip().to_string(),
            "remotePort": one.remote.port(),
            "localPort": local_port,
            "version": client.version,
            "connectionId": one.name,
            "createTime": created(one.opened_at_ms),
            "lastActiveTime": one.active_at_ms,
            "appName": app,
            "tenant": client.tenant,
            "labels": labels,
            "clusterSource": source == Some("cluster"),
            "tag": client.labels.get("VIPServer-Tag"),
            "appLabels": app_labels,
            "sdkSource": source == Some("sdk"),
        },
        "connected": true,
        "labels": labels,
        "appLabels": app_labels,
    })
}

fn created(at_ms: u64) -> String {
    let at = i64::try_from(at_ms).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
    at.unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string()
}

fn cluster(call: &Call<'_>) -> Value {
    let loads = call.node.cluster().loads();
    let members = call.node.cluster().nodes.len();
    let counts = || loads.iter().map(|load| load.connections);
    let total: usize = counts().sum();
    let average = total / loads.len().max(1);
    #[expect(clippy::cast_precision_loss, reason = "a count of connections")]
    let threshold = average as f64 * 1.1;
    let mut metrics = Map::new();
    metrics.insert("total".into(), total.into());
    metrics.insert("min".into(), counts().min().unwrap_or(0).into());
    metrics.insert("avg".into(), average.into());
    metrics.insert("max".into(), counts().max().unwrap_or(0).into());
    metrics.insert("memberCount".into(), members.into());
    metrics.insert("metricsCount".into(), loads.len().into());
    metrics.insert("completed".into(), (loads.len() == members).into());
    let detail = loads.iter().map(|load| detail(load, call.generation));
    metrics.insert("detail".into(), detail.collect());
    let is_text = call.generation == Generation::V3;
    metrics
        .insert("threshold".into(), if is_text { format!("{threshold:?}").into() } else { threshold.into() });
    Value::Object(metrics)
}

/// The connections of one node. What the machine does is no part of what is imitated: load and cpu are zero.
fn detail(load: &MemberLoad, generation: Generation) -> Value {
    let (address, count) = (load.address.to_string(), load.connections);
    match generation {
        Generation::V2 => {
            let count = count.to_string();
            let metric = json!({ "load": "0.0", "sdkConCount": count, "cpu": "0.0", "conCount": count });
            json!({ "address": address, "metric": metric })
        }
        Generation::V3 => {
            json!({ "address": address, "sdkConCount": count, "conCount": count, "load": "0.0", "cpu": "0.0" })
        }
    }
}

fn missing(call: &Call<'_>, name: &str, kind: &str) -> Answer {
    let words =
        format!("Required request parameter '{name}' for method parameter type {kind} is not present");
    match call.generation {
        Generation::V2 => answers::error_page(StatusCode::BAD_REQUEST, &words, &call.path),
        Generation::V3 => failure(Code::Missing, words),
    }
}

fn not_a_number(call: &Call<'_>, text: &str) -> Answer {
    let words = format!("For input string: \"{text}\"");
    match call.generation {
        Generation::V2 => answers::refused(&words),
        Generation::V3 => failure(Code::Invalid, words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loads(counts: &[usize]) -> Vec<MemberLoad> {
        let load = |(node, connections): (usize, &usize)| {
            let address = format!("127.0.0.1:{}", 8848 + node).parse().unwrap();
            MemberLoad { node, address, connections: *connections }
        };
        counts.iter().enumerate().map(load).collect()
    }

    fn moved(counts: &[usize], factor: f32) -> Vec<(usize, usize, usize)> {
        moves(&loads(counts), factor).into_iter().map(|(from, keep, to)| (from, keep, to.node)).collect()
    }

    #[test]
    fn the_fullest_node_sends_to_the_emptiest_down_to_the_limit() {
        // 300 in all, 100 on average: more than 110 is full, fewer than 90 is empty.
        assert_eq!(moved(&[200, 95, 5], 0.1), [(0, 110, 2)]);
        assert_eq!(moved(&[10, 150, 20, 220], 0.1), [(3, 110, 0), (1, 110, 2)]);
        assert_eq!(moved(&[105, 95, 100], 0.1), []);
        assert_eq!(moved(&[105, 95, 100], 0.0), [(0, 100, 1)]);
        assert_eq!(moved(&[], 0.1), []);
    }
}
