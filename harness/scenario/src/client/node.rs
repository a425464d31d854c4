//! nacos 2.6.3 for Node.

use std::time::Duration;

use shakedown_model::backoff::Backoff;
use shakedown_model::plan::{
    Cache, ClientSpec, Habits, Identity, LoginHabit, NodeOrder, Protocol, ReadHabit, SnapshotHabit,
    SnapshotOnDelete, SnapshotWrite,
};

pub(super) fn node() -> ClientSpec {
    // §3.1: a request retries inside until its own time-out, a poll's being 40 s; then a pause of 2 s.
    let backoff = Backoff::NacosNode { spin: Duration::from_secs(40), pause: Duration::from_secs(2) };
    ClientSpec {
        cache: Cache::Snapshot,
        request_timeout: Duration::from_secs(5),
        connect_timeout: Duration::from_secs(5),
        poll_timeout: Duration::from_secs(30),
        poll_grace: Duration::from_secs(10),
        habits: Habits {
            // `VERSION` in `const.js`.
            identity: Identity::http("client-version", "nodejs-diamond-client/2.6.3"),
            // `ServerListManager`: a list that was given begins with its first; one of an endpoint anywhere.
            node_order: NodeOrder::Listed,
            reads: ReadHabit::Server,
            // §3.1: tried again at once until the request's time-out.
            offline_read: Duration::from_secs(5),
            retry: Duration::from_secs(2),
            // urllib's own agent does not keep connections.
            keeps_alive: false,
            login: LoginHabit::EachRequest,
            snapshot: SnapshotHabit {
                write: SnapshotWrite::InPlace,
                // `snapshot.save(key, content || '')`.
                on_delete: SnapshotOnDelete::Emptied,
                is_listed: false,
            },
            ..Habits::default()
        },
        ..ClientSpec::new(Protocol::NacosHttp, backoff)
    }
}
