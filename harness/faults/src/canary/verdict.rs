//! From what a canary saw to whether the fault bit: pure.

use std::time::Duration;

use shakedown_model::fault::Bite;

use super::Expectation;
use super::watch::{Seen, Watch};
use crate::proxies::in_words;

/// Fewer answers than this on a proxy prove no delay.
const FEWEST_ANSWERS: usize = 3;

/// What a timer may be early by.
const TIMER: Duration = Duration::from_millis(1);

/// What one proxy's canary says.
enum Finding {
    Bit,
    Missed(String),
    /// It was not watched for long enough to tell.
    Open,
}

/// A fault bit when it bit on every proxy.
pub(super) fn bite(expectation: Expectation, watches: &[Watch], is_whole: bool) -> Bite {
    if let Expectation::Nothing(why) = expectation {
        return Bite::NotMeasured(why.into());
    }
    let mut misses = Vec::new();
    let mut open = 0;
    for watch in watches {
        match finding(expectation, watch) {
            Finding::Bit => {}
            Finding::Missed(why) => misses.push(format!("`{}`: {why}", watch.target.name)),
            Finding::Open => open += 1,
        }
    }
    let all = watches.len();
    if let Some(first) = misses.first() {
        return Bite::Missed(format!("{} of {}, {first}", misses.len(), in_words(all)));
    }
    if open > 0 && !is_whole {
        return Bite::NotMeasured(format!(
            "stopped before the canary could tell on {open} of {}",
            in_words(all)
        ));
    }
    if open > 0 {
        return Bite::Missed(format!("the canary could not tell on {open} of {}", in_words(all)));
    }
    Bite::Bit(format!("{}: {}", in_words(all), numbers(expectation, watches)))
}

fn finding(expectation: Expectation, watch: &Watch) -> Finding {
    if !watch.is_armed() {
        return Finding::Missed(format!("the canary was not ready: {}", watch.not_ready));
    }
    match expectation {
        Expectation::Delay { added, most } => delay(watch, added, most),
        Expectation::Cut { .. } => {
            worse(broke(watch.on_live.as_ref(), "live"), broke(watch.on_new.as_ref(), "new"))
        }
        Expectation::Silence => {
            worse(silent(watch.on_live.as_ref(), "live"), silent(watch.on_new.as_ref(), "new"))
        }
        Expectation::SilenceOnNew => {
            worse(answers(watch.on_live.as_ref(), "live"), silent(watch.on_new.as_ref(), "new"))
        }
        Expectation::RefusedNew { spares_live } => {
            let live = watch.on_live.as_ref();
            let live = if spares_live { answers(live, "live") } else { broke(live, "live") };
            worse(live, broke(watch.on_new.as_ref(), "new"))
        }
        Expectation::LiveLost => {
            worse(broke(watch.on_live.as_ref(), "live"), answers(watch.on_new.as_ref(), "new"))
        }
        Expectation::LateEnd { added } => late_end(watch.on_end.as_ref(), added),
        Expectation::Nothing(_) => Finding::Bit,
    }
}

/// The mean of the added delay must reach half of what is expected.
///
/// The mean and not the median: where jitter is larger than the latency, much of the distribution lies at zero and
/// the median says little. Each sample counts for at most what the toxic can add, so that one stall cannot pass for
/// a bite.
fn delay(watch: &Watch, added: Duration, most: Duration) -> Finding {
    let count = watch.during.len();
    if count < FEWEST_ANSWERS && watch.unanswered == 0 {
        return Finding::Open;
    }
    if count < FEWEST_ANSWERS {
        return Finding::Missed(format!("{count} answers, {} without one", watch.unanswered));
    }
    let before = median(&watch.baseline);
    let total: Duration = watch.during.iter().map(|rtt| rtt.saturating_sub(before).min(most)).sum();
    let mean = total.div_f64(count as f64);
    if mean >= added / 2 {
        return Finding::Bit;
    }
    Finding::Missed(format!(
        "rtt p50 {} → {}, on average {} more where {} were due",
        ms(before),
        ms(median(&watch.during)),
        ms(mean),
        ms(added)
    ))
}

/// An end cannot come before its time; a runtime's timer counts whole milliseconds.
fn late_end(seen: Option<&Seen>, added: Duration) -> Finding {
    match seen {
        None => Finding::Open,
        Some(Seen::Answered(after)) if *after + TIMER >= added => Finding::Bit,
        Some(Seen::Answered(after)) => Finding::Missed(format!(
            "a connection ended within {} of being ended, where {} were due",
            ms(*after),
            ms(added)
        )),
        Some(Seen::Silent(after)) => {
            Finding::Missed(format!("a connection did not end within {}", ms(*after)))
        }
        Some(Seen::Broke(after)) => Finding::Missed(format!("a connection broke after {}", ms(*after))),
        Some(Seen::Odd(why)) => Finding::Missed(format!("a connection: {why}")),
    }
}

