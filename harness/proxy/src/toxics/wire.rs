//! Toxics as JSON, by Toxiproxy 2.12 (`toxic_collection.go`), tried against its binary.
//!
//! Stricter than Toxiproxy where it accepts what means nothing: negative numbers, and a toxicity outside 0 to 1.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{Kind, MAX_TOXICS, Stream, Toxic, ToxicError, ToxicSet};
use crate::clock::Moment;
use crate::json;

/// A toxic as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct ToxicView<'a> {
    attributes: &'a Kind,
    name: &'a str,
    r#type: &'static str,
    stream: &'a str,
    #[serde(serialize_with = "as_short_number")]
    toxicity: f32,
    /// How often it acted, and could have; of those that count it.
    #[serde(skip_serializing_if = "Option::is_none")]
    acted: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<u64>,
}

/// Whole numbers without a fraction, as Go writes them.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn as_short_number<S: Serializer>(number: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    // Toxicity is within 0 and 1, so these are its only whole numbers.
    match *number {
        0.0 => serializer.serialize_u8(0),
        1.0 => serializer.serialize_u8(1),
        fraction => serializer.serialize_f32(fraction),
    }
}

#[derive(Deserialize)]
struct NewToxic {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default)]
    stream: Option<String>,
    #[serde(default)]
    toxicity: Option<f32>,
    #[serde(default)]
    attributes: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct ToxicUpdate {
    #[serde(default)]
    toxicity: Option<f32>,
    #[serde(default)]
    attributes: Option<Map<String, Value>>,
}

/// Makes a kind of its attributes.
type Parse = fn(Map<String, Value>) -> Result<Kind, ToxicError>;

impl Kind {
    /// How to parse the attributes of the toxic type `name`.
    fn parser(name: &str) -> Result<Parse, ToxicError> {
        Ok(match name {
            "answers" => |attributes| parse(attributes).map(|answers| Self::Answers(Box::new(answers))),
            "bandwidth" => |attributes| parse(attributes).map(Self::Bandwidth),
            "blackhole" => |attributes| parse(attributes).map(Self::Blackhole),
            "flap" => |attributes| parse(attributes).map(Self::Flap),
            "go_away" => |attributes| parse(attributes).map(Self::GoAway),
            "half_open" => |attributes| parse(attributes).map(Self::HalfOpen),
            "latency" => |attributes| parse(attributes).map(Self::Latency),
            "limit_data" => |attributes| parse(attributes).map(Self::LimitData),
            "noop" => |attributes| parse(attributes).map(Self::Noop),
            "refuse" => |attributes| parse(attributes).map(Self::Refuse),
            "reset_peer" => |attributes| parse(attributes).map(Self::ResetPeer),
            "rst_stream" => |attributes| parse(attributes).map(Self::RstStream),
            "silence" => |attributes| parse(attributes).map(Self::Silence),
            "slicer" => |attributes| parse(attributes).map(Self::Slicer),
            "slow_close" => |attributes| parse(attributes).map(Self::SlowClose),
            "stalled_window" => |attributes| parse(attributes).map(Self::StalledWindow),
            "swallowed" => |attributes| parse(attributes).map(Self::Swallowed),
            "timeout" => |attributes| parse(attributes).map(Self::Timeout),
            _ => return Err(ToxicError::Type),
        })
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Answers(_) => "answers",
            Self::Bandwidth(_) => "bandwidth",
            Self::Blackhole(_) => "blackhole",
            Self::Flap(_) => "flap",
            Self::GoAway(_) => "go_away",
            Self::HalfOpen(_) => "half_open",
            Self::Latency(_) => "latency",
            Self::LimitData(_) => "limit_data",
            Self::Noop(_) => "noop",
            Self::Refuse(_) => "refuse",
            Self::ResetPeer(_) => "reset_peer",
            Self::RstStream(_) => "rst_stream",
            Self::Silence(_) => "silence",
            Self::Slicer(_) => "slicer",
            Self::SlowClose(_) => "slow_close",
            Self::StalledWindow(_) => "stalled_window",
            Self::Swallowed(_) => "swallowed",
            Self::Timeout(_) => "timeout",
        }
    }
}

/// Parses attributes, and names the one that is wrong: each may be left out, so each can be tried alone.
fn parse<T: DeserializeOwned>(attributes: Map<String, Value>) -> Result<T, ToxicError> {
    let attributes = json::folded(attributes);
    let refusal = attributes.iter().find_map(|(name, value)| {
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        let error = serde_json::from_value::<T>(Value::Object(alone)).err()?;
        Some(ToxicError::Body(format!("attributes.{name}: {error}")))
    });
    match refusal {
        Some(refusal) => Err(refusal),
        None => json::fields(attributes).map_err(|error| ToxicError::Body(format!("attributes: {error}"))),
    }
}

/// A whole number; null is none, as in Go.
pub(super) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    if value.is_null() {
        return Ok(0);
    }
    value.as_u64().ok_or_else(|| D::Error::custom(format!("`{value}` is not a whole number, 0 or more")))
}

