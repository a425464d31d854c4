use std::sync::Mutex;

use super::*;

/// A driver in a shell: `hello`, then `body`. A shell has no clock that is fine enough, so it does not get past the
/// comparison of clocks; a driver that does is tested where there is one (`driver-check`).
fn shell(body: &str) -> Launch {
    let script = format!(
        r#"
        say() {{ printf '%s\n' "$1"; }}
        say '{{"event":"hello","at":1,"protocol":1,"driver":"sh","sdk":"none","sdk_version":"1","runtime":"sh"}}'
        {body}
        "#
    );
    Launch {
        name: "sh".into(),
        program: "bash".into(),
        arguments: vec!["-c".into(), script],
        environment: Vec::new(),
        runs_here: false,
    }
}

fn place(dir: &tempfile::TempDir) -> Place {
    Place {
        label: "sh-0".into(),
        scratch: dir.path().to_owned(),
        log: dir.path().join("sh-0.log"),
        guard: None,
    }
}

async fn refused(body: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    DriverProcess::start(&shell(body), place(&dir)).await.unwrap_err().to_string()
}

#[tokio::test]
async fn what_is_no_event_is_named_with_driver_and_line() {
    let text = refused("read -r line; echo 'Nacos client ready'; read -r line").await;
    assert!(
        text.starts_with("line 2 of driver `sh-0` is no event") && text.ends_with("Nacos client ready"),
        "{text}"
    );
}

#[tokio::test]
async fn another_clock_is_refused() {
    let text = refused(r#"read -r line; say '{"event":"clock","at":5}'; read -r line"#).await;
    assert!(text.contains("is not this host's CLOCK_MONOTONIC") && text.contains("it says 5 ns"), "{text}");
}

#[tokio::test]
async fn an_early_end_shows_the_end_of_the_log() {
    let text = refused("echo out of luck >&2; exit 3").await;
    assert!(text.contains("ended with exit status: 3") && text.contains("out of luck"), "{text}");
}

#[tokio::test]
async fn a_missing_program_and_another_beginning_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let launch = Launch { program: "no-such-driver".into(), ..shell("") };
    let text = DriverProcess::start(&launch, place(&dir)).await.unwrap_err().to_string();
    assert!(text.contains("cannot start driver `sh-0` by `no-such-driver"), "{text}");
    let arguments = vec!["-c".to_owned(), r#"echo '{"event":"clock","at":5}'"#.to_owned()];
    let text = DriverProcess::start(&Launch { arguments, ..shell("") }, place(&dir)).await.unwrap_err();
    assert!(text.to_string().contains("not with `hello`"), "{text}");
    let hello = r#"echo '{"event":"hello","at":1,"protocol":2,"driver":"d","sdk":"s","sdk_version":"1","runtime":"r"}'"#;
    let launch = Launch { arguments: vec!["-c".into(), hello.into()], ..shell("") };
    let text = DriverProcess::start(&launch, place(&dir)).await.unwrap_err().to_string();
    assert!(text.contains("speaks version 2"), "{text}");
}

/// Starts without the clock's check, which a shell cannot pass.
async fn started(body: &str, dir: &tempfile::TempDir, guard: Option<Arc<dyn ProcessGuard>>) -> DriverProcess {
    let place = Place { guard, ..place(dir) };
    let (own, stdin, stdout) = spawn(&shell(body), &place).unwrap();
    let (commands, to_write) = mpsc::channel(COMMANDS);
    let (sender, incoming) = mpsc::channel(EVENTS);
    tokio::spawn(write_commands(stdin, to_write));
    tokio::spawn(read_events(place.label.clone(), stdout, sender));
    let hello = Hello {
        protocol: 1,
        driver: "sh".into(),
        sdk: "".into(),
        sdk_version: "".into(),
        runtime: "".into(),
    };
    let mut process = DriverProcess { hello, commands: Some(commands), incoming, own, place };
    process.hello = process.read_hello().await.unwrap();
    process
}

#[tokio::test]
async fn a_driver_ends_by_stop_and_by_the_end_of_its_input() {
    let dir = tempfile::tempdir().unwrap();
    let process = started("read -r line; exit 0", &dir, None).await;
    assert_eq!(process.hello().driver, "sh");
    assert!(matches!(process.stop().await, Stopped::InOrder));
    let process = started("while read -r line; do :; done", &dir, None).await;
    assert!(matches!(process.hang_up().await, Stopped::InOrder));
    let process = started("read -r line; exit 4", &dir, None).await;
    let Stopped::Otherwise(error) = process.stop().await else { panic!("it ended with 4") };
    assert!(error.to_string().contains("exit status: 4"), "{error}");
}

#[derive(Debug, Default)]
struct Watched(Mutex<Vec<String>>);

impl ProcessGuard for Watched {
    fn watch(&self, group: u32) -> io::Result<()> {
        self.0.lock().unwrap().push(format!("+{group}"));
        Ok(())
    }
    fn forget(&self, group: u32) {
        self.0.lock().unwrap().push(format!("-{group}"));
    }
}

#[tokio::test]
async fn killing_ends_the_whole_group_and_the_guard_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let guard = Arc::new(Watched::default());
    let body = r#"sleep 1000 & say '{"event":"log","at":1,"message":"'$!'"}'; wait"#;
    let mut process = started(body, &dir, Some(Arc::clone(&guard) as Arc<dyn ProcessGuard>)).await;
    let What::Log { message } = process.next().await.what.unwrap().what else { panic!("a log line") };
    let sleeper = Pid::from_raw(message.parse().unwrap()).unwrap();
    assert!(rustix::process::test_kill_process(sleeper).is_ok());
    let group = process.group();
    process.kill().await;
    let is_gone = |pid: Pid| {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
        stat.map_or(true, |stat| stat.contains(") Z "))
    };
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_gone(sleeper) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(is_gone(sleeper));
    assert_eq!(*guard.0.lock().unwrap(), [format!("+{group}"), format!("-{group}")]);
}
