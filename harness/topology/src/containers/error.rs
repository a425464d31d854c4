//! Why something could not be done with containers.

use crate::guard::GuardError;

/// Something could not be done with containers.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// There is no engine.
    #[error(
        "no container engine answers at `{at}`: {why}; start one (such as dockerd), or set DOCKER_HOST to one that runs; `shakedown doctor` tells what was found"
    )]
    NoEngine {
        /// Where it was looked for.
        at: String,
        /// What happened.
        why: String,
    },
    /// An image is not there and cannot be had.
    #[error(
        "the container engine has no image `{image}` and cannot pull it: {why}; load it with `docker pull {image}` or `docker load`, or name another (`server.container.image`, `server.version`, `proxy.image`)"
    )]
    NoImage {
        /// The image.
        image: String,
        /// What the engine said.
        why: String,
    },
    /// The engine refused, or did not answer.
    #[error("the container engine could not {attempt}")]
    Engine {
        /// What was attempted, as in "could not start nacos-0".
        attempt: String,
        /// Why.
        source: Box<testcontainers::bollard::errors::Error>,
    },
    /// testcontainers failed.
    #[error("the container engine could not {attempt}")]
    Containers {
        /// What was attempted.
        attempt: String,
        /// Why.
        source: Box<testcontainers::TestcontainersError>,
    },
    /// What was to be removed is still there.
    #[error("on the container engine stay: {left}; remove them with `shakedown doctor --sweep`")]
    Left {
        /// What.
        left: String,
    },
    /// The guard is not there.
    #[error(transparent)]
    Guard(#[from] GuardError),
}

impl ContainerError {
    /// An error of the engine at this attempt.
    pub(crate) fn at(
        attempt: impl Into<String>,
    ) -> impl FnOnce(testcontainers::bollard::errors::Error) -> Self {
        let attempt = attempt.into();
        move |source| Self::Engine { attempt, source: Box::new(source) }
    }
}

impl ContainerError {
    /// An error of testcontainers at this attempt.
    pub(crate) fn of(attempt: impl Into<String>) -> impl FnOnce(testcontainers::TestcontainersError) -> Self {
        let attempt = attempt.into();
        move |source| Self::Containers { attempt, source: Box::new(source) }
    }
}

/// The status with which the engine refused, if it did.
pub(super) fn status(error: &testcontainers::bollard::errors::Error) -> Option<u16> {
    match error {
        testcontainers::bollard::errors::Error::DockerResponseServerError { status_code, .. } => {
            Some(*status_code)
        }
        _ => None,
    }
}
