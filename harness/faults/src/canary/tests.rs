use super::*;
use crate::testing::{Ills, World, WorldProbe};

const MS: Duration = Duration::from_millis(1);

/// Answers after times drawn in turn from a list.
struct Paced(Vec<Duration>, std::sync::Mutex<usize>);

struct PacedConnection(Arc<Paced>);

struct PacedProbe(Arc<Paced>);

impl Probe for PacedProbe {
    fn connect<'a>(
        &'a self,
        _target: &'a ProxyAddress,
    ) -> BoxFuture<'a, Result<Box<dyn ProbeConnection>, ProbeError>> {
        Box::pin(async {
            let connection: Box<dyn ProbeConnection> = Box::new(PacedConnection(Arc::clone(&self.0)));
            Ok(connection)
        })
    }

    fn end<'a>(&'a self, _target: &'a ProxyAddress) -> BoxFuture<'a, Result<(), ProbeError>> {
        Box::pin(async { Ok(()) })
    }
}

impl ProbeConnection for PacedConnection {
    fn ask(&mut self) -> BoxFuture<'_, Result<(), ProbeError>> {
        Box::pin(async {
            let time = {
                let mut next = self.0.1.lock().unwrap();
                *next += 1;
                self.0.0[(*next - 1) % self.0.0.len()]
            };
            tokio::time::sleep(time).await;
            Ok(())
        })
    }
}

/// Five answers of 1 ms before the onset, then these, under latency 50 ± 50 ms in one direction.
async fn bite_of(during: &[Duration]) -> Bite {
    let times = [MS; 5].into_iter().chain(during.iter().copied()).collect();
    let probe = Arc::new(PacedProbe(Arc::new(Paced(times, std::sync::Mutex::default()))));
    let (_, proxies) = World::new();
    let expectation = Expectation::Delay { added: 50 * MS, most: 100 * MS };
    let onset = Instant::now() + LEAD;
    let mut canary = Canary::arm(probe, &proxies[..1], expectation, onset).await;
    canary.observe(onset + Duration::from_secs(60)).await;
    canary.verdict(true)
}

#[tokio::test(start_paused = true)]
async fn jitter_bites_by_its_mean_although_half_of_the_answers_are_quick() {
    let during: Vec<_> = [1, 1, 1, 101].map(|ms| ms * MS).repeat(5);
    assert_eq!(bite_of(&during).await, Bite::Bit("1 proxy: rtt p50 1.0 ms → 1.0 ms".into()));
}

#[tokio::test(start_paused = true)]
async fn one_stall_of_the_machine_does_not_pass_for_a_bite() {
    let mut during = vec![MS; 20];
    during[3] = 1050 * MS;
    let bite = bite_of(&during).await;
    assert!(matches!(&bite, Bite::Missed(why) if why.contains("on average 5.0 ms more")), "{bite:?}");
}

#[tokio::test(start_paused = true)]
async fn answers_that_never_come_are_no_delay() {
    let bite = bite_of(&[Duration::from_secs(3600); 60]).await;
    assert!(matches!(&bite, Bite::Missed(why) if why.contains("0 answers")), "{bite:?}");
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_never_got_through_says_why() {
    let (world, proxies) = World::new();
    *world.ills.lock().unwrap() = Ills::default();
    crate::toxiproxy::ProxyApi::set_enabled(&*world, "p1", false).await.unwrap();
    let probe = Arc::new(WorldProbe(Arc::clone(&world)));
    let mut canary = Canary::arm(probe, &proxies, Expectation::Silence, Instant::now() + LEAD).await;
    canary.observe(Instant::now() + 5 * LEAD).await;
    // Group 0's proxy is healthy and answers, group 1's is closed: both are misses, the first is told.
    let Bite::Missed(why) = canary.verdict(true) else { panic!("a closed proxy proves nothing") };
    assert!(why.starts_with("2 of 2 proxies, `p0`: a live connection answered"), "{why}");
}
