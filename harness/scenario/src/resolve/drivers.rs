//! Groups of real clients: which program, what is expected of it, and what cannot be set from outside.

use shakedown_model::backoff::Backoff;
use shakedown_model::plan::{ClientSpec, DriverSpec, ItemsSpec};

use super::{given, positive};
use crate::client::{BUILT_IN_DRIVERS, Sdk, driver_named};
use crate::problem::{Findings, nearest};
use crate::raw::{RawClient, RawDriver, RawDriverParts, RawGroup};
use crate::source::{Span, Spanned};

/// The most clients that one process may hold.
const MOST_PER_PROCESS: u32 = 10_000;

/// The client of a group with a driver: that of the SDK that it holds or should behave like.
pub(super) fn client(
    raw: &RawClient,
    Spanned { value: driver, span }: &Spanned<RawDriver>,
    found: &mut Findings,
) -> Option<ClientSpec> {
    refuse_other_keys(raw, found);
    match driver {
        RawDriver::Named(name) => {
            let sdk = built_in(&name.0, *span, found)?;
            Some(with(
                sdk.client(),
                DriverSpec { name: name.0.clone(), command: None, clients_per_process: 1 },
            ))
        }
        RawDriver::Parts(parts) => own_or_built_in(parts, *span, found),
    }
}

fn with(client: ClientSpec, driver: DriverSpec) -> ClientSpec {
    ClientSpec { driver: Some(driver), ..client }
}

fn built_in(name: &str, span: Span, found: &mut Findings) -> Option<Sdk> {
    let sdk = driver_named(name);
    if sdk.is_none() {
        found
            .error("scenario::unknown_driver", span, format!("there is no driver `{name}`"))
            .help(nearest(name, BUILT_IN_DRIVERS.iter().map(|(name, _)| *name)));
    }
    sdk
}

fn own_or_built_in(raw: &RawDriverParts, span: Span, found: &mut Findings) -> Option<ClientSpec> {
    positive(raw.clients_per_process.as_ref(), "clients-per-process", found);
    if let Some(field) = raw.clients_per_process.as_ref().filter(|field| field.value > MOST_PER_PROCESS) {
        let message = format!("a process holds at most {MOST_PER_PROCESS} clients");
        found.error("scenario::out_of_range", field.span, message);
    }
    let clients_per_process = given(raw.clients_per_process.as_ref(), 1).max(1);
    let name = raw.name.as_ref()?;
    let Some(command) = &raw.command else {
        for (key, span) in [
            ("like", raw.like.as_ref().map(|field| field.span)),
            ("protocol", raw.protocol.as_ref().map(|field| field.span)),
        ] {
            if let Some(span) = span {
                found
                    .error("scenario::conflict", span, format!("`{key}` of `{}` is known", name.value.0))
                    .help("remove it; it is for a `command` of your own");
            }
        }
        let sdk = built_in(&name.value.0, name.span, found)?;
        let name = name.value.0.clone();
        return Some(with(sdk.client(), DriverSpec { name, command: None, clients_per_process }));
    };
    if command.value.is_empty() || command.value[0].value.is_empty() {
        found
            .error("scenario::zero", command.span, "`command` names no program")
            .help("write `command: [python3, my-driver.py]`");
    }
    if driver_named(&name.value.0).is_some() {
        let message = format!("`{}` is a driver that comes with shakedown", name.value.0);
        found.error("scenario::conflict", name.span, message).help("give your own another name");
    }
    let command = command.value.iter().map(|word| word.value.clone()).collect();
    let driver = DriverSpec { name: name.value.0.clone(), command: Some(command), clients_per_process };
    own_client(raw, span, found).map(|client| with(client, driver))
}

/// What is expected of a client of the user's own.
fn own_client(raw: &RawDriverParts, span: Span, found: &mut Findings) -> Option<ClientSpec> {
    match (&raw.like, &raw.protocol) {
        (Some(like), protocol) => {
            let client = like.value.client();
            if let Some(field) = protocol.as_ref().filter(|field| field.value != client.protocol) {
                let message = format!("`{}` does not speak this protocol", like.value.name());
                found.error("scenario::conflict", field.span, message).help("leave `protocol` out");
            }
            Some(client)
        }
        // Without `like` no backoff is declared: what stands here is judged by nothing.
        (None, Some(protocol)) => Some(ClientSpec::new(protocol.value, Backoff::NACOS_JAVA)),
        (None, None) => {
            found
                .error("scenario::missing_key", span, "key `protocol` is missing")
                .label("in this driver")
                .help("write `protocol: nacos-http` or `nacos-grpc`, or `like` with the SDK that it should behave like");
            None
        }
    }
}

/// What the harness sets in a simulated client and cannot set in a program.
fn refuse_other_keys(raw: &RawClient, found: &mut Findings) {
    macro_rules! spans {
        ($($key:literal $field:ident),+ $(,)?) => {
            [$(($key, raw.$field.as_ref().map(|field| field.span))),+]
        };
    }
    let others = spans![
        "like" like,
        "protocol" protocol,
        "backoff" backoff,
        "cache" cache,
        "request-timeout" request_timeout,
        "connect-timeout" connect_timeout,
        "poll-timeout" poll_timeout,
        "poll-grace" poll_grace,
        "health-check" health_check,
        "resync" resync,
        "lists-around-query" lists_around_query,
        "checks-certificates" checks_certificates,
        "retry" retry,
        "query-limit" query_limit,
        "defect" defect,
    ];
    for (key, span) in others {
        let Some(span) = span else { continue };
        let help = match key {
            "like" | "protocol" => "write it into the mapping of a `driver` of your own",
            _ => "remove it: the program does as it does; a simulated client (`like`) can be told",
        };
        found
            .error("scenario::conflict", span, format!("`{key}` cannot be set for a real client"))
            .help(help);
    }
}

/// What a group of real clients cannot have beside its client.
pub(super) fn refuse_in_group(raw: &RawGroup, items: &ItemsSpec, found: &mut Findings) {
    let Some(driver) = raw.client.as_ref().and_then(|client| client.value.driver.as_ref()) else { return };
    if let Some(source) = &raw.source {
        found
            .error("scenario::conflict", source.span, "a real client chooses its own source address")
            .help("remove `source`");
    }
    if items.namespaces.len() > 1 {
        found
            .error(
                "scenario::conflict",
                driver.span,
                "a real client lies in one namespace, and the items are in several",
            )
            .help("give `items.namespaces` one name");
    }
}
