//! Servers and proxies in containers, in words.

use std::fmt::{self, Write as _};

use shakedown_model::plan::{ProxySpec, ServerSpec};

use crate::quantity::show_size;

pub(super) fn server(out: &mut String, server: &ServerSpec) -> fmt::Result {
    let settings = &server.container;
    writeln!(out, "  container:")?;
    writeln!(out, "    image: {}", server.image())?;
    let memory = settings.memory_bytes.and_then(|bytes| usize::try_from(bytes).ok());
    writeln!(out, "    memory: {}", memory.map_or_else(|| "no limit".to_owned(), show_size))?;
    writeln!(
        out,
        "    cpus: {}",
        settings.cpus.map_or_else(|| "no limit".to_owned(), |cpus| cpus.to_string())
    )?;
    let names: Vec<_> = settings.env.keys().map(String::as_str).collect();
    writeln!(out, "    env: [{}] # beside the harness' own", names.join(", "))
}

pub(super) fn proxy(out: &mut String, proxy: &ProxySpec) -> fmt::Result {
    writeln!(out, "  kind: toxiproxy # the real one, in the network of the servers' containers")?;
    writeln!(out, "  place: container")?;
    writeln!(out, "  image: {}", proxy.image())
}
