//! Ids: small integers that index the plan's lists.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            /// The id as an index into the list that it numbers.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

id!(/// A watcher, numbered over all groups in the plan's order.
    WatcherId(u32));
id!(/// A group of watchers, as an index into `Plan::groups`.
    GroupId(u16));
id!(/// A config item: shared ones first (`0..items.count`), then each watcher's own.
    ItemId(u32));
id!(/// A link, as an index into `Plan::links`.
    LinkId(u16));
id!(/// A server node, from 0.
    NodeId(u16));
id!(/// A phase, as an index into `Plan::phases`.
    PhaseId(u16));
id!(/// A fault, as an index into `Plan::faults`.
    FaultId(u16));
id!(/// A mutation, numbered by its intended time.
    MutationId(u32));
id!(/// A version of one item: 1 is published before the run, each mutation adds one.
    Version(u32));

impl Version {
    /// The version that the set-up publishes before the first phase.
    pub const INITIAL: Self = Self(1);

    /// The version after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
