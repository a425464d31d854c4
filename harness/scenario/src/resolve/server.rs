//! Servers, proxies and links, and what the chosen kinds cannot do.

use std::time::Duration;

use shakedown_model::fault::{Stream, Toxic};
use shakedown_model::plan::{
    AccessKey, Backend, ClusterSettings, EmbeddedSettings, LinkSpec, Login, OldApis, ProxyKind, ProxySpec,
    ServerSpec,
};
use shakedown_model::secrets::Secret;

use super::{given, positive, server_faults};
use crate::field::{Named, OrNone, Record as _};
use crate::problem::Findings;
use crate::quantity::show_time;
use crate::raw::{RawAccessKey, RawEmbedded, RawLink, RawLogin, RawOldApis, RawProxy, RawServer};
use crate::source::Spanned;

/// The most nodes of a run; real clusters have 3 to 7.
const MAX_NODES: u32 = 9;

pub(super) fn server(raw: Option<&RawServer>, found: &mut Findings) -> ServerSpec {
    let mut server = ServerSpec::default();
    let Some(raw) = raw else { return server };
    server.product = given(raw.product.as_ref(), server.product);
    server.version = given(raw.version.as_ref(), server.version);
    server.backend = given(raw.backend.as_ref(), server.backend);
    if let Some(version) = raw.version.as_ref().filter(|version| !is_supported(&version.value)) {
        found
            .error("scenario::not_supported", version.span, "this version of Nacos is not supported here")
            .help(
                "the embedded server imitates `2.x` and `3.x`, and a server home may hold either, such as `2.5.0`",
            );
    }
    server.home = raw.home.as_ref().map(|home| home.value.clone());
    positive(raw.ready_timeout.as_ref(), "ready-timeout", found);
    server.ready_timeout = given(raw.ready_timeout.as_ref(), server.ready_timeout);
    positive(raw.nodes.as_ref(), "nodes", found);
    if let Some(nodes) = raw.nodes.as_ref().filter(|nodes| nodes.value > MAX_NODES) {
        found
            .error("scenario::out_of_range", nodes.span, format!("{} nodes are too many", nodes.value))
            .help(format!("write at most `nodes: {MAX_NODES}`"));
    }
    server.nodes =
        raw.nodes.as_ref().and_then(|nodes| u16::try_from(nodes.value).ok()).unwrap_or(server.nodes);
    server.upgrade = raw.upgrade.as_ref().and_then(|raw| server_faults::upgrade(raw, &server, found));
    server.login = raw.login.as_ref().and_then(|raw| login(&raw.value));
    if let Some(embedded) = &raw.embedded {
        server.embedded = settings(&embedded.value, found);
        if server.backend != Backend::Embedded {
            found
                .error(
                    "scenario::not_supported",
                    embedded.span,
                    "only the embedded server has these settings",
                )
                .help("remove `embedded`, or choose `backend: embedded`");
        }
    }
    super::external::server(raw, &mut server, found);
    server.tls = super::tls::front(raw, &server, found);
    server.container = super::containers::server(raw, &server, found);
    if let Some(home) = raw.home.as_ref().filter(|_| server.backend != Backend::Process) {
        found
            .warn(
                "scenario::unused",
                home.span,
                "only a server that is a process has a home: this is not used",
            )
            .help("remove `home`, or choose `backend: process`");
    }
    server
}

pub(super) fn is_supported(version: &str) -> bool {
    let line =
        version.split_once('.').map(|(line, rest)| (line, rest.starts_with(|c: char| c.is_ascii_digit())));
    matches!(line, Some(("2" | "3", true)))
}

fn login(raw: &RawLogin) -> Option<Login> {
    let (username, password) = (raw.username.as_ref()?, raw.password.as_ref()?);
    Some(Login { username: username.value.clone(), password: Secret::new(password.value.clone()) })
}

fn access_key(raw: &RawAccessKey) -> Option<AccessKey> {
    let (id, secret) = (raw.id.as_ref()?, raw.secret.as_ref()?);
    Some(AccessKey { id: id.value.clone(), secret: Secret::new(secret.value.clone()) })
}

