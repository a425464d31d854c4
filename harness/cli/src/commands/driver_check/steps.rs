//! The steps of a check, in order.

use std::path::Path;
use std::time::Duration;

use shakedown_drivers::protocol::{Command, Event, Key, Source, What};
use shakedown_drivers::{DriverError, DriverProcess, Launch, Place, Stopped};
use tokio::time::Instant;

use super::centre::{Centre, NAMESPACE};
use super::talk::{Report, Talk};

/// The driver's standard error, in the folder of the check.
pub(super) const LOG: &str = "driver.log";
/// The only client.
const CLIENT: u32 = 0;
/// How long a constructor or a call may take.
const CALL: Duration = Duration::from_secs(30);
/// How long a change may take to a listener: a long poll that just missed it, and its next one.
const CHANGE: Duration = Duration::from_secs(45);
/// How long the change right after the listen call is waited for.
const FIRST_CHANGE: Duration = Duration::from_secs(10);
/// How long the end of an item may take to a listener that hears of it.
const DELETE: Duration = Duration::from_secs(10);
/// The time-out of a read without a server: no shorter than that of an SDK whose call takes none, and which the driver
/// waits for (Node: 5 s).
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// How much later than its time-out such a read may be answered.
const READ_GRACE: Duration = Duration::from_secs(3);
/// A first content, and one with everything that JSON and a shell like to spoil.
const FIRST: &str = "first: 1\n";
const HARD: &str = "second: \"é\u{4e2d}\u{1f600}\"\r\n\ttab \\ back\u{2028}slash\n";

/// Carries every step out. An error is one after which there is nobody to talk to.
pub(super) async fn all(
    launch: &Launch,
    folder: &Path,
    centre: Centre,
    report: &mut Report,
) -> Result<(), DriverError> {
    let mut talk = Talk::new(begin(launch, folder, report).await?);
    let key = Key { data_id: "checked".to_owned(), group: "DRIVER_CHECK".to_owned() };
    start(&mut talk, folder, &centre, report).await?;
    reads_and_writes(&mut talk, &key, &centre, report).await?;
    listens(&mut talk, &key, &centre, report).await?;
    ignores_unknown_keys(&mut talk, &key, report).await?;
    centre.stop();
    reads_without_a_server(&mut talk, &key, report).await?;
    let faults = talk.take_faults();
    match faults.as_slice() {
        [] => report.pass("order, times and checksums", "of every event so far"),
        faults => faults.iter().for_each(|fault| report.fail("order, times and checksums", fault)),
    }
    end(report, "stop", "it ended in order", talk.into_process().stop().await);
    let again = begin_quietly(launch, folder).await?;
    end(report, "end of standard input", "it means stop", again.hang_up().await);
    Ok(())
}

async fn begin_quietly(launch: &Launch, folder: &Path) -> Result<DriverProcess, DriverError> {
    let place =
        Place { label: launch.name.clone(), scratch: folder.to_owned(), log: folder.join(LOG), guard: None };
    DriverProcess::start(launch, place).await
}

async fn begin(launch: &Launch, folder: &Path, report: &mut Report) -> Result<DriverProcess, DriverError> {
    let process = begin_quietly(launch, folder).await?;
    let hello = process.hello();
    report
        .pass("hello", format!("{}, {} {} on {}", hello.driver, hello.sdk, hello.sdk_version, hello.runtime));
    report.pass("clock", "it is this host's CLOCK_MONOTONIC");
    Ok(process)
}

fn end(report: &mut Report, what: &str, how: &str, stopped: Stopped) {
    match stopped {
        Stopped::InOrder => report.pass(what, format!("{how}, with code 0 within 5 s")),
        Stopped::Otherwise(error) => report.fail(what, error.to_string()),
    }
}

async fn start(
    talk: &mut Talk,
    folder: &Path,
    centre: &Centre,
    report: &mut Report,
) -> Result<(), DriverError> {
    let cache = folder.join("cache");
    if let Err(error) = std::fs::create_dir_all(&cache) {
        report.fail("start", format!("cannot make `{}`: {error}", cache.display()));
        return Ok(());
    }
    talk.tell(&Command::Start {
        client: CLIENT,
        servers: vec![centre.http().to_string()],
        namespace: NAMESPACE.to_owned(),
        cache,
        username: centre.login().map(|login| login.username.clone()),
        password: centre.login().map(|login| login.password.reveal().to_owned()),
    })?;
    let started =
        talk.wait(CALL, |event| answer(event, "start", |what| matches!(what, What::Started { .. })));
    report.take("start", told(started.await?, CALL, "started").map(|_| String::new()));
    Ok(())
}

