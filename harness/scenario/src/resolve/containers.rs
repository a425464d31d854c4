//! Servers and proxies in containers.

use shakedown_model::plan::{Backend, ContainerSettings, ProxyKind, ProxyPlace, ProxySpec, ServerSpec};
use shakedown_model::secrets::Secret;

use super::positive;
use crate::problem::Findings;
use crate::raw::{RawContainer, RawProxy, RawProxyPlace, RawServer};
use crate::source::Spanned;

/// A cluster of Nacos keeps its configs by raft, which needs a majority: two nodes are worse than one.
const LEAST_CLUSTER: u16 = 3;
/// Less memory is taken before the JVM has a heap.
const LEAST_MEMORY: usize = 256 << 20;

/// What the container backend is told, and what it cannot do.
pub(super) fn server(raw: &RawServer, server: &ServerSpec, found: &mut Findings) -> ContainerSettings {
    let is_container = server.backend == Backend::Container;
    if let Some(nodes) =
        raw.nodes.as_ref().filter(|_| is_container && (2..LEAST_CLUSTER).contains(&server.nodes))
    {
        found
            .error(
                "scenario::out_of_range",
                nodes.span,
                "a cluster of two nodes with embedded storage has no majority",
            )
            .help("write `nodes: 1`, or `nodes: 3` or more");
    }
    let Some(Spanned { value: container, span }) = &raw.container else {
        return ContainerSettings::default();
    };
    if !is_container {
        found
            .error("scenario::not_supported", *span, "only servers in containers have these settings")
            .help("remove `container`, or choose `backend: container`");
    }
    settings(container, &server.version, found)
}

fn settings(raw: &RawContainer, version: &str, found: &mut Findings) -> ContainerSettings {
    of_version(raw.image.as_ref(), version, found);
    if let Some(memory) = raw.memory.as_ref().filter(|memory| memory.value.0 < LEAST_MEMORY) {
        found
            .error("scenario::out_of_range", memory.span, "a server does not start with so little memory")
            .help(
                "write `memory: 1GiB`, or lower the heap as well (JVM_XMX in `env`) and write 256MiB or more",
            );
    }
    positive(raw.cpus.as_ref(), "cpus", found);
    let env = raw.env.as_ref().map_or(&[][..], |env| env.value.0.as_slice());
    ContainerSettings {
        image: raw.image.as_ref().map(|image| image.value.clone()),
        env: env.iter().map(|(name, value)| (name.value.0.clone(), Secret::new(value.clone()))).collect(),
        memory_bytes: raw.memory.as_ref().and_then(|memory| u64::try_from(memory.value.0).ok()),
        cpus: raw.cpus.as_ref().map(|cpus| cpus.value.0),
    }
}

/// An image without a tag is whatever was newest when it was pulled: figures of two runs could not be compared.
fn tagged(image: Option<&Spanned<String>>, found: &mut Findings) {
    let has_tag = |image: &str| {
        let name = image.rsplit('/').next().unwrap_or_default();
        name.contains(':') && !name.ends_with(':')
    };
    if let Some(image) = image.filter(|image| !has_tag(&image.value)) {
        found.error("scenario::no_tag", image.span, format!("the image `{}` has no tag", image.value)).help(
            format!("name the version that is meant, such as `{}:v2.5.0`", image.value.trim_end_matches(':')),
        );
    }
}

/// A server's image: the version tells how it is spoken to, so that a tag that names another one is a slip.
pub(super) fn of_version(image: Option<&Spanned<String>>, version: &str, found: &mut Findings) {
    tagged(image, found);
    let Some(image) = image else { return };
    let tag = image.value.rsplit('/').next().and_then(|name| name.split_once(':')).map_or("", |(_, tag)| tag);
    let (told, meant) = (numbers(tag), numbers(version));
    // `v2` is any 2.x, and a tag such as `nightly` tells nothing.
    if told.iter().zip(&meant).any(|(told, meant)| told != meant) {
        found
            .error(
                "scenario::conflict",
                image.span,
                format!(
                    "the image is of another version (`{tag}`) than the server is said to have (`{version}`)"
                ),
            )
            .help("write the version that the image has, or the image of that version");
    }
}

/// The numbers at the start of a version or a tag: 2, 5 and 0 of `v2.5.0-slim`.
fn numbers(text: &str) -> Vec<u32> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let end = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].split('.').map_while(|part| part.parse().ok()).collect()
}

/// Where the proxies run, and what those places cannot do.
pub(super) fn proxy(raw: &RawProxy, proxy: ProxySpec, found: &mut Findings) -> ProxySpec {
    let place = raw.place.as_ref().map_or(RawProxyPlace::Process, |place| place.value);
    tagged(raw.image.as_ref(), found);
    if let Some(place) = raw.place.as_ref().filter(|_| proxy.kind != ProxyKind::Toxiproxy) {
        found
            .error("scenario::not_supported", place.span, "only Toxiproxy has a place to run at")
            .help("remove `place`, or choose `kind: toxiproxy`");
    }
    if let Some(image) = raw.image.as_ref().filter(|_| place != RawProxyPlace::Container) {
        found
            .error("scenario::not_supported", image.span, "only a proxy in a container has an image")
            .help("remove `image`, or choose `kind: toxiproxy` and `place: container`");
    }
    if let Some(home) = raw.home.as_ref().filter(|_| place == RawProxyPlace::Container) {
        found
            .warn("scenario::unused", home.span, "a proxy in a container has no home: this is not used")
            .help("remove `home`, or choose `place: process`");
    }
    let place = match place {
        RawProxyPlace::Process => ProxyPlace::Process,
        RawProxyPlace::Container => ProxyPlace::Container,
    };
    ProxySpec { place, image: raw.image.as_ref().map(|image| image.value.clone()), ..proxy }
}

/// A proxy in a container is in the network of the servers' containers, and reaches nothing else.
pub(super) fn together(raw: Option<&RawProxy>, proxy: &ProxySpec, server: &ServerSpec, found: &mut Findings) {
    let place = raw.and_then(|raw| raw.place.as_ref());
    if let Some(place) =
        place.filter(|_| proxy.place == ProxyPlace::Container && server.backend != Backend::Container)
    {
        found
            .error(
                "scenario::not_supported",
                place.span,
                "a proxy in a container reaches only servers in containers",
            )
            .help("choose `backend: container` for the server too, or `place: process` for the proxy");
    }
}
