//! Servers, proxies and links, and what the chosen kinds cannot do.

use std::time::Duration;

use shakedown_model::fault::{Stream, Toxic};
use shakedown_model::plan::{
    Backend, ClusterSettings, EmbeddedSettings, LinkSpec, ProxyKind, ProxySpec, ServerSpec,
};

use super::{given, positive};
use crate::field::{Named, OrNone, Record as _};
use crate::problem::Findings;
use crate::raw::{RawEmbedded, RawLink, RawProxy, RawServer};
use crate::source::Spanned;

/// The most nodes of a run; real clusters have 3 to 7.
const MAX_NODES: u32 = 9;

pub(super) fn server(raw: Option<&RawServer>, found: &mut Findings) -> ServerSpec {
    let mut server = ServerSpec::default();
    let Some(raw) = raw else { return server };
    server.product = given(raw.product.as_ref(), server.product);
    server.version = given(raw.version.as_ref(), server.version);
    server.backend = given(raw.backend.as_ref(), server.backend);
    if let Some(version) =
        raw.version.as_ref().filter(|version| !is_supported(&version.value, server.backend))
    {
        found
            .error("scenario::not_supported", version.span, "this version of Nacos is not supported here")
            .help(
                "the embedded server imitates `2.x`; a server home may hold `2.x` or `3.x`, such as `2.5.0`",
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
    if let Some(home) = raw.home.as_ref().filter(|_| server.backend == Backend::Embedded) {
        found
            .warn("scenario::unused", home.span, "the embedded server has no home: this is not used")
            .help("remove `home`, or choose `backend: process`");
    }
    server
}

fn is_supported(version: &str, backend: Backend) -> bool {
    let line =
        version.split_once('.').map(|(line, rest)| (line, rest.starts_with(|c: char| c.is_ascii_digit())));
    match backend {
        Backend::Embedded => line == Some(("2", true)),
        Backend::Process => matches!(line, Some(("2" | "3", true))),
    }
}

fn settings(raw: &RawEmbedded, found: &mut Findings) -> EmbeddedSettings {
    for (time, what) in [
        (&raw.dump_tick, "dump-tick"),
        (&raw.push_ack_timeout, "push-ack-timeout"),
        (&raw.push_retry_step, "push-retry-step"),
        (&raw.idle_after, "idle-after"),
        (&raw.idle_scan, "idle-scan"),
        (&raw.idle_answer_timeout, "idle-answer-timeout"),
        (&raw.poll_min_hang, "poll-min-hang"),
        (&raw.reset_answer_timeout, "reset-answer-timeout"),
        (&raw.broadcast_timeout, "broadcast-timeout"),
        (&raw.broadcast_retry, "broadcast-retry"),
    ] {
        positive(time.as_ref(), what, found);
    }
    positive(raw.push_max_tries.as_ref(), "push-max-tries", found);
    let real = EmbeddedSettings::default();
    EmbeddedSettings {
        dump_tick: given(raw.dump_tick.as_ref(), real.dump_tick),
        push_ack_timeout: given(raw.push_ack_timeout.as_ref(), real.push_ack_timeout),
        push_retry_step: given(raw.push_retry_step.as_ref(), real.push_retry_step),
        push_max_tries: given(raw.push_max_tries.as_ref(), real.push_max_tries),
        idle_after: given(raw.idle_after.as_ref(), real.idle_after),
        idle_scan: given(raw.idle_scan.as_ref(), real.idle_scan),
        idle_answer_timeout: given(raw.idle_answer_timeout.as_ref(), real.idle_answer_timeout),
        poll_margin: given(raw.poll_margin.as_ref(), real.poll_margin),
        poll_min_hang: given(raw.poll_min_hang.as_ref(), real.poll_min_hang),
        poll_registers_late: given(raw.poll_registers_late.as_ref(), real.poll_registers_late),
        max_connections: given_or_none(raw.max_connections.as_ref(), real.max_connections),
        reset_answer_timeout: given(raw.reset_answer_timeout.as_ref(), real.reset_answer_timeout),
        cluster: cluster(raw),
        defect: raw.defect.as_ref().map(|defect| defect.value),
        ..real
    }
}

fn cluster(raw: &RawEmbedded) -> ClusterSettings {
    let real = ClusterSettings::default();
    let period = |field: Option<&Spanned<OrNone<Duration>>>, real| {
        given_or_none(field, Some(real)).unwrap_or(Duration::ZERO)
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share is from 0 to 1")]
    let loss = raw.broadcast_loss.as_ref().map(|share| (share.value.0 * 1e6).round() as u32);
    ClusterSettings {
        broadcast_delay: given(raw.broadcast_delay.as_ref(), real.broadcast_delay),
        broadcast_loss_ppm: loss.unwrap_or(real.broadcast_loss_ppm),
        broadcast_timeout: given(raw.broadcast_timeout.as_ref(), real.broadcast_timeout),
        broadcast_retry: given(raw.broadcast_retry.as_ref(), real.broadcast_retry),
        broadcast_retry_step: given(raw.broadcast_retry_step.as_ref(), real.broadcast_retry_step),
        change_scan: period(raw.change_scan.as_ref(), real.change_scan),
        full_dump: period(raw.full_dump.as_ref(), real.full_dump),
    }
}

fn given_or_none<T: Copy>(field: Option<&Spanned<OrNone<T>>>, default: Option<T>) -> Option<T> {
    field.map_or(default, |field| field.value.0)
}

pub(super) fn proxy(raw: Option<&RawProxy>, found: &mut Findings) -> ProxySpec {
    let Some(raw) = raw else { return ProxySpec::default() };
    let kind = given(raw.kind.as_ref(), ProxyKind::Embedded);
    if let Some(home) = raw.home.as_ref().filter(|_| kind == ProxyKind::Embedded && !raw.has_broken_kind()) {
        found
            .warn("scenario::unused", home.span, "the embedded proxy has no home: this is not used")
            .help("remove `home`, or choose `kind: toxiproxy`");
    }
    ProxySpec { kind, home: raw.home.as_ref().map(|home| home.value.clone()) }
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

