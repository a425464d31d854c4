//! What runs left on the engine, told apart by whether their harness still lives.

use std::collections::{BTreeMap, HashMap};

use testcontainers::bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
};

use super::engine::Engine;
use super::error::ContainerError;
use super::owner::{Life, Owner};
use super::removal::{Removed, remove_all};

/// What one run has on the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// The run.
    pub run: String,
    /// In words, such as "2 containers, 1 network, 1 volume".
    pub what: String,
}

/// What runs have on the engine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Orphans {
    /// Of runs whose harness is gone.
    pub dead: Vec<Orphan>,
    /// Of runs under way.
    pub living: Vec<Orphan>,
    /// Of runs of other machines, or of processes that cannot be seen from here.
    pub elsewhere: Vec<Orphan>,
}

/// What a sweep did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sweep {
    /// Runs whose leavings were removed.
    pub swept: Vec<Orphan>,
    /// Runs whose leavings could not be removed, and why.
    pub trouble: Vec<(String, String)>,
}

/// What runs have on the engine.
///
/// # Errors
/// [`ContainerError`] when there is no engine, or it does not say.
pub async fn orphans() -> Result<Orphans, ContainerError> {
    let found = found(&Engine::connect().await?).await?;
    let mut orphans = Orphans::default();
    for (owner, things) in found {
        let orphan = things.orphan(&owner);
        match owner.life() {
            Life::Dead => orphans.dead.push(orphan),
            Life::Lives => orphans.living.push(orphan),
            Life::Elsewhere => orphans.elsewhere.push(orphan),
        }
    }
    Ok(orphans)
}

/// Removes what runs left whose harness is gone; nothing else.
///
/// # Errors
/// [`ContainerError`] when there is no engine, or it does not say what it has.
pub async fn sweep() -> Result<Sweep, ContainerError> {
    let engine = Engine::connect().await?;
    let mut sweep = Sweep::default();
    for (owner, _) in found(&engine).await?.into_iter().filter(|(owner, _)| owner.life() == Life::Dead) {
        match remove_all(&engine, &owner, None).await {
            Ok(removed) => sweep.swept.push(Things::from(removed).orphan(&owner)),
            Err(error) => sweep.trouble.push((owner.run().to_owned(), error.to_string())),
        }
    }
    Ok(sweep)
}

#[derive(Debug, Default, Clone, Copy)]
struct Things {
    containers: usize,
    networks: usize,
    volumes: usize,
}

impl From<Removed> for Things {
    fn from(removed: Removed) -> Self {
        Self { containers: removed.containers, networks: removed.networks, volumes: removed.volumes }
    }
}

impl Things {
    fn orphan(self, owner: &Owner) -> Orphan {
        let counted = [(self.containers, "container"), (self.networks, "network"), (self.volumes, "volume")];
        let words = counted.into_iter().filter(|(count, _)| *count > 0);
        let words: Vec<_> = words
            .map(|(count, noun)| format!("{count} {noun}{}", if count == 1 { "" } else { "s" }))
            .collect();
        Orphan { run: owner.run().to_owned(), what: words.join(", ") }
    }
}

async fn found(engine: &Engine) -> Result<BTreeMap<Owner, Things>, ContainerError> {
    let docker = engine.docker();
    let filter = Owner::filter_of_all();
    let mut found: BTreeMap<Owner, Things> = BTreeMap::new();
    let mut count = |labels: Option<HashMap<String, String>>, one: fn(&mut Things) -> &mut usize| {
        if let Some(owner) = labels.and_then(|labels| Owner::of(&labels)) {
            *one(found.entry(owner).or_default()) += 1;
        }
    };
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filter).build();
    for container in
        docker.list_containers(Some(options)).await.map_err(ContainerError::at("list containers"))?
    {
        count(container.labels, |things| &mut things.containers);
    }
    let options = ListNetworksOptionsBuilder::new().filters(&filter).build();
    for network in docker.list_networks(Some(options)).await.map_err(ContainerError::at("list networks"))? {
        count(network.labels, |things| &mut things.networks);
    }
    let options = ListVolumesOptionsBuilder::new().filters(&filter).build();
    let volumes = docker.list_volumes(Some(options)).await.map_err(ContainerError::at("list volumes"))?;
    for volume in volumes.volumes.unwrap_or_default() {
        count(Some(volume.labels), |things| &mut things.volumes);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leavings_are_counted_in_words() {
        let things = Things { containers: 2, networks: 1, volumes: 0 };
        let orphan = things.orphan(&Owner::this_process("r"));
        assert_eq!((orphan.run.as_str(), orphan.what.as_str()), ("r", "2 containers, 1 network"));
    }
}
