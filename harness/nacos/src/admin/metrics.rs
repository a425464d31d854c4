//! What a server tells of itself at `/nacos/actuator/prometheus`, where it was told to (Spring Boot's actuator; seen on
//! 2.5.0 and 3.1.0, both at the HTTP port and without a login).

use std::collections::BTreeMap;

use http::Method;

use super::{AdminClient, AdminError, publish};
use crate::exposition::{self, Sample};

/// The environment variable that makes a server tell its metrics, and its value (Spring Boot reads properties from the
/// environment: `management.endpoints.web.exposure.include`).
pub const METRICS_ENV: (&str, &str) = ("MANAGEMENT_ENDPOINTS_WEB_EXPOSURE_INCLUDE", "prometheus,health");

const PATH: &str = "/nacos/actuator/prometheus";
const CALL: &str = "reading metrics";

/// A figure of ours and the samples that it is the sum of.
struct Figure {
    name: &'static str,
    metric: &'static str,
    labels: &'static [(&'static str, &'static str)],
}

const fn figure(
    name: &'static str,
    metric: &'static str,
    labels: &'static [(&'static str, &'static str)],
) -> Figure {
    Figure { name, metric, labels }
}

/// What is kept of some 300 samples. Names that end in `-sum` only grow while the process lives.
const FIGURES: [Figure; 20] = [
    figure("heap-bytes", "jvm_memory_used_bytes", &[("area", "heap")]),
    figure("heap-limit-bytes", "jvm_gc_max_data_size_bytes", &[]),
    figure("gc-pauses-sum", "jvm_gc_pause_seconds_count", &[]),
    figure("gc-seconds-sum", "jvm_gc_pause_seconds_sum", &[]),
    figure("allocated-bytes-sum", "jvm_gc_memory_allocated_bytes_total", &[]),
    figure("threads", "jvm_threads_live_threads", &[]),
    figure("uptime-seconds", "process_uptime_seconds", &[]),
    figure("grpc-connections", "nacos_monitor", &[("module", "core"), ("name", "longConnection")]),
    figure("long-polls", "nacos_monitor", &[("module", "config"), ("name", "longPolling")]),
    figure("configs", "nacos_monitor", &[("module", "config"), ("name", "configCount")]),
    figure("publishes-sum", "nacos_monitor", &[("module", "config"), ("name", "publish")]),
    figure("reads-sum", "nacos_monitor", &[("module", "config"), ("name", "getConfig")]),
    figure("dump-tasks", "nacos_monitor", &[("module", "config"), ("name", "dumpTask")]),
    figure("node-notify-tasks", "nacos_monitor", &[("module", "config"), ("name", "notifyTask")]),
    figure("push-tasks", "nacos_monitor", &[("module", "config"), ("name", "notifyClientTask")]),
    figure(
        "grpc-calls-running",
        "grpc_server_executor",
        &[("name", "activeCount"), ("type", "grpcSdkServer")],
    ),
    figure(
        "grpc-calls-waiting",
        "grpc_server_executor",
        &[("name", "inQueueTaskCount"), ("type", "grpcSdkServer")],
    ),
    figure("http-requests-sum", "http_server_requests_seconds_count", &[]),
    figure("http-seconds-sum", "http_server_requests_seconds_sum", &[]),
    figure(
        "cluster-calls-waiting",
        "grpc_server_executor",
        &[("name", "inQueueTaskCount"), ("type", "grpcClusterServer")],
    ),
];

impl AdminClient {
    /// What the server tells of itself, by name with the unit at its end; a figure that it does not tell is absent.
    /// Beside those of the table: `cpu-cores`, the processor time that its process used of late.
    ///
    /// # Errors
    /// [`AdminError::Status`] (404) when the server tells no metrics, and what else a call fails with.
    pub async fn metrics(&self) -> Result<BTreeMap<String, f64>, AdminError> {
        let answer = self.exchange.send(self.exchange.call(Method::GET, PATH)).await;
        let text = self.expect_ok(CALL, answer.map_err(|source| self.no_answer(CALL, source))?)?;
        let samples = exposition::samples(&text).map_err(|error| AdminError::Unreadable {
            call: CALL,
            server: self.server().to_string(),
            text: publish::start_of(&error.to_string()),
        })?;
        Ok(figures(&samples))
    }
}

fn figures(samples: &[Sample<'_>]) -> BTreeMap<String, f64> {
    let sum = |metric: &str, labels: &[(&str, &str)]| {
        let found = samples.iter().filter(|sample| sample.name == metric && sample.bears(labels));
        // What is not known is told as -1 or as no number.
        let known = found.map(|sample| sample.value).filter(|value| value.is_finite() && *value >= 0.0);
        known.reduce(|a, b| a + b)
    };
    let mut figures: BTreeMap<String, f64> = FIGURES
        .iter()
        .filter_map(|figure| Some((figure.name.to_owned(), sum(figure.metric, figure.labels)?)))
        .collect();
    // The process' share of all processors, from 0 to 1.
    if let (Some(share), Some(processors)) = (sum("process_cpu_usage", &[]), sum("system_cpu_count", &[])) {
        figures.insert("cpu-cores".to_owned(), share * processors);
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of a 2.5.0 server.
    const TEXT: &str = r#"# TYPE jvm_memory_used_bytes gauge
jvm_memory_used_bytes{area="nonheap",id="Metaspace",} 7.9381624E7
jvm_memory_used_bytes{area="heap",id="G1 Old Gen",} 6.2297592E7
jvm_memory_used_bytes{area="heap",id="G1 Eden Space",} 2.62144E7
jvm_gc_max_data_size_bytes 5.36870912E8
jvm_gc_pause_seconds_count{action="end of minor GC",cause="Metadata GC Threshold",} 1.0
jvm_gc_pause_seconds_sum{action="end of minor GC",cause="Metadata GC Threshold",} 0.02
jvm_gc_pause_seconds_count{action="end of minor GC",cause="G1 Evacuation Pause",} 3.0
jvm_gc_pause_seconds_sum{action="end of minor GC",cause="G1 Evacuation Pause",} 0.607
process_cpu_usage 0.25
system_cpu_count 2.0
nacos_monitor{module="naming",name="maxPushCost",} -1.0
nacos_monitor{module="config",name="longPolling",} 12.0
nacos_monitor{module="core",name="longConnection",} -1.0
nacos_monitor_seconds_sum{module="core",name="raft_apply_log_timer",} 0.0
"#;

    #[test]
    fn figures_are_sums_of_what_is_known() {
        let figures = figures(&exposition::samples(TEXT).unwrap());
        let expected = [
            ("cpu-cores", 0.5),
            ("gc-pauses-sum", 4.0),
            ("gc-seconds-sum", 0.02 + 0.607),
            ("heap-bytes", 62_297_592.0 + 26_214_400.0),
            ("heap-limit-bytes", 536_870_912.0),
            ("long-polls", 12.0),
        ];
        let expected: BTreeMap<String, f64> = expected.map(|(name, value)| (name.to_owned(), value)).into();
        assert_eq!(figures, expected);
    }
}
