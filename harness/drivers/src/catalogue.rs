//! The drivers that come with the harness: what each `driver.toml` says (`harness/drivers/README.md` explains it).

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use shakedown_model::plan::Protocol;

use crate::launch::Launch;
use crate::sources::{SOURCES, SourceFile, Sources};
use crate::toolchain::Toolchain;

/// What the placeholder of a build's own folder is called.
const CACHE: &str = "{cache}";
/// What the placeholder of the copied sources is called.
const SOURCE: &str = "{source}";
/// The copied sources, below the build's own folder.
pub(crate) const SOURCE_FOLDER: &str = "source";
/// So much of the hash names a build: 64 bits tell any two of a user's builds apart.
const HASH_DIGITS: usize = 16;

/// The SDK that a driver holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SdkPin {
    /// What it is called at its registry.
    pub name: String,
    /// The version that the driver is built with.
    pub version: String,
}

/// An argv with its environment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    run: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

/// A driver that comes with the harness.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Driver {
    /// Its name, as scenarios have it.
    pub name: String,
    /// The simulated client that imitates its SDK.
    pub like: String,
    /// What its SDK speaks.
    pub protocol: Protocol,
    /// The SDK.
    pub sdk: SdkPin,
    /// What must be there to build and run it.
    #[serde(default, rename = "toolchain")]
    pub toolchains: Vec<Toolchain>,
    #[cfg_attr(not(test), expect(dead_code, reason = "a test compares it with what is in the binary"))]
    files: Vec<String>,
    #[serde(default)]
    build: Vec<Step>,
    start: Step,
    #[serde(skip)]
    sources: Sources,
}

/// Every driver that comes with the harness.
#[derive(Debug, Clone)]
pub struct Catalogue {
    drivers: Vec<Driver>,
}

impl Default for Catalogue {
    fn default() -> Self {
        Self::built_in()
    }
}

impl Catalogue {
    /// The drivers inside this binary.
    ///
    /// # Panics
    /// When a `driver.toml` is ill-formed, which a test excludes.
    #[must_use]
    pub fn built_in() -> Self {
        let read = |sources: &Sources| read(sources).expect("a test reads every driver.toml");
        Self { drivers: SOURCES.iter().map(read).collect() }
    }

    /// All of them.
    #[must_use]
    pub fn drivers(&self) -> &[Driver] {
        &self.drivers
    }

    /// The one with this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Driver> {
        self.drivers.iter().find(|driver| driver.name == name)
    }
}

fn read(sources: &Sources) -> Result<Driver, toml::de::Error> {
    let text = sources.first().map_or("", |file| file.text);
    Ok(Driver { sources, ..toml::from_str(text)? })
}

/// A step of a build, ready to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Argv {
    pub(crate) words: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
}

impl Driver {
    /// Its name and the hash of its sources: what its build is kept under.
    #[must_use]
    pub fn build_name(&self) -> String {
        let mut hash = Sha256::new();
        for SourceFile { path, text } in self.sources {
            for part in [path.as_bytes(), text.as_bytes()] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        }
        let mut digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        digits.truncate(HASH_DIGITS);
        format!("{}-{digits}", self.name)
    }

    /// Its files, `driver.toml` first.
    pub(crate) const fn sources(&self) -> Sources {
        self.sources
    }

    /// The steps of its build in `folder`.
    pub(crate) fn steps(&self, folder: &Path) -> Vec<Argv> {
        self.build.iter().map(|step| filled(step, folder)).collect()
    }

    /// How it is started once it is built in `folder`.
    pub(crate) fn launch(&self, folder: &Path) -> Launch {
        let Argv { words, environment } = filled(&self.start, folder);
        let mut words = words.into_iter();
        let program = words.next().unwrap_or_default().into();
        Launch { name: self.name.clone(), program, arguments: words.collect(), environment, runs_here: false }
    }
}

fn filled(step: &Step, folder: &Path) -> Argv {
    let (cache, source) = (folder.to_string_lossy(), folder.join(SOURCE_FOLDER));
    let source = source.to_string_lossy();
    let fill = |text: &String| text.replace(CACHE, &cache).replace(SOURCE, &source);
    Argv {
        words: step.run.iter().map(fill).collect(),
        environment: step.env.iter().map(|(name, value)| (name.clone(), fill(value))).collect(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A driver that is built by a shell.
    pub(crate) fn shell_driver(build: &str) -> Driver {
        let text = format!(
            r#"
            name = "shell"
            like = "nacos-go-2"
            protocol = "nacos-grpc"
            files = ["main.sh"]
            sdk = {{ name = "none", version = "1.0" }}
            toolchain = [{{ name = "a shell", command = ["sh", "-c", "echo sh 1.2.3"], at-least = "1.2" }}]
            build = [{{ run = ["sh", "-c", '{build}'], env = {{ INTO = "{{cache}}/out" }} }}]
            start = {{ run = ["sh", "{{source}}/main.sh", "{{cache}}"] }}
            "#
        );
        let mut driver: Driver = toml::from_str(&text).unwrap();
        driver.sources = &[
            SourceFile { path: "driver.toml", text: "" },
            SourceFile { path: "main.sh", text: "echo started\n" },
        ];
        driver
    }

    #[test]
    fn every_driver_says_what_it_is_and_names_the_files_that_the_binary_has() {
        for sources in SOURCES {
            let folder = sources[0].text.lines().next().unwrap_or_default();
            let driver = read(sources).unwrap_or_else(|error| panic!("{folder}: {error}"));
            let mut inside: Vec<_> = driver.sources.iter().map(|file| file.path).collect();
            assert!(inside.remove(0).ends_with(".toml"));
            assert_eq!(driver.files, inside, "{}", driver.name);
            assert!(!driver.toolchains.is_empty() && !driver.start.run.is_empty(), "{}", driver.name);
            assert!(driver.build.iter().all(|step| !step.run.is_empty()), "{}", driver.name);
            let pin = &driver.sdk.version;
            assert!(pin.starts_with(|c: char| c.is_ascii_digit()), "{} is pinned to `{pin}`", driver.name);
        }
    }

    #[test]
    fn names_of_drivers_and_of_builds_are_distinct() {
        let catalogue = Catalogue::built_in();
        let mut names: Vec<_> = catalogue.drivers().iter().map(Driver::build_name).collect();
        names.push(shell_driver("true").build_name());
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        for driver in catalogue.drivers() {
            assert!(catalogue.find(&driver.name).is_some());
        }
        assert!(catalogue.find("cobol").is_none());
    }

    #[test]
    fn placeholders_are_filled_in_steps_environment_and_start() {
        let driver = shell_driver("ls {source}");
        let steps = driver.steps(Path::new("/c/shell-1"));
        assert_eq!(steps[0].words, ["sh", "-c", "ls /c/shell-1/source"]);
        assert_eq!(steps[0].environment, [("INTO".to_owned(), "/c/shell-1/out".to_owned())]);
        let launch = driver.launch(Path::new("/c/shell-1"));
        assert_eq!(launch.shown(), "sh /c/shell-1/source/main.sh /c/shell-1");
    }

    #[test]
    fn the_hash_follows_every_file() {
        let mut driver = shell_driver("true");
        let before = driver.build_name();
        driver.sources = &[
            SourceFile { path: "driver.toml", text: "" },
            SourceFile { path: "main.sh", text: "echo changed\n" },
        ];
        assert_ne!(driver.build_name(), before);
        assert!(before.starts_with("shell-") && before.len() == "shell-".len() + HASH_DIGITS);
    }
}
