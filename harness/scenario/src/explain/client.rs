//! A group's client, with every habit that its traffic shows.

use std::fmt::{self, Write as _};

use shakedown_model::backoff::{Backoff, Jitter};
use shakedown_model::plan::{
    Abilities, Cache, ClientSpec, DriverSpec, Failover, FirstContact, Habits, Handshake, HealthCheck,
    Leaving, LoginHabit, NodeOrder, Noticing, Pace, Probing, Protocol, ReadOnly, Registers, SnapshotWrite,
    TokenBucket,
};

use super::word;
use crate::quantity::show_time;

pub(super) fn client(out: &mut String, client: &ClientSpec) -> fmt::Result {
    let like = client.like.as_ref().map_or(String::new(), |like| format!(" # like {like}"));
    writeln!(out, "    client:{like}")?;
    if let Some(driver) = &client.driver {
        return real_client(out, client, driver);
    }
    let protocol = match client.protocol {
        Protocol::NacosHttp => "nacos-http # long polls",
        Protocol::NacosGrpc => "nacos-grpc # pushes",
    };
    writeln!(out, "      protocol: {protocol}")?;
    writeln!(out, "      backoff: {}", backoff(client.backoff))?;
    writeln!(out, "      cache: {}", cache(client))?;
    if client.failover == Failover::Initial {
        writeln!(out, "      failover: initial # every item's first version, instead of the server's")?;
    }
    writeln!(out, "      request-timeout: {}", show_time(client.request_timeout))?;
    writeln!(out, "      connect-timeout: {}", show_time(client.connect_timeout))?;
    match client.protocol {
        Protocol::NacosHttp => {
            writeln!(out, "      poll-timeout: {}", show_time(client.poll_timeout))?;
            writeln!(out, "      poll-grace: {}", show_time(client.poll_grace))?;
            let keeps = if client.habits.keeps_alive { "kept" } else { "closed after each request" };
            writeln!(out, "      connections: {keeps}")?;
        }
        Protocol::NacosGrpc => grpc(out, client)?,
    }
    habits(out, &client.habits)?;
    pace(out, client.pace)?;
    match client.registers {
        Registers::Once => {}
        Registers::Never => {
            writeln!(out, "      registers: never # reads its items at its start, and hears of no change")?;
        }
        Registers::Twice => writeln!(out, "      registers: twice # each callback comes twice")?,
    }
    if !client.checks_certificates {
        writeln!(out, "      checks-certificates: false # believes whoever answers")?;
    }
    match &client.defect {
        None => Ok(()),
        Some(defect) => writeln!(out, "      defect: {} # planted", word(defect)),
    }
}

/// A program: what is known of it is what it should behave like.
fn real_client(out: &mut String, client: &ClientSpec, driver: &DriverSpec) -> fmt::Result {
    match &driver.command {
        None => writeln!(out, "      driver: {} # comes with shakedown, built on first use", driver.name)?,
        Some(command) => writeln!(out, "      driver: {} # {}", driver.name, command.join(" "))?,
    }
    writeln!(out, "      clients-per-process: {}", driver.clients_per_process)?;
    let protocol = match client.protocol {
        Protocol::NacosHttp => "nacos-http # long polls",
        Protocol::NacosGrpc => "nacos-grpc # pushes",
    };
    writeln!(out, "      protocol: {protocol}")?;
    match client.like {
        None => writeln!(out, "      expected: nothing # of its reconnects and its cache"),
        Some(_) => {
            writeln!(out, "      expected-backoff: {}", backoff(client.backoff))?;
            writeln!(out, "      expected-cache: {}", cache(client))
        }
    }
}

fn pace(out: &mut String, pace: Pace) -> fmt::Result {
    if let Some(TokenBucket { capacity, refill }) = pace.bucket {
        let refill = show_time(refill);
        writeln!(out, "      fetches: {capacity} at once, then one each {refill}")?;
    }
    if let Some(most) = pace.stagger {
        writeln!(out, "      asks-after-a-signal: within {}, drawn evenly", show_time(most))?;
    }
    if let Some(ReadOnly { after, pause }) = pace.read_only {
        writeln!(out, "      read-only: for {} after {after} time-outs in a row", show_time(pause))?;
    }
    Ok(())
}

fn cache(client: &ClientSpec) -> String {
    let write = match client.habits.snapshot.write {
        SnapshotWrite::Atomic => "replaced atomically",
        SnapshotWrite::InPlace => "written over in place",
    };
    match client.cache {
        Cache::None => "none".to_owned(),
        Cache::Snapshot => format!("snapshot # {write}, served while the server cannot be reached"),
        Cache::WriteOnly => format!("snapshot # {write}, never served"),
    }
}