fn old_apis(raw: &RawOldApis) -> OldApis {
    let real = OldApis::default();
    OldApis {
        client: given(raw.client.as_ref(), real.client),
        admin: given(raw.admin.as_ref(), real.admin),
        console: given(raw.console.as_ref(), real.console),
    }
}

/// How late a long poll registers, if it does.
fn late_by(raw: &RawEmbedded, real: &EmbeddedSettings, found: &mut Findings) -> Option<Duration> {
    let Some(late) = raw.poll_registers_late.as_ref() else {
        return real.poll_registers_late.then_some(real.poll_gap);
    };
    let shortest = given(raw.poll_min_hang.as_ref(), real.poll_min_hang);
    if late.value.0.is_some_and(|gap| gap > shortest) {
        let message =
            format!("a poll hangs {} at the shortest, and is to be registered by then", show_time(shortest));
        found
            .error("scenario::out_of_range", late.span, message)
            .help("write a shorter time, or a longer `poll-min-hang`");
    }
    late.value.0
}

fn settings(raw: &RawEmbedded, found: &mut Findings) -> EmbeddedSettings {
    for (time, what) in [
        (&raw.push_ack_timeout, "push-ack-timeout"),
        (&raw.push_retry_step, "push-retry-step"),
        (&raw.idle_after, "idle-after"),
        (&raw.idle_scan, "idle-scan"),
        (&raw.idle_answer_timeout, "idle-answer-timeout"),
        (&raw.poll_min_hang, "poll-min-hang"),
        (&raw.reset_answer_timeout, "reset-answer-timeout"),
        (&raw.time_step, "time-step"),
        (&raw.history_retention, "history-retention"),
        (&raw.token_ttl, "token-ttl"),
        (&raw.broadcast_timeout, "broadcast-timeout"),
        (&raw.broadcast_retry, "broadcast-retry"),
    ] {
        positive(time.as_ref(), what, found);
    }
    positive(raw.dump_tick.as_ref(), "dump-tick", found);
    positive(raw.push_max_tries.as_ref(), "push-max-tries", found);
    let real = EmbeddedSettings::default();
    let late = late_by(raw, &real, found);
    EmbeddedSettings {
        dump_tick: period_or_zero(raw.dump_tick.as_ref(), real.dump_tick),
        push_ack_timeout: given(raw.push_ack_timeout.as_ref(), real.push_ack_timeout),
        push_retry_step: given(raw.push_retry_step.as_ref(), real.push_retry_step),
        push_max_tries: given(raw.push_max_tries.as_ref(), real.push_max_tries),
        idle_after: given(raw.idle_after.as_ref(), real.idle_after),
        idle_scan: given(raw.idle_scan.as_ref(), real.idle_scan),
        idle_answer_timeout: given(raw.idle_answer_timeout.as_ref(), real.idle_answer_timeout),
        poll_margin: given(raw.poll_margin.as_ref(), real.poll_margin),
        poll_min_hang: given(raw.poll_min_hang.as_ref(), real.poll_min_hang),
        poll_registers_late: late.is_some(),
        poll_gap: late.unwrap_or_default(),
        dump_time: given(raw.dump_time.as_ref(), real.dump_time),
        dump_fails_every: given(raw.dump_fails_every.as_ref(), real.dump_fails_every),
        dump_ignores_outdated: given(raw.dump_ignores_outdated.as_ref(), real.dump_ignores_outdated),
        late_clock_every: given(raw.late_clock_every.as_ref(), real.late_clock_every),
        time_step: given(raw.time_step.as_ref(), real.time_step),
        publish_awaits_dump: given(raw.publish_awaits_dump.as_ref(), real.publish_awaits_dump),
        history_retention: given(raw.history_retention.as_ref(), real.history_retention),
        history_max_items: given(raw.history_max_items.as_ref(), real.history_max_items),
        token_ttl: given(raw.token_ttl.as_ref(), real.token_ttl),
        auth_scope: given(raw.auth_scope.as_ref(), real.auth_scope),
        access_key: raw.access_key.as_ref().and_then(|raw| access_key(&raw.value)),
        old_apis: raw.old_apis.as_ref().map_or(real.old_apis, |raw| old_apis(&raw.value)),
        max_connections: given_or_none(raw.max_connections.as_ref(), real.max_connections),
        reset_answer_timeout: given(raw.reset_answer_timeout.as_ref(), real.reset_answer_timeout),
        processes: given(raw.processes.as_ref(), real.processes),
        cluster: cluster(raw),
        defect: raw.defect.as_ref().map(|defect| defect.value),
    }
}

