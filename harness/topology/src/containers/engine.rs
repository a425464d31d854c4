//! The container engine: found, asked, told.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use futures_util::StreamExt as _;
use testcontainers::bollard::Docker;
use testcontainers::bollard::models::{CreateImageInfo, NetworkCreateRequest, VolumeCreateRequest};
use testcontainers::bollard::query_parameters::CreateImageOptionsBuilder;
use testcontainers::core::client::docker_client_instance;
use tokio::time::{Instant, timeout};

use super::Progress;
use super::error::{ContainerError, status};
use super::owner::Owner;

/// An engine that does not answer by then is not there.
const PATIENCE: Duration = Duration::from_secs(10);
/// The progress of a pull is told this often.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// Where an engine listens when nothing else is said.
const SOCKET: &str = "unix:///var/run/docker.sock";

/// A container engine that answers.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    docker: Docker,
    host: IpAddr,
}

impl Engine {
    /// Finds the engine as testcontainers does: at DOCKER_HOST, else at the usual socket, else at those of engines
    /// without root.
    pub(crate) async fn connect() -> Result<Self, ContainerError> {
        let named = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        let at = named("DOCKER_HOST").unwrap_or_else(|| SOCKET.to_owned());
        let none = |why: String| ContainerError::NoEngine { at: at.clone(), why };
        if named("DOCKER_TLS_VERIFY").is_some() && named("DOCKER_CERT_PATH").is_none() {
            return Err(none("DOCKER_TLS_VERIFY is set, and DOCKER_CERT_PATH is not".to_owned()));
        }
        let docker = docker_client_instance().await.map_err(|error| none(told(&error)))?;
        timeout(PATIENCE, docker.ping())
            .await
            .map_err(|_| none(format!("no answer within {} s", PATIENCE.as_secs())))?
            .map_err(|error| none(told(&error)))?;
        let host = match address_of(&at) {
            None => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Some(address) => {
                let found = tokio::net::lookup_host(address).await.ok().and_then(|mut found| found.next());
                found.ok_or_else(|| none("its name has no address".to_owned()))?.ip()
            }
        };
        Ok(Self { docker, host })
    }

    pub(crate) fn docker(&self) -> &Docker {
        &self.docker
    }

    /// Where the ports of containers are found.
    pub(crate) fn host(&self) -> IpAddr {
        self.host
    }

    /// The engine's version, in words.
    pub(crate) async fn version(&self) -> Result<String, ContainerError> {
        let version = self.docker.version().await.map_err(ContainerError::at("tell its version"))?;
        let number = version.version.unwrap_or_else(|| "of no version".to_owned());
        Ok(number)
    }

    /// Sees to it that the image is there; what is there is not looked for anew.
    pub(crate) async fn provide(&self, image: &str, progress: Progress<'_>) -> Result<(), ContainerError> {
        match self.docker.inspect_image(image).await {
            Ok(_) => return Ok(()),
            Err(error) if status(&error) == Some(404) => {}
            Err(error) => return Err(ContainerError::at(format!("look for the image {image}"))(error)),
        }
        progress(format!("pulling the image {image}"));
        let options = CreateImageOptionsBuilder::new().from_image(image).build();
        let mut pull = self.docker.create_image(Some(options), None, None);
        let (began, mut told_at) = (Instant::now(), Instant::now());
        while let Some(step) = pull.next().await {
            let no_image = |why| ContainerError::NoImage { image: image.to_owned(), why };
            let step = step.map_err(|error| no_image(told(&error)))?;
            if let Some(why) = refusal(&step) {
                return Err(no_image(why));
            }
            if told_at.elapsed() >= TELL_EVERY {
                told_at = Instant::now();
                let what = step.status.unwrap_or_default();
                progress(format!("pulling the image {image}: {what}, {} s", began.elapsed().as_secs()));
            }
        }
        Ok(())
    }

    pub(super) async fn make_network(&self, name: &str, owner: &Owner) -> Result<(), ContainerError> {
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            labels: Some(owner.labels()),
            ..NetworkCreateRequest::default()
        };
        let made = self.docker.create_network(request).await;
        made.map(drop).map_err(ContainerError::at(format!("make the network {name}")))
    }

    pub(super) async fn make_volume(&self, name: &str, owner: &Owner) -> Result<(), ContainerError> {
        let request = VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some(owner.labels()),
            ..VolumeCreateRequest::default()
        };
        let made = self.docker.create_volume(request).await;
        made.map(drop).map_err(ContainerError::at(format!("make the volume {name}")))
    }
}

fn refusal(step: &CreateImageInfo) -> Option<String> {
    step.error_detail
        .as_ref()
        .map(|detail| detail.message.clone().unwrap_or_else(|| "no reason given".to_owned()))
}

/// `host:port` of an engine that is spoken to by TCP.
fn address_of(at: &str) -> Option<String> {
    let address = at
        .strip_prefix("tcp://")
        .or_else(|| at.strip_prefix("http://"))
        .or_else(|| at.strip_prefix("https://"))?
        .trim_end_matches('/');
    Some(if address.contains(':') { address.to_owned() } else { format!("{address}:2375") })
}

/// An error and its causes in one line.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_is_spoken_to_by_tcp_has_an_address() {
        assert_eq!(address_of("tcp://docker:2375/"), Some("docker:2375".to_owned()));
        assert_eq!(address_of("tcp://docker"), Some("docker:2375".to_owned()));
        assert_eq!(address_of("unix:///var/run/docker.sock"), None);
    }
}