fn body<T: DeserializeOwned>(text: &[u8]) -> Result<T, ToxicError> {
    json::object(text).and_then(json::fields).map_err(ToxicError::Body)
}

fn toxicity(given: Option<f32>, otherwise: f32) -> Result<f32, ToxicError> {
    let toxicity = given.unwrap_or(otherwise);
    if (0.0..=1.0).contains(&toxicity) { Ok(toxicity) } else { Err(ToxicError::Toxicity(toxicity)) }
}

impl Toxic {
    fn view(&self) -> ToxicView<'_> {
        let counts = self.kind.reads_http().then_some(&*self.counts);
        ToxicView {
            acted: counts.map(|counts| counts.acted.load(Ordering::Relaxed)),
            of: counts.map(|counts| counts.of.load(Ordering::Relaxed)),
            attributes: &self.kind,
            name: &self.name,
            r#type: self.kind.name(),
            stream: &self.stream_text,
            toxicity: self.toxicity,
        }
    }
}

impl ToxicSet {
    /// The set with the toxic that `json` describes added, and its name. What is checked first is Toxiproxy's choice.
    pub(crate) fn adding(&self, json: &[u8], now: Moment) -> Result<(Self, String), ToxicError> {
        let new: NewToxic = body(json)?;
        let stream_text = new.stream.unwrap_or_else(|| "downstream".to_owned());
        let stream = match stream_text.to_ascii_lowercase().as_str() {
            "upstream" => Stream::Up,
            "downstream" => Stream::Down,
            _ => return Err(ToxicError::Stream),
        };
        let kind_name = new.r#type.unwrap_or_default();
        let parse = Kind::parser(&kind_name)?;
        let name = new.name.filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| format!("{kind_name}_{stream_text}"));
        if self.toxics.iter().any(|toxic| toxic.name == name) {
            return Err(ToxicError::Exists);
        }
        let kind = parse(new.attributes.unwrap_or_default())?;
        let toxicity = toxicity(new.toxicity, 1.0)?;
        if self.toxics.len() >= MAX_TOXICS {
            return Err(ToxicError::TooMany);
        }
        let mut toxics = self.toxics.clone();
        let id = self.next_id;
        toxics.push(Toxic {
            id,
            name: name.clone(),
            stream,
            stream_text,
            toxicity,
            kind,
            since: now,
            counts: Arc::default(),
        });
        Ok((Self::of(toxics, id.wrapping_add(1)), name))
    }

    /// The set with toxic `name` changed by `json`; attributes that are not given stay.
    pub(crate) fn updating(&self, name: &str, json: &[u8], now: Moment) -> Result<Self, ToxicError> {
        let mut toxics = self.toxics.clone();
        let toxic = toxics.iter_mut().find(|toxic| toxic.name == name).ok_or(ToxicError::NotFound)?;
        let update: ToxicUpdate = body(json)?;
        let toxicity = toxicity(update.toxicity, toxic.toxicity)?;
        if let Some(given) = update.attributes {
            let mut attributes = match serde_json::to_value(&toxic.kind) {
                Ok(Value::Object(attributes)) => attributes,
                _ => Map::new(),
            };
            // A null leaves an attribute as it is, as in Go.
            attributes.extend(json::folded(given).into_iter().filter(|(_, value)| !value.is_null()));
            let kind = Kind::parser(toxic.kind.name())?(attributes)?;
            if kind != toxic.kind {
                toxic.kind = kind;
                toxic.since = now;
            }
        }
        toxic.toxicity = toxicity;
        Ok(Self::of(toxics, self.next_id))
    }

    /// The set without toxic `name`.
    pub(crate) fn removing(&self, name: &str) -> Result<Self, ToxicError> {
        let toxics: Vec<_> = self.toxics.iter().filter(|toxic| toxic.name != name).cloned().collect();
        if toxics.len() == self.toxics.len() {
            return Err(ToxicError::NotFound);
        }
        Ok(Self::of(toxics, self.next_id))
    }

    /// Whether any of them needs a proxy that follows HTTP.
    pub(crate) fn reads_http(&self) -> bool {
        self.toxics.iter().any(|toxic| toxic.kind.reads_http())
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.toxics.is_empty()
    }

    /// The toxic of this name as the API shows it.
    pub(crate) fn view(&self, name: &str) -> Result<ToxicView<'_>, ToxicError> {
        self.toxics.iter().find(|toxic| toxic.name == name).map(Toxic::view).ok_or(ToxicError::NotFound)
    }

    /// All toxics as the API shows them: those of the upstream first, as in Toxiproxy.
    pub(crate) fn views(&self) -> Vec<ToxicView<'_>> {
        let of = |stream| self.toxics.iter().filter(move |toxic| toxic.stream == stream);
        of(Stream::Up).chain(of(Stream::Down)).map(Toxic::view).collect()
    }
}