async fn reads_and_writes(
    talk: &mut Talk,
    key: &Key,
    centre: &Centre,
    report: &mut Report,
) -> Result<(), DriverError> {
    let got = get(talk, key, 1, CALL).await?;
    report.take(
        "get of nothing",
        got.and_then(|(content, _)| match content {
            None => Ok("content null".to_owned()),
            Some(content) => Err(format!("it got {content:?} of an item that does not exist")),
        }),
    );
    talk.tell(&Command::Publish { client: CLIENT, key: key.clone(), id: 2, content: FIRST.to_owned() })?;
    let published = talk
        .wait(CALL, |event| answer(event, "publish", |what| matches!(what, What::Published { id: 2, .. })))
        .await?;
    let published = match told(published, CALL, "published") {
        Err(why) => Err(why),
        Ok(_) if centre.shows(key, FIRST).await => Ok("the server has it, whole".to_owned()),
        Ok(_) => Err("the server does not have what the driver says that it published".to_owned()),
    };
    if let Err(error) = &published {
        // The steps after it need content all the same.
        if let Err(error) = centre.publish(key, FIRST).await {
            report.fail("publish by the check itself", error);
        }
        tracing::debug!(error, "the driver does not publish");
    }
    report.take("publish", published);
    let got = get(talk, key, 3, CALL).await?;
    report.take(
        "get",
        got.and_then(|(content, source)| match (content.as_deref(), source) {
            (Some(FIRST), Source::Snapshot | Source::Failover) => {
                Err(format!("it got the content from {source:?}, and the server can be reached"))
            }
            (Some(FIRST), source) => {
                Ok(format!("content and md5 are right, source {source:?}").to_lowercase())
            }
            (other, _) => Err(format!("it got {other:?}, not {FIRST:?}")),
        }),
    );
    Ok(())
}

/// Publishes right after the listen call, and waits a while for what may come of it.
async fn first_change(
    talk: &mut Talk,
    key: &Key,
    centre: &Centre,
    report: &mut Report,
) -> Result<(), DriverError> {
    const CONTENT: &str = "third: 3\n";
    const FIRST: &str = "value right after the listen call";
    if let Err(error) = centre.publish(key, CONTENT).await {
        report.fail(FIRST, error);
        return Ok(());
    }
    let heard = talk
        .wait(FIRST_CHANGE, |event| match &event.what {
            What::Value { content, key: of, .. } if of == key && content == CONTENT => Some(()),
            _ => None,
        })
        .await?;
    match heard {
        Some(()) => report.take(FIRST, Ok(String::new())),
        None => Report::note(FIRST, "this client took it without a word; some SDKs do"),
    }
    Ok(())
}

async fn listens(
    talk: &mut Talk,
    key: &Key,
    centre: &Centre,
    report: &mut Report,
) -> Result<(), DriverError> {
    talk.tell(&Command::Listen { client: CLIENT, key: key.clone() })?;
    let listening =
        talk.wait(CALL, |event| answer(event, "listen", |what| matches!(what, What::Listening { .. })));
    let listening = told(listening.await?, CALL, "listening").map(|_| String::new());
    report.take("listen", listening);
    let large = "0123456789abcdef".repeat(6_400);
    // An SDK may take what is there once its listening has begun without a word: then this is that.
    first_change(talk, key, centre, report).await?;
    for (what, content) in
        [("value", "fourth: 4\n"), ("value, whole to the last character", HARD), ("value of 100 KiB", &large)]
    {
        if let Err(error) = centre.publish(key, content).await {
            report.fail(what, error);
            continue;
        }
        let asked = Instant::now();
        let heard = talk
            .wait(CHANGE, |event| match &event.what {
                What::Value { content: found, key: of, .. } if of == key && found == content => Some(()),
                _ => None,
            })
            .await?;
        report.take(
            what,
            match heard {
                Some(()) => Ok(format!("{:.1?} after it was published", asked.elapsed())),
                None => Err(format!("no `value` with what was published came within {} s", CHANGE.as_secs())),
            },
        );
    }
    if let Err(error) = centre.delete(key).await {
        report.fail("gone", error);
        return Ok(());
    }
    let gone = talk
        .wait(DELETE, |event| match &event.what {
            What::Gone { key: of, .. } if of == key => Some(Ok(String::new())),
            What::Value { key: of, content, .. } if of == key && content.is_empty() => {
                Some(Err("an empty `value` came: an item that does not exist is `gone`".to_owned()))
            }
            _ => None,
        })
        .await?;
    match gone {
        Some(found) => report.take("gone", found),
        None => Report::note("gone", "this client does not tell of a deleted item; some SDKs do not"),
    }
    Ok(())
}

