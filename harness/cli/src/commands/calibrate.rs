//! `calibrate`: what a fan-out costs on this machine over bare sockets.

use std::net::SocketAddr;

use shakedown_floor::PEER;
use shakedown_model::floor::{Chain, Floor, FloorShape};
use shakedown_scenario::Overrides;

use super::check::look;
use super::plan;
use crate::args::CalibrateArgs;
use crate::exit::{Exit, Failure};
use crate::output::say;

/// Measures the floors of a scenario's fan-outs, or of every chain over so many connections, and prints them.
pub(super) fn calibrate(args: &CalibrateArgs) -> Result<(), Failure> {
    let shapes = shapes(args)?;
    let missing = |error: &dyn std::error::Error| Failure::from_error(Exit::Missing, error);
    let program = std::env::current_exe().map_err(|error| missing(&error))?;
    shakedown_engine::raise_open_files();
    let floors = shapes
        .into_iter()
        .map(|shape| shakedown_floor::measure(shape, args.rounds, (&program, &[PEER])))
        .collect::<Result<Vec<Floor>, _>>()
        .map_err(|error| missing(&error))?;
    if args.json {
        say(&serde_json::to_string_pretty(&floors).expect("plain numbers and names"));
    } else {
        say(&shakedown_report::floor::table(&floors, look().width));
    }
    Ok(())
}

fn shapes(args: &CalibrateArgs) -> Result<Vec<FloorShape>, Failure> {
    let Some(scenario) = &args.scenario else {
        let (connections, payload_bytes) = (args.connections, args.payload);
        let chains = [Chain::OneMessage, Chain::LongPoll, Chain::GrpcPush];
        return Ok(chains.map(|chain| FloorShape { chain, connections, payload_bytes }).into());
    };
    let overrides: Overrides = args.set.iter().collect();
    let shapes = plan::load_quietly(scenario, &overrides)?.plan.floor_shapes();
    if shapes.is_empty() {
        let text = format!(
            "{}: no simulated watcher listens to anything, so there is no fan-out",
            scenario.display()
        );
        return Err(Failure::new(Exit::Usage, text));
    }
    Ok(shapes)
}

/// Does the watchers' part for the process that listens at `address`.
pub(super) fn peer(address: SocketAddr) -> Result<(), Failure> {
    shakedown_engine::raise_open_files();
    shakedown_floor::peer(address).map_err(|error| Failure::from_error(Exit::Missing, &error))
}
