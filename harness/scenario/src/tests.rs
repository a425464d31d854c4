//! Tests over whole scenarios.

use std::collections::BTreeMap;

use super::load::load_with;
use super::*;

mod committed;