fn cluster(raw: &RawEmbedded) -> ClusterSettings {
    let real = ClusterSettings::default();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share is from 0 to 1")]
    let loss = raw.broadcast_loss.as_ref().map(|share| (share.value.0 * 1e6).round() as u32);
    ClusterSettings {
        broadcast_delay: given(raw.broadcast_delay.as_ref(), real.broadcast_delay),
        broadcast_loss_ppm: loss.unwrap_or(real.broadcast_loss_ppm),
        broadcast_timeout: given(raw.broadcast_timeout.as_ref(), real.broadcast_timeout),
        broadcast_retry: given(raw.broadcast_retry.as_ref(), real.broadcast_retry),
        broadcast_retry_step: given(raw.broadcast_retry_step.as_ref(), real.broadcast_retry_step),
        change_scan: period_or_zero(raw.change_scan.as_ref(), real.change_scan),
        full_dump: period_or_zero(raw.full_dump.as_ref(), real.full_dump),
    }
}

/// A period that is zero where it is `none`.
fn period_or_zero(field: Option<&Spanned<OrNone<Duration>>>, real: Duration) -> Duration {
    given_or_none(field, Some(real)).unwrap_or(Duration::ZERO)
}

fn given_or_none<T: Copy>(field: Option<&Spanned<OrNone<T>>>, default: Option<T>) -> Option<T> {
    field.map_or(default, |field| field.value.0)
}

pub(super) fn proxy(raw: Option<&RawProxy>, found: &mut Findings) -> ProxySpec {
    let Some(raw) = raw else { return ProxySpec::default() };
    let kind = given(raw.kind.as_ref(), ProxyKind::Embedded);
    if let Some(home) = raw.home.as_ref().filter(|_| kind != ProxyKind::Toxiproxy && !raw.has_broken_kind()) {
        found
            .warn("scenario::unused", home.span, "only Toxiproxy has a home: this is not used")
            .help("remove `home`, or choose `kind: toxiproxy`");
    }
    let home = raw.home.as_ref().map(|home| home.value.clone());
    let proxy = super::containers::proxy(raw, ProxySpec { kind, home, ..ProxySpec::default() }, found);
    super::external::proxy(raw, proxy, found)
}

impl RawServer {
    pub(super) fn has_broken_external(&self) -> bool {
        self.external.is_none() && self.has("external")
    }
}

impl RawProxy {
    fn has_broken_kind(&self) -> bool {
        self.kind.is_none() && self.has("kind")
    }
}

pub(super) fn links(raw: Option<&Named<RawLink>>, proxy: &ProxySpec, found: &mut Findings) -> Vec<LinkSpec> {
    let Some(raw) = raw else {
        return vec![LinkSpec { name: "default".to_owned(), toxics: Vec::new() }];
    };
    let links = raw.0.iter().map(|(name, link)| {
        let toxics = link.toxics.as_ref().map_or(&[][..], |toxics| toxics.value.as_slice());
        let mut resolved: Vec<Toxic> = Vec::new();
        for Spanned { value, span } in toxics {
            let Some(toxic) = super::toxics::toxic(value, proxy, found) else { continue };
            let meets = |other: &Toxic| {
                other.kind.name() == toxic.kind.name()
                    && (other.stream == toxic.stream || [other.stream, toxic.stream].contains(&Stream::Both))
            };
            if resolved.iter().any(meets) {
                let message = format!("this stream of the link has a {} toxic already", toxic.kind.name());
                found
                    .error("scenario::duplicate", *span, message)
                    .label("the second one")
                    .help("put both into one, or give them different streams");
            }
            resolved.push(toxic);
        }
        LinkSpec { name: name.value.0.clone(), toxics: resolved }
    });
    links.collect()
}
