//! Config items: where they lie and how large their payloads are.

use shakedown_model::payload::MIN_BYTES;
use shakedown_model::plan::{ItemsSpec, PayloadSize, SizeChoice};

use super::{MAX_COUNT, UNKNOWN_COUNT, given, positive};
use crate::field::{Bytes, Number, duplicate};
use crate::problem::Findings;
use crate::quantity::show_size;
use crate::raw::{RawItems, RawPayload, RawSizeChoice, RawSizes};
use crate::source::{Span, Spanned};

/// The longest payload in bytes, below Nacos' limit of 10·1024·1024 characters (nacos-facts.md §1.3) with room for
/// the envelope of gRPC messages.
const MAX_PAYLOAD: usize = 8 << 20;
/// The size of a payload without a word about it, in bytes.
const DEFAULT_PAYLOAD: usize = 1024;
/// The shape of a Pareto distribution in which a fifth of the payloads has four fifths of the bytes.
const DEFAULT_SHAPE: f64 = 1.16;
/// The most groups and the most namespaces.
const MAX_PLACES: usize = 100;

pub(super) fn items(raw: Option<&RawItems>, found: &mut Findings) -> ItemsSpec {
    let mut items = ItemsSpec {
        shared: UNKNOWN_COUNT,
        payload: PayloadSize::Fixed(DEFAULT_PAYLOAD),
        prefix: "shakedown.item-".to_owned(),
        groups: vec!["DEFAULT_GROUP".to_owned()],
        namespaces: vec![String::new()],
    };
    let Some(raw) = raw else { return items };
    items.shared = given(raw.count.as_ref(), items.shared);
    if let Some(count) = raw.count.as_ref().filter(|count| count.value > MAX_COUNT) {
        found.error("scenario::too_big", count.span, format!("a run has at most {MAX_COUNT} items"));
        items.shared = MAX_COUNT;
    }
    if let Some(payload) = raw.payload.as_ref().and_then(|payload| size(payload, found)) {
        items.payload = payload;
    }
    if let Some(prefix) = &raw.prefix {
        legal(&prefix.value, prefix.span, "a prefix", found);
        items.prefix.clone_from(&prefix.value);
    }
    if let Some(groups) = &raw.groups {
        items.groups = places(groups, "a group", found);
    }
    if let Some(namespaces) = &raw.namespaces {
        let names = places(namespaces, "a namespace", found);
        items.namespaces =
            names.into_iter().map(|name| if name == "public" { String::new() } else { name }).collect();
    }
    items
}

/// The names of a list of groups or namespaces.
fn places(list: &Spanned<Vec<Spanned<String>>>, what: &str, found: &mut Findings) -> Vec<String> {
    if list.value.is_empty() {
        found
            .error("scenario::zero", list.span, format!("items lie in at least one of these: name {what}"))
            .help("write a list such as `[first, second]`, or leave the key out");
    }
    if list.value.len() > MAX_PLACES {
        found.error("scenario::too_big", list.span, format!("there are more than {MAX_PLACES}"));
    }
    for (at, name) in list.value.iter().enumerate() {
        legal(&name.value, name.span, what, found);
        if list.value[..at].iter().any(|earlier| earlier.value == name.value) {
            duplicate(&name.value, name.span, found);
        }
    }
    list.value.iter().map(|name| name.value.clone()).collect()
}

pub(super) fn legal(text: &str, span: Span, what: &str, found: &mut Findings) {
    let is_legal = (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte));
    if !is_legal {
        found
            .error("scenario::bad_name", span, format!("Nacos does not take this as {what}"))
            .help("it takes 1 to 128 letters, digits, `_`, `-`, `.` and `:`");
    }
}

fn size(raw: &Spanned<RawPayload>, found: &mut Findings) -> Option<PayloadSize> {
    match &raw.value {
        RawPayload::Fixed(bytes) => {
            within(*bytes, raw.span, found);
            Some(PayloadSize::Fixed(bytes.0))
        }
        RawPayload::Drawn(RawSizes::Uniform(raw)) => {
            let (min, max) = between(raw.min.as_ref(), raw.max.as_ref(), found)?;
            Some(PayloadSize::Uniform { min, max })
        }
        RawPayload::Drawn(RawSizes::Pareto(raw)) => {
            let shape = given(raw.shape.as_ref(), Number(DEFAULT_SHAPE)).0;
            if let Some(field) = raw.shape.as_ref().filter(|_| !(0.1..=100.0).contains(&shape)) {
                found
                    .error(
                        "scenario::out_of_range",
                        field.span,
                        "the shape of a Pareto distribution is 0.1 to 100",
                    )
                    .help("write `shape: 1.16` for the rule of 80 to 20");
            }
            let (min, max) = between(raw.min.as_ref(), raw.max.as_ref(), found)?;
            Some(PayloadSize::Pareto { min, max, shape })
        }
        RawPayload::Drawn(RawSizes::Choice(choices)) => choice(choices, raw.span, found),
    }
}

fn choice(raw: &[Spanned<RawSizeChoice>], span: Span, found: &mut Findings) -> Option<PayloadSize> {
    if raw.is_empty() {
        found
            .error("scenario::zero", span, "there is no size to choose")
            .help("write `choice: [ { bytes: 1KiB, weight: 9 }, { bytes: 64KiB } ]`");
    }
    if raw.len() > MAX_PLACES {
        found.error("scenario::too_big", span, format!("there are more than {MAX_PLACES} sizes"));
    }
    let choices = raw.iter().map(|Spanned { value, .. }| {
        positive(value.weight.as_ref(), "weight", found);
        let bytes = value.bytes.as_ref()?;
        within(bytes.value, bytes.span, found);
        Some(SizeChoice { bytes: bytes.value.0, weight: given(value.weight.as_ref(), 1) })
    });
    choices.collect::<Option<Vec<_>>>().map(PayloadSize::Choice)
}

fn between(
    min: Option<&Spanned<Bytes>>,
    max: Option<&Spanned<Bytes>>,
    found: &mut Findings,
) -> Option<(usize, usize)> {
    for bytes in min.into_iter().chain(max) {
        within(bytes.value, bytes.span, found);
    }
    let (min, max) = (min?, max?);
    if min.value.0 > max.value.0 {
        found
            .error("scenario::out_of_range", max.span, "the largest size is not below the smallest")
            .help("raise `max`, or lower `min`");
    }
    Some((min.value.0, max.value.0))
}

fn within(bytes: Bytes, span: Span, found: &mut Findings) {
    if (MIN_BYTES..=MAX_PAYLOAD).contains(&bytes.0) {
        return;
    }
    let (least, most) = (show_size(MIN_BYTES), show_size(MAX_PAYLOAD));
    found
        .error("scenario::out_of_range", span, format!("a payload has {least} to {most}"))
        .help(format!("a payload names its item and version and carries a checksum, which needs {least}"));
}
