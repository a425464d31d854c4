//! `${env:NAME}`: values that come from the environment and never into a message or a copy of the scenario.

use crate::problem::Findings;
use crate::source::Span;

/// Looks a variable up.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What became of a text.
pub(crate) enum Replaced {
    /// It has no reference.
    Unchanged,
    /// It had references, and this is the text without them.
    Changed(String),
    /// A reference is bad or its variable is missing, which is a finding already.
    Broken,
}

/// Replaces every reference in `text`.
pub(crate) fn replace(text: &str, span: Span, lookup: Lookup<'_>, found: &mut Findings) -> Replaced {
    if !text.contains("${") {
        return Replaced::Unchanged;
    }
    let mut replaced = String::new();
    let mut is_broken = false;
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        replaced.push_str(&rest[..at]);
        let Some(end) = rest[at..].find('}') else {
            found
                .error("scenario::bad_reference", span, "a reference `${` has no closing `}`")
                .help("write `${env:NAME}`");
            return Replaced::Broken;
        };
        let inside = &rest[at + 2..at + end];
        match inside.strip_prefix("env:").filter(|name| !name.is_empty()) {
            None => {
                is_broken = true;
                found
                    .error("scenario::bad_reference", span, format!("reference `${{{inside}}}` is not known"))
                    .help("write `${env:NAME}`: the environment is the only thing that can be referred to");
            }
            Some(name) => match lookup(name) {
                Some(value) => {
                    found.secrets.hide(name, &value);
                    replaced.push_str(&value);
                }
                None => {
                    is_broken = true;
                    found
                        .error(
                            "scenario::missing_env",
                            span,
                            format!("environment variable `{name}` is not set"),
                        )
                        .help(format!("set it before the run: `{name}=... shakedown run ...`"));
                }
            },
        }
        rest = &rest[at + end + 1..];
    }
    replaced.push_str(rest);
    if is_broken { Replaced::Broken } else { Replaced::Changed(replaced) }
}
