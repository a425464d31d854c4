//! `GET /metrics`: Prometheus' text format, with Toxiproxy's names for what both have.
//!
//! Toxiproxy's proxy metrics (`METRICS.md`) count bytes when a connection ends; these count them as they pass. Of its
//! runtime metrics the process' own are here, and nothing of Go. What only this proxy counts begins with `shakedown_`.

mod process;

use std::fmt::Write as _;

use crate::stats::{PathBytes, ProxyStats, StatsBook};

/// All metrics now.
pub(crate) fn text(stats: &StatsBook) -> String {
    let mut page = Page::default();
    let paths = stats.paths();
    page.bytes("received", "Bytes read", &paths, |path| path.received);
    page.bytes("sent", "Bytes written", &paths, |path| path.sent);
    let all = stats.read();
    for (name, kind, help, value) in OWN {
        page.family(name, kind, help);
        for (proxy, stats) in &all.proxies {
            page.sample(name, &[("proxy", proxy)], value(stats));
        }
    }
    for gauge in process::read() {
        page.family(gauge.name, gauge.kind, gauge.help);
        page.sample(gauge.name, &[], gauge.value);
    }
    page.0
}

/// A metric's name, kind, help, and where its value is found.
type Own = (&'static str, &'static str, &'static str, fn(&ProxyStats) -> u64);

const OWN: [Own; 6] = [
    ("shakedown_proxy_connections_open", "gauge", "Connections that are open.", |stats| {
        stats.connections_open
    }),
    ("shakedown_proxy_connections_accepted_total", "counter", "Connections that were accepted.", |stats| {
        stats.connections_accepted
    }),
    ("shakedown_proxy_resets_total", "counter", "Connections that the proxy reset.", |stats| stats.resets),
    (
        "shakedown_proxy_upstream_failures_total",
        "counter",
        "Connections whose upstream was not reached.",
        |stats| stats.upstream_failures,
    ),
    (
        "shakedown_proxy_backpressure_stops_total",
        "counter",
        "Times that a full queue stopped reading.",
        |stats| stats.backpressure_stops,
    ),
    ("shakedown_proxy_accept_failures_total", "counter", "Times that accepting failed.", |stats| {
        stats.accept_failures
    }),
];

#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let labels: Vec<_> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        self.line(format_args!("{name}{labels} {value}\n"));
    }

    fn bytes(&mut self, what: &str, help: &str, paths: &[PathBytes], of: impl Fn(&PathBytes) -> [u64; 2]) {
        let name = format!("toxiproxy_proxy_{what}_bytes_total");
        self.family(&name, "counter", &format!("{help} in a direction of a proxy."));
        for path in paths {
            for (direction, bytes) in ["upstream", "downstream"].into_iter().zip(of(path)) {
                let labels = [
                    ("direction", direction),
                    ("listener", &path.listen),
                    ("proxy", &path.proxy),
                    ("upstream", &path.upstream),
                ];
                self.sample(&name, &labels, bytes);
            }
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        self.0.write_fmt(line).expect("a string takes all that is written to it");
    }
}

/// A label's value as the format wants it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_by_proxy_and_addresses() {
        let book = StatsBook::default();
        let tally = book.add("a \"b\"\\");
        book.add("never served");
        tally.serves("127.0.0.1:1", "up:1");
        tally.taken(0, 7);
        tally.moved(0, 5);
        let line = |what: &str, upstream: &str, bytes: u64| {
            let labels = format!(
                r#"direction="upstream",listener="127.0.0.1:1",proxy="a \"b\"\\",upstream="{upstream}""#
            );
            format!("toxiproxy_proxy_{what}_bytes_total{{{labels}}} {bytes}\n")
        };
        let page = text(&book);
        assert!(
            page.contains(&line("received", "up:1", 7)) && page.contains(&line("sent", "up:1", 5)),
            "{page}"
        );
        assert!(page.contains("# TYPE toxiproxy_proxy_sent_bytes_total counter\n"));
        tally.serves("127.0.0.1:1", "up:2");
        tally.moved(0, 3);
        let page = text(&book);
        assert!(page.contains(&line("sent", "up:2", 3)), "another upstream is another series: {page}");
        assert!(page.contains("shakedown_proxy_resets_total{proxy=\"never served\"} 0\n"));
    }

    #[test]
    fn the_process_is_described() {
        let page = text(&StatsBook::default());
        for name in
            ["resident_memory_bytes", "open_fds", "max_fds", "cpu_seconds_total", "start_time_seconds"]
        {
            let name = format!("\nprocess_{name} ");
            let at = page.find(&name).unwrap_or_else(|| panic!("no {name} in {page}"));
            let value: f64 = page[at + name.len()..].lines().next().unwrap().parse().unwrap();
            assert!(value > 0.0, "{name} {value}");
        }
    }
}
