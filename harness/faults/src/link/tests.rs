use std::sync::Mutex;

use shakedown_model::fault::Stream;

use super::*;
use crate::toxiproxy::{BlackholeHeal, Direction, ProxyState, ToxicKind};

const MS: Duration = Duration::from_millis(1);

fn names(recipe: &Recipe) -> (Vec<String>, Vec<String>) {
    let word = |step: &Step| match step {
        Step::Add(toxic) => format!("+{}", toxic.name),
        Step::Remove(name) => format!("-{name}"),
        Step::Close => "close".into(),
        Step::Open => "open".into(),
    };
    (recipe.onset.iter().map(word).collect(), recipe.healing.iter().map(word).collect())
}

#[test]
fn latency_is_one_toxic_per_direction() {
    let recipe = latency::recipe("fault-3", Stream::Both, 200 * MS, 50 * MS).unwrap();
    let (onset, healing) = names(&recipe);
    assert_eq!(onset, ["+fault-3-latency-upstream", "+fault-3-latency-downstream"]);
    assert_eq!(healing, ["-fault-3-latency-upstream", "-fault-3-latency-downstream"]);
    let Step::Add(toxic) = &recipe.onset[1] else { panic!("a toxic is added") };
    assert_eq!(toxic.kind, ToxicKind::Latency { latency_ms: 200, jitter_ms: 50 });
    assert_eq!(toxic.stream, Direction::Downstream);
}

#[test]
fn a_delay_finer_than_the_api_is_refused_and_not_rounded() {
    let error = latency::recipe("f", Stream::Both, Duration::from_micros(1500), Duration::ZERO).unwrap_err();
    assert!(matches!(error, FaultError::NotWholeMillis { attribute: "latency", .. }), "{error:?}");
}

#[test]
fn the_real_proxy_is_closed_and_opened_to_reset_live_connections_the_embedded_one_is_not() {
    let (onset, healing) = names(&reset::recipe("f", ProxyKind::Toxiproxy, Duration::ZERO).unwrap());
    assert_eq!(onset, ["+f-reset_peer-upstream", "+f-reset_peer-downstream", "close", "open"]);
    assert_eq!(healing, ["-f-reset_peer-upstream", "-f-reset_peer-downstream", "open"]);
    let (onset, healing) = names(&reset::recipe("f", ProxyKind::Embedded, Duration::ZERO).unwrap());
    assert_eq!(
        (onset, healing),
        (vec!["+f-reset_peer-downstream".into()], vec!["-f-reset_peer-downstream".into()])
    );
}

#[test]
fn a_blackhole_is_a_timeout_of_zero_on_the_real_proxy_and_our_own_toxic_on_the_embedded_one() {
    let kind_on = |kind| match &blackhole::recipe("f", kind, Stream::Upstream).onset[..] {
        [Step::Add(toxic)] => toxic.kind,
        other => panic!("one toxic is added, not {other:?}"),
    };
    assert_eq!(kind_on(ProxyKind::Toxiproxy), ToxicKind::Timeout { timeout_ms: 0 });
    assert_eq!(kind_on(ProxyKind::Embedded), ToxicKind::Blackhole { heal: BlackholeHeal::Reset });
}

/// An API that fails as told and remembers the calls.
#[derive(Default)]
struct Scripted {
    calls: Mutex<Vec<String>>,
    /// The call that starts with this fails this many times.
    fails: Mutex<Option<(&'static str, u32, u16)>>,
}

impl Scripted {
    fn failing(call: &'static str, times: u32, status: u16) -> Arc<Self> {
        let fails = Mutex::new((times > 0).then_some((call, times, status)));
        Arc::new(Self { calls: Mutex::default(), fails })
    }

    fn answer(&self, call: String) -> Result<(), ProxyApiError> {
        let mut fails = self.fails.lock().unwrap();
        self.calls.lock().unwrap().push(call.clone());
        if let Some((start, times, status)) = &mut *fails
            && call.starts_with(*start)
            && *times > 0
        {
            *times -= 1;
            return Err(ProxyApiError::Refused { call, status: *status, text: "told to".into() });
        }
        Ok(())
    }
}

impl ProxyApi for Scripted {
    fn proxies(&self) -> BoxFuture<'_, Result<Vec<ProxyState>, ProxyApiError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn set_enabled<'a>(&'a self, proxy: &'a str, enabled: bool) -> BoxFuture<'a, Result<(), ProxyApiError>> {
        Box::pin(async move { self.answer(format!("{proxy} enabled {enabled}")) })
    }

    fn add_toxic<'a>(
        &'a self,
        proxy: &'a str,
        toxic: &'a ToxicConfig,
    ) -> BoxFuture<'a, Result<(), ProxyApiError>> {
        Box::pin(async move { self.answer(format!("{proxy} + {}", toxic.name)) })
    }

    fn remove_toxic<'a>(
        &'a self,
        proxy: &'a str,
        toxic: &'a str,
    ) -> BoxFuture<'a, Result<(), ProxyApiError>> {
        Box::pin(async move { self.answer(format!("{proxy} - {toxic}")) })
    }
}

fn reset_on(api: &Arc<Scripted>) -> LinkFault {
    let api: Arc<dyn ProxyApi> = Arc::<Scripted>::clone(api);
    let recipe = reset::recipe("f", ProxyKind::Toxiproxy, Duration::ZERO).unwrap();
    LinkFault { api, proxies: vec!["a".into(), "b".into()], recipe }
}

#[tokio::test(start_paused = true)]
async fn every_proxy_is_changed_although_one_fails() {
    let api = Scripted::failing("a + f-reset_peer-downstream", 1, 500);
    let error = reset_on(&api).apply().await.unwrap_err();
    assert!(
        matches!(&error, FaultError::Partly { failed: 1, all: 2, proxy, .. } if proxy == "a"),
        "{error:?}"
    );
    let calls = api.calls.lock().unwrap();
    assert!(calls.contains(&"b enabled true".to_owned()), "{calls:?}");
    assert!(
        !calls.contains(&"a enabled false".to_owned()),
        "no further step on the one that failed: {calls:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn healing_tries_again_and_takes_a_toxic_that_is_gone_for_healed() {
    let api = Scripted::failing("a - f-reset_peer-upstream", 2, 500);
    reset_on(&api).heal().await.unwrap();
    let tries = api.calls.lock().unwrap().iter().filter(|c| *c == "a - f-reset_peer-upstream").count();
    assert_eq!(tries, 3);
    let api = Scripted::failing("a - ", 5, 404);
    reset_on(&api).heal().await.unwrap();
    assert_eq!(api.calls.lock().unwrap().len(), 6, "no second try was needed");
}

#[tokio::test(start_paused = true)]
async fn healing_goes_on_with_the_other_steps_when_one_stays_impossible() {
    let api = Scripted::failing("a - f-reset_peer-upstream", 99, 500);
    let error = reset_on(&api).heal().await.unwrap_err();
    assert!(matches!(error, FaultError::Partly { failed: 1, .. }), "{error:?}");
    let calls = api.calls.lock().unwrap();
    assert!(calls.contains(&"a enabled true".to_owned()), "the proxy is opened all the same: {calls:?}");
}