async fn ignores_unknown_keys(talk: &mut Talk, key: &Key, report: &mut Report) -> Result<(), DriverError> {
    let key = serde_json::to_string(key).expect("two strings");
    let line = format!(
        "{{\"mood\":\"good\",\"command\":\"get\",\"client\":{CLIENT},\"key\":{key},\"id\":4,\"timeout_ms\":3000,\"more\":[1]}}\n"
    );
    talk.tell_line(line)?;
    let answered = talk.wait(CALL, |event| read_answer(event, 4)).await?;
    let why = || format!("no answer to a command with unknown keys within {} s", CALL.as_secs());
    report.take("unknown keys", answered.map(|_| "ignored".to_owned()).ok_or_else(why));
    Ok(())
}

async fn reads_without_a_server(talk: &mut Talk, key: &Key, report: &mut Report) -> Result<(), DriverError> {
    let asked = Instant::now();
    let other = Key { data_id: "never-read".to_owned(), ..key.clone() };
    let got = get_within(talk, &other, 5, READ_TIMEOUT, READ_TIMEOUT + READ_GRACE).await?;
    let took = asked.elapsed();
    report.take(
        "get without a server",
        match got {
            None => Err(format!("no answer within {:.0?} of its time-out of {READ_TIMEOUT:?}", READ_GRACE)),
            Some(Err(why)) => Ok(format!("`failed` after {took:.1?}: {why}")),
            Some(Ok((Some(content), source))) => {
                Err(format!("it got {content:?} from {source:?} of an item that never was"))
            }
            Some(Ok((None, source))) => {
                Ok(format!("content null, source {source:?}, after {took:.1?}").to_lowercase())
            }
        },
    );
    Ok(())
}

type Got = Result<(Option<String>, Source), String>;

/// A read, answered or not in time.
async fn get(talk: &mut Talk, key: &Key, id: u64, within: Duration) -> Result<Got, DriverError> {
    let got = get_within(talk, key, id, Duration::from_secs(5), within).await?;
    Ok(got.unwrap_or_else(|| Err(format!("no answer within {} s", within.as_secs()))))
}

async fn get_within(
    talk: &mut Talk,
    key: &Key,
    id: u64,
    timeout: Duration,
    within: Duration,
) -> Result<Option<Got>, DriverError> {
    let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    talk.tell(&Command::Get { client: CLIENT, key: key.clone(), id, timeout_ms })?;
    talk.wait(within, |event| read_answer(event, id)).await
}

fn read_answer(event: &Event, wanted: u64) -> Option<Got> {
    match &event.what {
        What::Got { id, content, source, .. } if *id == wanted => Some(Ok((content.clone(), *source))),
        What::Failed { id: Some(id), message, .. } if *id == wanted => Some(Err(message.clone())),
        _ => None,
    }
}

/// Whether an event answers a command: with what is wanted, or with a failure.
fn answer(event: &Event, of: &str, is_it: impl Fn(&What) -> bool) -> Option<Result<(), String>> {
    match &event.what {
        What::Failed { command, message, .. } if command == of => Some(Err(format!("`failed`: {message}"))),
        what if is_it(what) => Some(Ok(())),
        _ => None,
    }
}

fn told(answer: Option<Result<(), String>>, within: Duration, wanted: &str) -> Result<(), String> {
    answer.unwrap_or_else(|| Err(format!("no `{wanted}` within {} s", within.as_secs())))
}
