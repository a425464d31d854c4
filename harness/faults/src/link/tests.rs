use std::sync::Mutex;

use shakedown_model::fault::{Distribution, Stream, Toxic, ToxicKind as Planned};

use super::*;
use crate::toxiproxy::{BlackholeHeal, Direction, ProxyState, ToxicKind};

const MS: Duration = Duration::from_millis(1);

fn slow(prefix: &str, stream: Stream, latency: Duration, jitter: Duration) -> Result<Recipe, FaultError> {
    let kind = Planned::Latency { latency, jitter, distribution: Distribution::Uniform };
    toxic::recipe(prefix, ProxyKind::Embedded, Toxic::new(stream, kind))
}

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
    let recipe = slow("fault-3", Stream::Both, 200 * MS, 50 * MS).unwrap();
    let (onset, healing) = names(&recipe);
    assert_eq!(onset, ["+fault-3-latency-upstream", "+fault-3-latency-downstream"]);
    assert_eq!(healing, ["-fault-3-latency-upstream", "-fault-3-latency-downstream"]);
    let Step::Add(toxic) = &recipe.onset[1] else { panic!("a toxic is added") };
    let distribution = Distribution::Uniform;
    assert_eq!(toxic.kind, ToxicKind::Latency { latency_ms: 200, jitter_ms: 50, distribution });
    assert_eq!(toxic.stream, Direction::Downstream);
}

#[test]
fn a_delay_finer_than_the_api_is_refused_and_not_rounded() {
    let error = slow("f", Stream::Both, Duration::from_micros(1500), Duration::ZERO).unwrap_err();
    assert!(matches!(error, FaultError::NotWholeMillis { attribute: "latency", .. }), "{error:?}");
}

