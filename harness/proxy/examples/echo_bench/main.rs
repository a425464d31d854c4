//! What the proxy costs: an echo through it against an echo without it, and how fast toxics hold.
//!
//! `cargo run --release -p shakedown-proxy --example echo_bench -- --toxiproxy-home DIR`
//!
//! Each round measures the echo server directly, then through each proxy, so that a machine that slows down slows all
//! of them. Both proxies are processes of their own (this program runs itself for the embedded one); the clients and
//! the echo server are two threads of this one. The table has the median over the rounds, and the least and the
//! greatest in brackets. "Added" is a percentile through the proxy minus the same percentile without it, in the same
//! round. The last column is the embedded proxy's cost as a share of Toxiproxy's, round by round: below 1 is better.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod echo;
mod proxies;
mod round;
mod table;

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;

use proxies::Served;
use round::Round;

/// Measures what the embedded proxy, and Toxiproxy beside it, adds to an echo.
#[derive(Debug, Clone, Parser)]
struct Options {
    /// Live connections through each proxy; the open files must allow four times as many.
    #[arg(long, default_value_t = 4_500, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    connections: u32,
    /// Of them, how many have an echo under way at once in the rows that say "busy".
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    in_flight: u32,
    /// Echoes per round and proxy.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(100..))]
    requests: u32,
    /// Bytes per echo.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=16_384))]
    bytes: u32,
    /// MiB that are sent over one connection and back.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    bulk: u32,
    /// Rounds.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// The folder with `toxiproxy-server`; without it the embedded proxy is measured alone.
    #[arg(long)]
    toxiproxy_home: Option<PathBuf>,
    /// Runs the embedded proxy, tells its API's address and ends with its standard input.
    #[arg(long, hide = true)]
    serve: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    if options.serve {
        return proxies::serve();
    }
    let upstreams = [echo::serve()?, echo::serve()?];
    let mut proxies = vec![Served::embedded(upstreams)?];
    if let Some(home) = &options.toxiproxy_home {
        proxies.push(Served::toxiproxy(home, upstreams)?);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut rounds: Vec<Vec<Round>> = proxies.iter().map(|_| Vec::new()).collect();
    for n in 0..options.rounds {
        let direct = runtime.block_on(round::direct(upstreams[0], &options))?;
        // Whichever comes second is not always the same.
        let mut order: Vec<_> = (0..proxies.len()).collect();
        order.rotate_left(n as usize % proxies.len());
        for index in order {
            proxies.iter().try_for_each(Served::settle)?;
            rounds[index].push(runtime.block_on(round::measure(&proxies[index], &direct, &options))?);
        }
    }
    let names: Vec<_> = proxies.iter().map(Served::name).collect();
    print!("{}", table::render(&options, &names, &rounds));
    Ok(())
}
