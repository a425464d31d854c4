//! What broke, beside what was declared.

use std::path::PathBuf;

use serde::Serialize;
use shakedown_check::result::{FaultResult, Judgement};
use shakedown_model::verdict::{Guarantee, Outcome as Held};

use crate::Stage;
use crate::matrix::Row;

/// Guarantees, gates, and faults that did not bite.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Broken {
    /// Guarantees, in [`Guarantee::ALL`]'s order.
    pub guarantees: Vec<Guarantee>,
    /// Gates as the stage writes them, in its order.
    pub gates: Vec<String>,
    /// Faults that did not bite, as the stage names them, by onset.
    pub faults: Vec<String>,
}

impl Broken {
    /// What a row declares.
    #[must_use]
    pub fn declared(row: &Row) -> Self {
        Self {
            guarantees: row.guarantees.to_vec(),
            gates: row.gates.iter().map(|gate| (*gate).to_owned()).collect(),
            faults: row.toothless.iter().map(|fault| (*fault).to_owned()).collect(),
        }
    }

    /// What failed in a run, whether or not the run was valid; on a stage of faults those that did not bite, or had
    /// trouble, among it.
    #[must_use]
    pub fn failed(stage: Stage, judgement: &Judgement) -> Self {
        let is_asked = |fault: &&FaultResult| stage.is_of_faults() && fault.outcome != Held::Pass;
        let toothless = judgement.faults.iter().filter(is_asked);
        Self {
            faults: toothless.map(|fault| fault.name.clone()).collect(),
            ..Self::with(judgement, Held::Fail)
        }
    }

    /// What could not be told in a run.
    #[must_use]
    pub fn unknown(judgement: &Judgement) -> Self {
        Self::with(judgement, Held::Unknown)
    }

    fn with(judgement: &Judgement, outcome: Held) -> Self {
        // What a fault breaks on purpose is not required.
        let guarantees = judgement.guarantees.iter().filter(|one| one.is_required && one.outcome == outcome);
        let gates = judgement.gates.iter().filter(|one| one.outcome == outcome);
        Self {
            guarantees: guarantees.map(|one| one.guarantee).collect(),
            gates: gates.map(|one| one.text.clone()).collect(),
            faults: Vec::new(),
        }
    }

    /// What is here and not there.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        Self {
            guarantees: self
                .guarantees
                .iter()
                .filter(|one| !other.guarantees.contains(one))
                .copied()
                .collect(),
            gates: self.gates.iter().filter(|one| !other.gates.contains(one)).cloned().collect(),
            faults: self.faults.iter().filter(|one| !other.faults.contains(one)).cloned().collect(),
        }
    }

    /// Whether there is nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.guarantees.is_empty() && self.gates.is_empty() && self.faults.is_empty()
    }

    /// The names, guarantees first; of a fault it is its bite that is broken.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let guarantees = self.guarantees.iter().map(|one| one.name().to_owned());
        let bites = self.faults.iter().map(|fault| bite_of(fault));
        guarantees.chain(self.gates.iter().cloned()).chain(bites)
    }
}

/// What a toothless fault breaks, in words.
pub(crate) fn bite_of(fault: &str) -> String {
    format!("bite of {fault}")
}

/// How what broke compares with what was declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is the same set.
    Exact,
    /// It is another set.
    Differs {
        /// Declared, and held or not known.
        missed: Broken,
        /// Not declared, and broken.
        alarms: Broken,
    },
    /// The run came to no judgement.
    NotJudged(String),
}

impl Outcome {
    /// Compares; `unknown` counts where nothing may raise a doubt.
    #[must_use]
    pub fn of(declared: &Broken, found: &Broken, unknown: &Broken) -> Self {
        let missed = declared.without(found);
        let mut alarms = found.without(declared);
        if declared.is_empty() {
            alarms.guarantees.extend(&unknown.guarantees);
            alarms.gates.extend(unknown.gates.iter().cloned());
        }
        if missed.is_empty() && alarms.is_empty() { Self::Exact } else { Self::Differs { missed, alarms } }
    }
}