fn broke(seen: Option<&Seen>, which: &str) -> Finding {
    match seen {
        None => Finding::Open,
        Some(Seen::Broke(_)) => Finding::Bit,
        Some(Seen::Answered(after)) => {
            Finding::Missed(format!("a {which} connection still answered after {}", ms(*after)))
        }
        Some(Seen::Silent(after)) => {
            Finding::Missed(format!("a {which} connection was silent for {} and did not break", ms(*after)))
        }
        Some(Seen::Odd(why)) => Finding::Missed(format!("a {which} connection: {why}")),
    }
}

fn answers(seen: Option<&Seen>, which: &str) -> Finding {
    match seen {
        None => Finding::Open,
        Some(Seen::Answered(_)) => Finding::Bit,
        Some(Seen::Silent(after)) => {
            Finding::Missed(format!("a {which} connection had no answer for {} and should work", ms(*after)))
        }
        Some(Seen::Broke(after)) => {
            Finding::Missed(format!("a {which} connection broke after {} and should work", ms(*after)))
        }
        Some(Seen::Odd(why)) => Finding::Missed(format!("a {which} connection: {why}")),
    }
}

fn silent(seen: Option<&Seen>, which: &str) -> Finding {
    match seen {
        None => Finding::Open,
        Some(Seen::Silent(_)) => Finding::Bit,
        Some(Seen::Answered(after)) => {
            Finding::Missed(format!("a {which} connection answered after {}", ms(*after)))
        }
        Some(Seen::Broke(after)) => Finding::Missed(format!(
            "a {which} connection broke after {} instead of falling silent",
            ms(*after)
        )),
        Some(Seen::Odd(why)) => Finding::Missed(format!("a {which} connection: {why}")),
    }
}

fn worse(one: Finding, other: Finding) -> Finding {
    match (one, other) {
        (Finding::Missed(why), _) | (_, Finding::Missed(why)) => Finding::Missed(why),
        (Finding::Open, _) | (_, Finding::Open) => Finding::Open,
        (Finding::Bit, Finding::Bit) => Finding::Bit,
    }
}

fn numbers(expectation: Expectation, watches: &[Watch]) -> String {
    match expectation {
        Expectation::Delay { .. } => {
            let before: Vec<_> = watches.iter().flat_map(|watch| &watch.baseline).copied().collect();
            let during: Vec<_> = watches.iter().flat_map(|watch| &watch.during).copied().collect();
            format!("rtt p50 {} → {}", ms(median(&before)), ms(median(&during)))
        }
        Expectation::Cut { .. } => format!(
            "live connections broke within {}, new ones within {}",
            ms(longest(watches, |watch| watch.on_live.as_ref())),
            ms(longest(watches, |watch| watch.on_new.as_ref()))
        ),
        Expectation::Silence => format!(
            "no answer for {} on live and on new connections",
            ms(longest(watches, |watch| watch.on_live.as_ref()))
        ),
        Expectation::SilenceOnNew => format!(
            "no answer for {} on new connections, live ones answered",
            ms(longest(watches, |watch| watch.on_new.as_ref()))
        ),
        Expectation::RefusedNew { spares_live } => format!(
            "new connections were refused within {}, live ones {}",
            ms(longest(watches, |watch| watch.on_new.as_ref())),
            if spares_live { "answered" } else { "ended" }
        ),
        Expectation::LiveLost => format!(
            "live connections broke {} after a request, new ones answered",
            ms(longest(watches, |watch| watch.on_live.as_ref()))
        ),
        Expectation::LateEnd { .. } => {
            format!("ends came within {}", ms(longest(watches, |watch| watch.on_end.as_ref())))
        }
        Expectation::Nothing(_) => String::new(),
    }
}

fn longest(watches: &[Watch], seen: fn(&Watch) -> Option<&Seen>) -> Duration {
    let times = watches.iter().filter_map(seen).map(|seen| match seen {
        Seen::Broke(after) | Seen::Answered(after) | Seen::Silent(after) => *after,
        Seen::Odd(_) => Duration::ZERO,
    });
    times.max().unwrap_or_default()
}

fn median(samples: &[Duration]) -> Duration {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn ms(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1e3;
    if millis < 100.0 { format!("{millis:.1} ms") } else { format!("{millis:.0} ms") }
}
