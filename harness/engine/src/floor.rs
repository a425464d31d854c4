//! The floors of a run's fan-outs, measured while nothing else of the run is there.

use shakedown_floor::{FloorError, PEER, ROUNDS};
use shakedown_model::Plan;
use shakedown_model::floor::Floor;

use crate::observer::{Observer, RunEvent};
use crate::run::RunOptions;

/// Measures the floor of each fan-out of the plan, one after the other, if the run is to have them.
pub(crate) async fn measure(
    plan: &Plan,
    options: &RunOptions,
    observer: &dyn Observer,
) -> Result<Vec<Floor>, FloorError> {
    let mut floors = Vec::new();
    if !options.measures_floor {
        return Ok(floors);
    }
    for shape in plan.floor_shapes() {
        observer.on(&RunEvent::SettingUp(format!(
            "measuring the floor: {} to {} bare connections",
            shape.chain, shape.connections
        )));
        let program = options.program.clone();
        let measured =
            tokio::task::spawn_blocking(move || shakedown_floor::measure(shape, ROUNDS, (&program, &[PEER])));
        floors.push(measured.await.expect("measuring does not panic")?);
    }
    Ok(floors)
}
