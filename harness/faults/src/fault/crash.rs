//! Watchers crash at the onset and start cold at the end.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use shakedown_model::GroupId;

use super::{Fault, FaultError, Watchers};

/// A crash of groups of watchers.
pub(super) struct Crash {
    pub(super) watchers: Arc<dyn Watchers>,
    pub(super) groups: Vec<GroupId>,
}

impl Fault for Crash {
    fn apply(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async {
            self.watchers.crash(&self.groups).await;
            Ok(())
        })
    }

    fn heal(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async {
            self.watchers.cold_start(&self.groups).await;
            Ok(())
        })
    }
}