fn grpc(out: &mut String, client: &ClientSpec) -> fmt::Result {
    let habits = &client.habits;
    writeln!(out, "      health-check: {}", health(client.health_check, habits.probing))?;
    writeln!(out, "      resync: {}", client.resync.map_or_else(|| "none".to_owned(), show_time))?;
    writeln!(out, "      lists-around-query: {}", client.lists_around_query)?;
    let handshake = match habits.handshake {
        Handshake::CheckThenAck => "server check, stream, the server's ack or 100ms",
        Handshake::CheckThenAckAndPause => "server check, stream, the server's ack, 100ms",
        Handshake::CheckThenPause => "server check, stream, 100ms",
        Handshake::StreamThenCheck => "stream, up to 4 health checks, server check",
    };
    writeln!(out, "      handshake: {handshake}")?;
    if let Some(timeout) = habits.check_timeout {
        writeln!(out, "      check-timeout: {} # connecting and the server check", show_time(timeout))?;
    }
    if !habits.idle_start.is_zero() {
        let after = show_time(habits.idle_start);
        writeln!(out, "      first-connects: {after} after its start, or with the first read")?;
    }
    let first = match habits.first_contact {
        FirstContact::List => "a list of all items",
        FirstContact::Query => "a query of each item",
    };
    writeln!(out, "      first-contact: {first}")?;
    let relists = if habits.relists_on_reconnect { "at once" } else { "with the next resync" };
    writeln!(out, "      lists-after-reconnect: {relists}")?;
    if habits.relists_quiet {
        writeln!(out, "      lists-unchanged-items: every {}", show_time(habits.retry))?;
    }
    let limit = habits.queries_per_second.map_or_else(|| "none".to_owned(), |limit| format!("{limit}/s"));
    writeln!(out, "      query-limit: {limit} # of one item")?;
    let notices = match habits.noticing {
        Noticing::AtOnce => "at once",
        Noticing::CleanEndLate => "at once, an end of the stream alone with the next health check or request",
        Noticing::Late => "with the next health check or request",
    };
    writeln!(out, "      notices-an-end: {notices}")?;
    match habits.leaving {
        Leaving::AtOnce => {}
        Leaving::WithNextAttempt => writeln!(out, "      closes-what-it-lost: with the next attempt")?,
        Leaving::OnceAnswered { at_most } => {
            let at_most = show_time(at_most);
            writeln!(
                out,
                "      closes-a-failed-attempt: once it is answered, {at_most} after it began at the latest"
            )?;
        }
    }
    let abilities = match &habits.identity.abilities {
        Abilities::Table(names) => format!("abilityTable {{{}}}", names.join(", ")),
        Abilities::Client => "clientAbilities".to_owned(),
        Abilities::Old => "abilities".to_owned(),
    };
    writeln!(out, "      abilities: {abilities}")
}

fn health(check: Option<HealthCheck>, probing: Probing) -> String {
    let Some(check) = check else { return "none".to_owned() };
    let (every, timeout) = (show_time(check.every), show_time(check.timeout));
    let tries = format!("up to {} tries of {timeout}", check.tries);
    match probing {
        Probing::Always => format!("every {every}, {tries}"),
        Probing::WhenIdle => format!("every {every} if nothing else was heard, {tries}"),
        Probing::ByQuality => {
            format!(
                "adaptive # every 30s with 2 tries, 15s with 3, 5s with 5, by the link; a try is {timeout}"
            )
        }
    }
}

fn habits(out: &mut String, habits: &Habits) -> fmt::Result {
    writeln!(out, "      retry: {}", show_time(habits.retry))?;
    writeln!(out, "      calls-itself: {}", habits.identity.version)?;
    let order = match habits.node_order {
        NodeOrder::Listed => "the list's, from its first",
        NodeOrder::RandomStart => "the list's, from a random place",
        NodeOrder::Shuffled => "shuffled each time it is through",
    };
    writeln!(out, "      server-order: {order}")?;
    writeln!(out, "      tries-at-start: {}", habits.startup_tries)?;
    if !habits.offline_read.is_zero() {
        writeln!(out, "      reads-without-connection: after {}", show_time(habits.offline_read))?;
    }
    if !habits.requests_time_out {
        writeln!(out, "      requests-time-out: false")?;
    }
    if !habits.hears_deletes {
        writeln!(out, "      hears-deletes: false")?;
    }
    if habits.names_public {
        writeln!(out, "      default-namespace: public")?;
    }
    let login = match habits.login {
        LoginHabit::Token { after_denial: None } => "token".to_owned(),
        LoginHabit::Token { after_denial: Some(pause) } => {
            format!("token, another after a denial, at most every {}", show_time(pause))
        }
        LoginHabit::EachRequest => "name and password with each request".to_owned(),
    };
    writeln!(out, "      login: {login} # where the server has one")
}

fn backoff(backoff: Backoff) -> String {
    let jittered = |jitter| match jitter {
        Jitter::None => "no jitter",
        Jitter::Full => "full jitter",
        Jitter::Equal => "equal jitter",
        Jitter::Decorrelated => "decorrelated jitter",
    };
    match backoff {
        Backoff::Constant { delay } => format!("{} before every attempt", show_time(delay)),
        Backoff::Linear { base, step, cap, jitter } => {
            let (base, step, cap) = (show_time(base), show_time(step), show_time(cap));
            format!("linear from {base} by {step} to {cap}, {}", jittered(jitter))
        }
        Backoff::Exponential { base, cap, jitter } => {
            format!("exponential from {} to {}, {}", show_time(base), show_time(cap), jittered(jitter))
        }
        Backoff::Turns { step, cap, nodes, lead } => {
            let (first, cap) = (show_time(step * u32::from(lead)), show_time(cap));
            let step = show_time(step);
            format!("none, then {first}, {step} more after each {nodes} attempts up to {cap}, no jitter")
        }
        Backoff::Rounds { pause, nodes } => {
            format!("none within {nodes} attempts, then {}, no jitter", show_time(pause))
        }
        Backoff::NacosNode { spin, pause } => {
            format!("as the Node SDK: none for {}, then one pause of {}", show_time(spin), show_time(pause))
        }
        Backoff::NacosRust { probe } => {
            let probe = show_time(probe);
            format!(
                "as the Rust SDK: rounds of 5 dials, 0.3s to 2.4s apart, after 2s, 4s ... 64s, driven by a check every {probe}"
            )
        }
        Backoff::NacosPython { probe, .. } => {
            let probe = show_time(probe);
            format!(
                "as the Python SDK 3: two loops of attempts of 3s, the second after a check every {probe} failed"
            )
        }
    }
}
