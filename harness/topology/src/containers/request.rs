//! What a container is to be.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use shakedown_model::secrets::Secret;
use testcontainers::bollard::models::{HostConfig, PortBinding, PortMap};
use testcontainers::core::{IntoContainerPort as _, Mount};
use testcontainers::{ContainerRequest as Request, GenericImage, ImageExt as _};

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
    /// What it is within the run, such as `nacos-0`.
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
    /// The name of the container, by which others in the network find it, and of its volume.
    pub(super) fn name(&self, owner: &Owner) -> String {
        owner.name(&self.part)
    }

    /// As testcontainers wants it.
    pub(super) fn image(&self, owner: &Owner, network: &str) -> Request<GenericImage> {
        let name = self.name(owner);
        // A digest has its colon at the same place.
        let (image, tag) = self.image.rsplit_once(':').unwrap_or((&self.image, "latest"));
        let limits = Limits { memory_bytes: self.memory_bytes, cpus: self.cpus, bindings: self.bindings() };
        let mut request = GenericImage::new(image, tag)
            .with_container_name(&name)
            .with_hostname(&name)
            .with_network(network)
            .with_labels(owner.labels())
            .with_label(PART, &self.part)
            .with_host_config_modifier(move |host| limits.set(host));
        for (variable, value) in &self.env {
            request = request.with_env_var(variable, value.reveal());
        }
        if !self.command.is_empty() {
            request = request.with_cmd(&self.command);
        }
        for mapped in &self.ports {
            request = request.with_mapped_port(mapped.outside.port(), mapped.inside.tcp());
        }
        match self.data {
            Some(folder) => request.with_mount(Mount::volume_mount(name, folder)),
            None => request,
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

/// What testcontainers has no word for.
#[derive(Debug)]
struct Limits {
    memory_bytes: Option<u64>,
    cpus: Option<f64>,
    bindings: PortMap,
}

impl Limits {
    fn set(&self, host: &mut HostConfig) {
        // Memory without swap: a server that swaps measures the disk.
        let memory = self.memory_bytes.and_then(|bytes| i64::try_from(bytes).ok());
        host.memory = memory;
        host.memory_swap = memory;
        host.nano_cpus = self.cpus.map(nano_cpus);
        host.port_bindings = Some(self.bindings.clone());
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
        let made = request.image(&owner, "net");
        assert_eq!(made.descriptor(), "nacos/nacos-server:v2.5.0");
        assert_eq!(made.container_name().as_deref(), Some(owner.name("nacos-1").as_str()));
        assert_eq!(made.network().as_deref(), Some("net"));
        let labels = made.labels();
        assert_eq!((labels["org.shakedown.run"].as_str(), labels[PART].as_str()), ("r", "nacos-1"));
        let mount = made.mounts().next().unwrap();
        assert_eq!(
            (mount.source(), mount.target()),
            (Some(owner.name("nacos-1").as_str()), Some("/home/nacos/data"))
        );
        let limits = Limits { memory_bytes: Some(1 << 30), cpus: Some(1.5), bindings: request.bindings() };
        let mut host = HostConfig::default();
        limits.set(&mut host);
        assert_eq!(
            (host.memory, host.memory_swap, host.nano_cpus),
            (Some(1 << 30), Some(1 << 30), Some(1_500_000_000))
        );
        let binding = host.port_bindings.unwrap()["8848/tcp"].clone().unwrap();
        assert_eq!(binding[0].host_ip.as_deref(), Some("127.0.0.1"));
        assert_eq!(binding[0].host_port.as_deref(), Some("15000"));
    }

    #[test]
    fn a_digest_stays_whole() {
        let request = ContainerRequest {
            part: "toxiproxy".into(),
            image: "a/b@sha256:0123".into(),
            env: BTreeMap::new(),
            command: Vec::new(),
            ports: vec![Mapped { inside: 1, outside: "10.0.0.7:15000".parse().unwrap() }],
            data: None,
            memory_bytes: None,
            cpus: None,
        };
        assert_eq!(request.image(&Owner::this_process("r"), "net").descriptor(), "a/b@sha256:0123");
        let binding = request.bindings()["1/tcp"].clone().unwrap();
        assert_eq!(binding[0].host_ip.as_deref(), Some("0.0.0.0"), "found from another machine");
    }
}