#[test]
fn the_real_proxy_is_closed_and_opened_to_reset_live_connections_the_embedded_one_is_not() {
    let (onset, healing) = names(&reset::recipe("f", ProxyKind::Toxiproxy).unwrap());
    assert_eq!(onset, ["+f-reset_peer-upstream", "+f-reset_peer-downstream", "close", "open"]);
    assert_eq!(healing, ["-f-reset_peer-upstream", "-f-reset_peer-downstream", "open"]);
    let (onset, healing) = names(&reset::recipe("f", ProxyKind::Embedded).unwrap());
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

fn added(recipe: &Recipe) -> Vec<ToxicConfig> {
    let added =
        recipe.onset.iter().filter_map(|step| if let Step::Add(toxic) = step { Some(toxic) } else { None });
    added.cloned().collect()
}

#[test]
fn every_toxic_goes_out_under_its_own_name_with_stream_and_share() {
    let kinds = [
        Planned::Bandwidth { kilobytes_per_second: 64 },
        Planned::SlowClose { delay: 50 * MS },
        Planned::Timeout { timeout: 300 * MS },
        Planned::Slicer { average_size: 100, size_variation: 10, delay: Duration::from_micros(250) },
        Planned::LimitData { bytes: 4096 },
    ];
    let wire = [
        ToxicKind::Bandwidth { rate: 64 },
        ToxicKind::SlowClose { delay_ms: 50 },
        ToxicKind::Timeout { timeout_ms: 300 },
        ToxicKind::Slicer { average_size: 100, size_variation: 10, delay_us: 250 },
        ToxicKind::LimitData { bytes: 4096 },
    ];
    for (kind, wire) in kinds.into_iter().zip(wire) {
        for proxy in [ProxyKind::Embedded, ProxyKind::Toxiproxy] {
            let toxic = Toxic { stream: Stream::Upstream, toxicity_ppm: 250_000, kind };
            let recipe = toxic::recipe("f", proxy, toxic).unwrap();
            let name = format!("f-{}-upstream", kind.name());
            let (stream, toxicity_ppm) = (Direction::Upstream, 250_000);
            assert_eq!(added(&recipe), [ToxicConfig { name, stream, toxicity_ppm, kind: wire }]);
            assert_eq!(recipe.healing.len(), 1);
        }
    }
}

#[test]
fn a_reset_of_a_share_does_not_close_the_real_proxy() {
    let kind = Planned::ResetPeer { timeout: Duration::ZERO };
    let toxic = Toxic { stream: Stream::Both, toxicity_ppm: 100_000, kind };
    let (onset, _) = names(&toxic::recipe("f", ProxyKind::Toxiproxy, toxic).unwrap());
    assert_eq!(onset, ["+f-reset_peer-upstream", "+f-reset_peer-downstream"]);
}

#[test]
fn what_the_real_proxy_has_no_word_for_is_refused_by_name() {
    let kind = Planned::Latency { latency: MS, jitter: MS, distribution: Distribution::Pareto };
    let toxiproxy = ProxyKind::Toxiproxy;
    for (refused, name) in [
        (toxic::recipe("f", toxiproxy, Toxic::new(Stream::Both, kind)), "distribution"),
        (one_way::recipe("f", toxiproxy, Stream::Upstream), "one_way"),
        (half_open::recipe("f", toxiproxy), "half_open"),
        (silence::recipe("f", toxiproxy), "silence"),
        (flap::recipe("f", toxiproxy, 500 * MS, 500 * MS), "flap"),
    ] {
        assert!(matches!(&refused, Err(FaultError::EmbeddedOnly { fault }) if *fault == name), "{refused:?}");
    }
    let (onset, healing) = names(&refuse::recipe("f", toxiproxy));
    assert_eq!((onset, healing), (vec!["close".to_owned()], vec!["open".to_owned()]));
}

#[test]
fn own_modes_are_one_toxic_each_on_the_embedded_proxy() {
    let proxy = ProxyKind::Embedded;
    for (recipe, name, kind) in [
        (half_open::recipe("f", proxy).unwrap(), "f-half_open", ToxicKind::HalfOpen),
        (
            silence::recipe("f", proxy).unwrap(),
            "f-silence",
            ToxicKind::Silence { heal: BlackholeHeal::Reset },
        ),
        (refuse::recipe("f", proxy), "f-refuse", ToxicKind::Refuse),
        (
            flap::recipe("f", proxy, 500 * MS, 200 * MS).unwrap(),
            "f-flap",
            ToxicKind::Flap { up_ms: 500, down_ms: 200 },
        ),
        (
            one_way::recipe("f", proxy, Stream::Upstream).unwrap(),
            "f-one_way-upstream",
            ToxicKind::Blackhole { heal: BlackholeHeal::Release },
        ),
    ] {
        let added = added(&recipe);
        assert_eq!(
            added.iter().map(|toxic| (toxic.name.as_str(), toxic.kind)).collect::<Vec<_>>(),
            [(name, kind)]
        );
        assert_eq!(recipe.healing, [Step::Remove(name.to_owned())]);
    }
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
    let recipe = reset::recipe("f", ProxyKind::Toxiproxy).unwrap();
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

#[test]
fn a_ramp_puts_each_step_in_the_place_of_the_one_before_and_heals_all() {
    let kind =
        Planned::Latency { latency: 90 * MS, jitter: Duration::ZERO, distribution: Distribution::Uniform };
    let toxic = Toxic::new(Stream::Upstream, kind);
    let steps = std::num::NonZeroU16::new(3).unwrap();
    let recipe = ramp::recipe("f", ProxyKind::Toxiproxy, toxic, (steps, 9000 * MS)).unwrap();
    let (onset, healing) = names(&recipe);
    assert_eq!(onset, ["+f-1-latency-upstream"]);
    let course: Vec<_> = recipe
        .course
        .iter()
        .map(|(after, steps)| {
            let step = Recipe { onset: steps.clone(), course: Vec::new(), healing: Vec::new() };
            (after.as_millis(), names(&step).0)
        })
        .collect();
    let replaced =
        |nth: u16| vec![format!("+f-{nth}-latency-upstream"), format!("-f-{}-latency-upstream", nth - 1)];
    assert_eq!(course, [(3000, replaced(2)), (6000, replaced(3))]);
    assert_eq!(healing, ["-f-1-latency-upstream", "-f-2-latency-upstream", "-f-3-latency-upstream"]);
    let latencies: Vec<_> = course_toxics(&recipe);
    assert_eq!(latencies, [60, 90]);
}

fn course_toxics(recipe: &Recipe) -> Vec<u64> {
    let steps = recipe.course.iter().flat_map(|(_, steps)| steps);
    let latency = |step: &Step| match step {
        Step::Add(ToxicConfig { kind: ToxicKind::Latency { latency_ms, .. }, .. }) => Some(*latency_ms),
        _ => None,
    };
    steps.filter_map(latency).collect()
}