/// What became of a row.
#[derive(Debug, Clone, Serialize)]
pub struct RowResult {
    /// The row's name.
    pub name: String,
    /// Where it was tried.
    pub stage: Stage,
    /// The seed of the run.
    pub seed: u64,
    /// What it must break.
    pub declared: Broken,
    /// What broke.
    pub found: Broken,
    /// How the two compare.
    pub outcome: Outcome,
    /// The arguments of `shakedown` that repeat it.
    pub repeat: Vec<String>,
    /// Its run directory; removed when all was as declared.
    pub run: Option<PathBuf>,
}

/// What became of a clean run.
#[derive(Debug, Clone, Serialize)]
pub struct Clean {
    /// Where.
    pub stage: Stage,
    /// The seed.
    pub seed: u64,
    /// [`Outcome::Exact`] is silence: nothing broke, and nothing is unknown.
    pub outcome: Outcome,
    /// Its run directory; removed when it was silent.
    pub run: Option<PathBuf>,
}

/// What the self-test found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Verdict {
    /// Every row, in the matrix' order.
    pub rows: Vec<RowResult>,
    /// Every clean run, by seed and stage.
    pub clean: Vec<Clean>,
}

impl Verdict {
    /// Rows that broke exactly what they declare.
    #[must_use]
    pub fn exact(&self) -> usize {
        self.rows.iter().filter(|row| row.outcome == Outcome::Exact).count()
    }

    /// Clean runs that raised nothing.
    #[must_use]
    pub fn silent(&self) -> usize {
        self.clean.iter().filter(|run| run.outcome == Outcome::Exact).count()
    }

    /// Whether every row was exact and every clean run silent.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.exact() == self.rows.len() && self.silent() == self.clean.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(guarantees: &[Guarantee], gates: &[&str]) -> Broken {
        Broken {
            guarantees: guarantees.to_vec(),
            gates: gates.iter().map(|gate| (*gate).to_owned()).collect(),
            faults: Vec::new(),
        }
    }

    fn toothless(faults: &[&str]) -> Broken {
        Broken { faults: faults.iter().map(|fault| (*fault).to_owned()).collect(), ..Broken::default() }
    }

    #[test]
    fn a_fault_that_bit_without_teeth_is_missed_and_one_that_did_not_with_them_is_an_alarm() {
        let (none, declared) = (Broken::default(), toothless(&["cut", "jitter"]));
        assert_eq!(Outcome::of(&declared, &toothless(&["cut", "jitter"]), &none), Outcome::Exact);
        let differs = Outcome::Differs { missed: toothless(&["jitter"]), alarms: toothless(&["crash"]) };
        assert_eq!(Outcome::of(&declared, &toothless(&["cut", "crash"]), &none), differs);
        let alarm = Outcome::Differs { missed: none.clone(), alarms: toothless(&["cut"]) };
        assert_eq!(Outcome::of(&none, &toothless(&["cut"]), &none), alarm);
        assert_eq!(declared.names().collect::<Vec<_>>(), ["bite of cut", "bite of jitter"]);
    }

    #[test]
    fn a_set_is_exact_or_says_what_is_missing_and_what_is_too_much() {
        let (none, declared) = (Broken::default(), broken(&[Guarantee::Intact], &["a < 1s"]));
        assert_eq!(Outcome::of(&declared, &declared, &none), Outcome::Exact);
        let found = broken(&[Guarantee::Intact, Guarantee::Once], &[]);
        let differs =
            Outcome::Differs { missed: broken(&[], &["a < 1s"]), alarms: broken(&[Guarantee::Once], &[]) };
        assert_eq!(Outcome::of(&declared, &found, &none), differs);
    }

    #[test]
    fn a_clean_run_may_leave_nothing_open_and_a_row_may() {
        let (none, unknown) = (Broken::default(), broken(&[], &["a < 1s"]));
        assert_eq!(Outcome::of(&none, &none, &none), Outcome::Exact);
        let doubt = Outcome::Differs { missed: none.clone(), alarms: unknown.clone() };
        assert_eq!(Outcome::of(&none, &none, &unknown), doubt);
        let declared = broken(&[Guarantee::Intact], &[]);
        assert_eq!(Outcome::of(&declared, &declared, &unknown), Outcome::Exact);
    }
}
