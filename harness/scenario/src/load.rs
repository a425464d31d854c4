//! From a file to a plan.

use std::path::{Path, PathBuf};

use shakedown_model::Plan;
use shakedown_model::secrets::Secrets;

use crate::env::Lookup;
use crate::field::Field as _;
use crate::overrides::Overrides;
use crate::problem::{Findings, Problems};
use crate::raw::RawScenario;
use crate::resolve::resolve;
use crate::source::{Sources, Span};
use crate::tree;

/// The largest scenario file, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// A scenario that holds together.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What shall happen.
    pub plan: Plan,
    /// What is allowed, and will hardly tell what its author hopes.
    pub warnings: Problems,
    /// The file's text for the run directory: verbatim, so that `${env:NAME}` stands in it and never a value, with
    /// the overrides named in a comment at its end.
    pub text: String,
    /// Where the baseline lies that gates compare with, if the scenario says so.
    pub baseline: Option<PathBuf>,
    /// The values that came from the environment; they stand in the plan, and must not be shown.
    pub secrets: Secrets,
}

/// Reads, overrides and resolves a scenario file.
///
/// # Errors
/// Every problem that the scenario has, or that the file cannot be read.
pub fn load(path: &Path, overrides: &Overrides) -> Result<Loaded, Problems> {
    let name = path.display().to_string();
    let unreadable = |reason: String, help: &str| {
        Problems::one("scenario::unreadable", format!("cannot read scenario `{name}`: {reason}"), help)
    };
    let help = "give the path of a scenario file, such as `scenarios/smoke/quickstart.yaml`";
    let meta = std::fs::metadata(path).map_err(|error| unreadable(error.to_string(), help))?;
    if !meta.is_file() {
        return Err(unreadable("it is not a file".to_owned(), help));
    }
    if meta.len() > MAX_BYTES {
        return Err(unreadable("it is larger than 1 MiB".to_owned(), "a scenario is a short text"));
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string(), help))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| unreadable("it is not UTF-8".to_owned(), "save the file as UTF-8 text"))?;
    load_text(&name, &text, overrides)
}

/// Overrides and resolves the scenario in `text`; `name` is what problems call it, and traces lie beside it.
///
/// # Errors
/// Every problem that the scenario has.
pub fn load_text(name: &str, text: &str, overrides: &Overrides) -> Result<Loaded, Problems> {
    load_with(name, text, overrides, &|name| std::env::var(name).ok())
}

/// The same with variables from anywhere.
pub(crate) fn load_with(
    name: &str,
    text: &str,
    overrides: &Overrides,
    lookup: Lookup<'_>,
) -> Result<Loaded, Problems> {
    let mut sources = Sources::default();
    let mut found = Findings::default();
    let file = sources.add(name, text);
    let beside = Path::new(name).parent().unwrap_or(Path::new(""));
    let plan = match tree::parse(file, text, lookup, &mut found) {
        Some(mut root) => {
            overrides.apply(&mut root, &mut sources, lookup, &mut found);
            RawScenario::read(&root, &mut found).and_then(|raw| {
                let baseline = raw.baseline.as_ref().map(|path| path.value.clone());
                Some((resolve(&raw, beside, &mut found)?, baseline))
            })
        }
        None => {
            empty(file, &mut found);
            None
        }
    };
    let secrets = found.secrets.clone();
    let (problems, warnings) = found.finish(&sources);
    match plan.filter(|_| problems.is_empty()) {
        Some((plan, baseline)) => {
            let copy = format!("{text}{}", overrides.as_comment());
            Ok(Loaded { plan, warnings, text: copy, baseline, secrets })
        }
        None => Err(problems),
    }
}

/// A text without any value is no scenario; where the text is not YAML, that is a finding already.
fn empty(file: usize, found: &mut Findings) {
    if !found.has_errors() {
        found
            .error("scenario::empty", Span { source: file, start: 0, end: 0 }, "the scenario is empty")
            .help("begin with `shakedown: 1`");
    }
}
