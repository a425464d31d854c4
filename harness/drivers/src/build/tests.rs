use std::sync::Mutex;

use super::*;
use crate::catalogue::tests::shell_driver;

struct Told(Mutex<Vec<String>>);

impl Told {
    fn new() -> Self {
        Self(Mutex::default())
    }

    fn progress(&self) -> impl Fn(String) + Send + Sync {
        |line| self.0.lock().unwrap().push(line)
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn a_driver_is_built_once_and_started_from_the_cache() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::new(dir.path().join("deep/cache"));
    let driver = shell_driver("cat main.sh; echo once >> $INTO");
    assert_eq!(cache.built(&driver), None);
    let told = Told::new();
    let launch = cache.launch(&driver, &told.progress()).await.unwrap();
    assert_eq!(cache.launch(&driver, &told.progress()).await.unwrap(), launch);
    assert_eq!(cache.built(&driver), Some(launch));
    let folder = dir.path().join("deep/cache").join(driver.build_name());
    assert_eq!(fs::read_to_string(folder.join("out")).unwrap(), "once\n");
    assert_eq!(fs::read_to_string(folder.join(LOG)).unwrap(), "echo started\n");
    let lines = told.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("building driver shell, step 1 of 1: sh -c"), "{lines:?}");
}

#[tokio::test]
async fn two_builders_build_once() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::new(dir.path().to_owned());
    let driver = shell_driver("sleep 0.3; echo once >> $INTO");
    let told = Told::new();
    let progress = told.progress();
    let both = tokio::join!(cache.launch(&driver, &progress), cache.launch(&driver, &progress));
    assert_eq!(both.0.unwrap(), both.1.unwrap());
    let out = dir.path().join(driver.build_name()).join("out");
    assert_eq!(fs::read_to_string(out).unwrap(), "once\n");
    assert!(told.lines().iter().any(|line| line.contains("by another run")), "{:?}", told.lines());
}

#[tokio::test]
async fn a_failed_build_shows_the_end_of_its_log_and_is_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::new(dir.path().to_owned());
    let driver = shell_driver("echo half >> $INTO; echo the compiler is unhappy >&2; exit 7");
    for _ in 0..2 {
        let error = cache.launch(&driver, &|_| ()).await.unwrap_err().to_string();
        assert!(error.contains("ended with exit status: 7") && error.contains("is unhappy"), "{error}");
        let out = dir.path().join(driver.build_name()).join("out");
        assert_eq!(fs::read_to_string(out).unwrap(), "half\n", "the second build began in an empty folder");
    }
    assert_eq!(cache.built(&driver), None);
}

#[tokio::test]
async fn a_missing_toolchain_is_named_before_anything_is_built() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::new(dir.path().join("cache"));
    let mut driver = shell_driver("true");
    driver.toolchains[0].at_least = Some("9.1".into());
    let error = cache.launch(&driver, &|_| ()).await.unwrap_err();
    assert!(matches!(error, BuildError::Missing { .. }));
    let text = error.to_string();
    assert!(text.contains("`shell`") && text.contains("a shell 9.1 or newer is needed"), "{text}");
    assert!(!dir.path().join("cache").exists());
}

#[tokio::test]
async fn a_step_that_cannot_be_started_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let driver = shell_driver("true");
    let folder = dir.path().join("f");
    let lock = File::create(dir.path().join("lock")).unwrap();
    build(&driver, &folder, &lock, &|_| ()).await.unwrap();
    let argv = Argv { words: vec!["no-such-compiler".into()], environment: Vec::new() };
    let error = run((&driver, &argv), dir.path(), &dir.path().join("log"), &lock, &|_| ()).await.unwrap_err();
    assert!(error.to_string().contains("`no-such-compiler` cannot be started"), "{error}");
}

#[tokio::test]
async fn a_step_that_outlives_its_harness_keeps_the_next_builder_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::new(dir.path().to_owned());
    let driver = shell_driver("cat; echo once >> $INTO");
    // As a killed harness leaves it: a process that has the lock, and nobody who waits for it.
    let lock = cache.lock(&driver, &|_| ()).await.unwrap();
    let mut orphan = std::process::Command::new("sleep").arg("1000").stdin(lock).spawn().unwrap();
    let told = Told::new();
    let progress = told.progress();
    let build = cache.launch(&driver, &progress);
    tokio::pin!(build);
    let waits = async {
        while told.lines().is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        _ = &mut build => panic!("built beside the orphan"),
        () = waits => {}
    }
    orphan.kill().unwrap();
    orphan.wait().unwrap();
    assert!(build.await.is_ok());
}
