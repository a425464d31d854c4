//! What each toxic does to real traffic, within bounds that a loaded machine keeps.

mod bandwidth;
mod latency;
mod limit_data;
mod order;
mod proxy;
mod reset_peer;
mod slicer;
mod slow_close;
mod timeout;
mod toxicity;

use crate::suite::Suite;

pub(crate) fn run(suite: &mut Suite) {
    println!("proxies on traffic");
    proxy::run(suite);
    println!("toxics on traffic");
    latency::run(suite);
    bandwidth::run(suite);
    slow_close::run(suite);
    timeout::run(suite);
    reset_peer::run(suite);
    slicer::run(suite);
    limit_data::run(suite);
    order::run(suite);
    toxicity::run(suite);
}
