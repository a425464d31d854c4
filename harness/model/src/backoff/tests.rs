use super::*;

const SEED: Seed = Seed(11);

fn ms(pauses: impl Iterator<Item = Duration>) -> Vec<u128> {
    pauses.map(|pause| pause.as_millis()).collect()
}

fn pauses(policy: Backoff, attempts: u32) -> Vec<u128> {
    ms((1..=attempts).map(|n| policy.delay(n, Duration::ZERO, SEED)))
}

fn exponential(jitter: Jitter) -> Backoff {
    Backoff::Exponential { base: Duration::from_secs(1), cap: Duration::from_secs(60), jitter }
}

#[test]
fn java_pauses_grow_by_100_ms_up_to_5_s() {
    assert_eq!(pauses(Backoff::NACOS_JAVA, 4), [0, 100, 200, 300]);
    assert_eq!(Backoff::NACOS_JAVA.bounds(80, None).1, Duration::from_secs(5));
}

#[test]
fn with_several_servers_each_pause_repeats_and_the_first_once_more() {
    let three = Backoff::NACOS_JAVA.on_nodes(3);
    assert_eq!(pauses(three, 9), [0, 100, 100, 100, 200, 200, 200, 300, 300]);
    let Backoff::Turns { step, cap, .. } = three else { panic!("it stays what it is") };
    let go = Backoff::Turns { step, cap, nodes: 2, lead: 0 };
    assert_eq!(pauses(go, 7), [0, 0, 0, 100, 100, 200, 200]);
}

#[test]
fn a_round_goes_through_the_list_and_pauses_once() {
    let pause = Duration::from_secs(1);
    assert_eq!(pauses(Backoff::Rounds { pause, nodes: 1 }, 3), [1000, 1000, 1000]);
    assert_eq!(pauses(Backoff::Rounds { pause, nodes: 3 }, 7), [0, 0, 1000, 0, 0, 1000, 0]);
}

#[test]
fn exponential_doubles_and_is_capped() {
    let policy = exponential(Jitter::None);
    assert_eq!(pauses(policy, 8), [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    assert_eq!(policy.bounds(200, None).1, Duration::from_secs(60));
}

#[test]
fn linear_grows_evenly_and_is_capped() {
    let second = Duration::from_secs(1);
    let policy = Backoff::Linear { base: second, step: 2 * second, cap: 6 * second, jitter: Jitter::None };
    assert_eq!(pauses(policy, 5), [1000, 3000, 5000, 6000, 6000]);
    assert_eq!(policy.bounds(u32::MAX, None).1, 6 * second);
}

#[test]
fn jittered_pauses_stay_within_bounds_differ_and_repeat_with_the_seed() {
    for jitter in [Jitter::Full, Jitter::Equal, Jitter::Decorrelated] {
        let policy = exponential(jitter);
        let draw = || (1..=200).map(|n| policy.delay(n, Duration::ZERO, SEED)).collect::<Vec<_>>();
        let drawn = draw();
        let mut previous = None;
        for (n, pause) in (1..).zip(&drawn) {
            let (least, most) = policy.bounds(n, previous);
            assert!((least..=most).contains(pause), "{jitter:?} {n}: {pause:?} in {least:?}..={most:?}");
            assert!(policy.bounds(n, None).0 <= *pause && *pause <= policy.bounds(n, None).1);
            previous = Some(*pause);
        }
        assert!(drawn.windows(2).skip(10).all(|pair| pair[0] != pair[1]), "{jitter:?}");
        assert_eq!(drawn, draw());
    }
}

#[test]
fn bounds_say_what_each_jitter_allows() {
    let second = Duration::from_secs(1);
    assert_eq!(exponential(Jitter::Full).bounds(3, None), (Duration::ZERO, 4 * second));
    assert_eq!(exponential(Jitter::Equal).bounds(3, None), (2 * second, 4 * second));
    let decorrelated = exponential(Jitter::Decorrelated);
    assert_eq!(decorrelated.bounds(1, None), (second, 3 * second));
    assert_eq!(decorrelated.bounds(2, Some(2 * second)), (second, 6 * second));
    assert_eq!(decorrelated.bounds(2, Some(50 * second)), (second, 60 * second));
    assert_eq!(decorrelated.bounds(2, None), (second, 60 * second));
}

#[test]
fn node_spins_then_pauses() {
    let policy = Backoff::NacosNode { spin: Duration::from_secs(40), pause: Duration::from_secs(2) };
    assert_eq!(policy.delay(1, Duration::ZERO, SEED), Duration::ZERO);
    assert_eq!(policy.delay(2, Duration::from_secs(1), SEED), NODE_SPIN_GAP);
    assert_eq!(policy.delay(3, Duration::from_secs(41), SEED), Duration::from_secs(1));
    assert_eq!(policy.bounds(9, None), (Duration::ZERO, Duration::from_secs(2)));
}

#[test]
fn rust_dials_in_rounds_and_moves_only_while_a_check_waits() {
    let rust = Backoff::NacosRust { probe: Duration::from_secs(5) };
    for seed in 0..50 {
        let mut at = Duration::ZERO;
        let mut dials = Vec::new();
        for attempt in 1..=15 {
            let pause = rust.delay(attempt, at, Seed(seed));
            let (least, most) = rust.bounds(attempt, None);
            assert!(least <= pause && pause <= most, "attempt {attempt}: {pause:?} of {most:?}");
            at += pause;
            dials.push(at.as_millis());
        }
        assert_eq!(dials[..4], [2_000, 2_300, 2_900, 4_100], "seed {seed}");
        // As measured: 2.40 to 2.65 s, and 7.65 to 8.01 s for a pause of 4 s that ends while the check sleeps.
        assert!((6_500..=7_000).contains(&dials[4]), "seed {seed}: {dials:?}");
        assert!((14_000..=15_000).contains(&dials[5]), "seed {seed}: {dials:?}");
        let third = dials[10] - dials[9];
        assert!((8_000..=13_500).contains(&third), "seed {seed}: {dials:?}");
    }
    assert_eq!(rust.bounds(1, None).1, Duration::from_secs(14));
}

#[test]
fn python_dials_from_two_loops_and_never_pauses_longer_than_its_bound() {
    let python = Backoff::NacosPython { probe: Duration::from_secs(5), nodes: 1 };
    for seed in 0..50 {
        let mut dials = Vec::new();
        let mut at = Duration::ZERO;
        for attempt in 1..=60 {
            let pause = python.delay(attempt, at, Seed(seed));
            let (least, most) = python.bounds(attempt, None);
            assert!(least <= pause && pause <= most, "attempt {attempt} after {at:?}: {pause:?} of {most:?}");
            assert_eq!(pause.is_zero(), attempt == 1, "the loss is followed by a dial at once");
            at += pause;
            dials.push(at);
        }
        // The real one dialled 52 and 54 times within 25 s, 0.45 s apart in the median, a third of them the old
        // channel's own.
        let within = dials.iter().filter(|dial| **dial < Duration::from_secs(25)).count();
        assert!((26..=48).contains(&within), "seed {seed}: {within} dials");
        // What times out comes back with the next attempt, 100 ms or more later.
        assert!(python.delay(2, Duration::from_secs(3), Seed(seed)) <= Duration::from_millis(300));
    }
}
