//! What a container is to be.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, NetworkingConfig, PortBinding, PortMap,
};
use shakedown_model::secrets::Secret;

use super::owner::{Owner, PART};

/// A port of a container and where it is found outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mapped {
    /// The port in the container.
    pub(crate) inside: u16,
    /// The port of the engine's host.
    pub(crate) outside: SocketAddr,
}

/// What a container is to be.
#[derive(Debug, Clone)]
pub(crate) struct ContainerRequest {
    /// What it is within the run, such as `nacos-0`: its host name, and its name in the run's network.
    pub(crate) part: String,
    /// The image with its tag.
    pub(crate) image: String,
    /// Its environment; values may be secrets.
    pub(crate) env: BTreeMap<String, Secret>,
    /// The arguments, where the image's own are not right.
    pub(crate) command: Vec<String>,
    /// Its ports.
    pub(crate) ports: Vec<Mapped>,
    /// The folder in it that outlives it within the run.
    pub(crate) data: Option<&'static str>,
    /// The memory that it may take, in bytes.
    pub(crate) memory_bytes: Option<u64>,
    /// The processors that it may take.
    pub(crate) cpus: Option<f64>,
}

impl ContainerRequest {
    /// The name of the container, and of its volume.
    pub(super) fn name(&self, owner: &Owner) -> String {
        owner.name(&self.part)
    }

    /// The body of the engine's `POST /containers/create`.
    pub(super) fn body(&self, owner: &Owner, network: &str) -> ContainerCreateBody {
        let mut labels = owner.labels();
        labels.insert(PART.to_owned(), self.part.clone());
        let port = |mapped: &Mapped| format!("{}/tcp", mapped.inside);
        let endpoint =
            EndpointSettings { aliases: Some(vec![self.part.clone()]), ..EndpointSettings::default() };
        ContainerCreateBody {
            hostname: Some(self.part.clone()),
            image: Some(self.image.clone()),
            env: Some(self.env.iter().map(|(name, value)| format!("{name}={}", value.reveal())).collect()),
            cmd: (!self.command.is_empty()).then(|| self.command.clone()),
            exposed_ports: Some(self.ports.iter().map(port).collect()),
            labels: Some(labels),
            host_config: Some(HostConfig {
                // Memory without swap: a server that swaps measures the disk.
                memory: self.memory_bytes.and_then(|bytes| i64::try_from(bytes).ok()),
                memory_swap: self.memory_bytes.and_then(|bytes| i64::try_from(bytes).ok()),
                nano_cpus: self.cpus.map(nano_cpus),
                port_bindings: Some(self.bindings()),
                binds: self.data.map(|folder| vec![format!("{}:{folder}", self.name(owner))]),
                network_mode: Some(network.to_owned()),
                ..HostConfig::default()
            }),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some(HashMap::from([(network.to_owned(), endpoint)])),
            }),
            ..ContainerCreateBody::default()
        }
    }

    fn bindings(&self) -> PortMap {
        let binding = |mapped: &Mapped| {
            // On this machine only loopback is bound; elsewhere the engine's host must be reached from here.
            let host_ip = match mapped.outside.ip() {
                ip if ip.is_loopback() => ip,
                IpAddr::V4(_) => IpAddr::from([0, 0, 0, 0]),
                IpAddr::V6(_) => IpAddr::from([0_u16; 8]),
            };
            let binding = PortBinding {
                host_ip: Some(host_ip.to_string()),
                host_port: Some(mapped.outside.port().to_string()),
            };
            (format!("{}/tcp", mapped.inside), Some(vec![binding]))
        };
        self.ports.iter().map(binding).collect()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a machine has far fewer than 9e9 processors")]
fn nano_cpus(cpus: f64) -> i64 {
    (cpus * 1e9).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_bears_its_labels_ports_limits_and_data() {
        let request = ContainerRequest {
            part: "nacos-1".into(),
            image: "nacos/nacos-server:v2.5.0".into(),
            env: BTreeMap::from([("A".to_owned(), Secret::new("hush"))]),
            command: Vec::new(),
            ports: vec![Mapped { inside: 8848, outside: "127.0.0.1:15000".parse().unwrap() }],
            data: Some("/home/nacos/data"),
            memory_bytes: Some(1 << 30),
            cpus: Some(1.5),
        };
        assert!(!format!("{request:?}").contains("hush"));
        let owner = Owner::this_process("r");
        let body = request.body(&owner, "net");
        assert_eq!(body.env.unwrap(), ["A=hush"]);
        assert_eq!(body.cmd, None);
        let labels = body.labels.unwrap();
        assert_eq!((labels["org.shakedown.run"].as_str(), labels[PART].as_str()), ("r", "nacos-1"));
        let host = body.host_config.unwrap();
        assert_eq!(
            (host.memory, host.memory_swap, host.nano_cpus),
            (Some(1 << 30), Some(1 << 30), Some(1_500_000_000))
        );
        assert_eq!(host.binds.unwrap(), [format!("{}:/home/nacos/data", owner.name("nacos-1"))]);
        let binding = host.port_bindings.unwrap()["8848/tcp"].clone().unwrap();
        assert_eq!(binding[0].host_ip.as_deref(), Some("127.0.0.1"));
        assert_eq!(binding[0].host_port.as_deref(), Some("15000"));
        let endpoints = body.networking_config.unwrap().endpoints_config.unwrap();
        assert_eq!(endpoints["net"].aliases.as_deref(), Some(&["nacos-1".to_owned()][..]));
    }
}
