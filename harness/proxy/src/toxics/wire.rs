//! Toxics as JSON, by Toxiproxy 2.12 (`toxic_collection.go`), tried against its binary.
//!
//! Stricter than Toxiproxy where it accepts what means nothing: negative times, and a toxicity outside 0 to 1.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use thiserror::Error;

use super::{Blackhole, Kind, Latency, MAX_TOXICS, ResetPeer, Stream, Toxic, ToxicSet};
use crate::clock::Moment;

/// Toxics of Toxiproxy 2.12 that are not here yet.
const NOT_YET: [&str; 5] = ["bandwidth", "slow_close", "timeout", "slicer", "limit_data"];
const SUPPORTED: &str = "`latency`, `reset_peer` and `blackhole`";

/// A toxic that the API does not take.
#[derive(Debug, Error)]
pub(crate) enum ToxicError {
    /// The body is no such JSON.
    #[error("bad request body: {0}")]
    Body(String),
    /// The stream is neither.
    #[error("stream was invalid, can be either upstream or downstream")]
    Stream,
    /// No such type, in Toxiproxy's words.
    #[error("invalid toxic type")]
    Type,
    /// A type that Toxiproxy has and this proxy does not.
    #[error("toxic type `{0}` is not supported by this proxy; it has {SUPPORTED}")]
    NotYet(String),
    /// The toxicity is no probability.
    #[error("toxicity {0} was invalid, must be between 0 and 1")]
    Toxicity(f32),
    /// The name is taken.
    #[error("toxic already exists")]
    Exists,
    /// There is no toxic of this name.
    #[error("toxic not found")]
    NotFound,
    /// Too many.
    #[error("a proxy can have at most {MAX_TOXICS} toxics; remove one first")]
    TooMany,
}

/// A toxic as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct ToxicView<'a> {
    attributes: &'a Kind,
    name: &'a str,
    r#type: &'static str,
    stream: &'a str,
    #[serde(serialize_with = "as_short_number")]
    toxicity: f32,
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

impl Kind {
    fn parse(name: &str, attributes: Map<String, Value>) -> Result<Self, ToxicError> {
        match name {
            "latency" => parse::<Latency>(attributes).map(Self::Latency),
            "reset_peer" => parse::<ResetPeer>(attributes).map(Self::ResetPeer),
            "blackhole" => parse::<Blackhole>(attributes).map(Self::Blackhole),
            known if NOT_YET.contains(&known) => Err(ToxicError::NotYet(known.to_owned())),
            _ => Err(ToxicError::Type),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Latency(_) => "latency",
            Self::ResetPeer(_) => "reset_peer",
            Self::Blackhole(_) => "blackhole",
        }
    }
}

/// Parses attributes, and names the one that is wrong: each may be left out, so each can be tried alone.
fn parse<T: DeserializeOwned>(attributes: Map<String, Value>) -> Result<T, ToxicError> {
    let refusal = attributes.iter().find_map(|(name, value)| {
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        let error = serde_json::from_value::<T>(Value::Object(alone)).err()?;
        Some(ToxicError::Body(format!("attributes.{name}: {error}")))
    });
    match refusal {
        Some(refusal) => Err(refusal),
        None => serde_json::from_value(Value::Object(attributes))
            .map_err(|error| ToxicError::Body(format!("attributes: {error}"))),
    }
}

/// Whole milliseconds; null is none, as in Go.
pub(super) fn millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    if value.is_null() {
        return Ok(0);
    }
    let wanted = "is not a whole number of milliseconds, 0 or more";
    value.as_u64().ok_or_else(|| D::Error::custom(format!("`{value}` {wanted}")))
}

fn body<T: DeserializeOwned>(json: &[u8]) -> Result<T, ToxicError> {
    if json.is_empty() {
        return Err(ToxicError::Body("EOF".to_owned()));
    }
    // Serde would also take a struct's fields from an array, by their places.
    serde_json::from_slice(json)
        .and_then(|object: Map<String, Value>| serde_json::from_value(Value::Object(object)))
        .map_err(|error| ToxicError::Body(error.to_string()))
}

fn toxicity(given: Option<f32>, otherwise: f32) -> Result<f32, ToxicError> {
    let toxicity = given.unwrap_or(otherwise);
    if (0.0..=1.0).contains(&toxicity) { Ok(toxicity) } else { Err(ToxicError::Toxicity(toxicity)) }
}

impl Toxic {
    fn view(&self) -> ToxicView<'_> {
        ToxicView {
            attributes: &self.kind,
            name: &self.name,
            r#type: self.kind.name(),
            stream: &self.stream_text,
            toxicity: self.toxicity,
        }
    }
}

impl ToxicSet {
    /// The set with the toxic that `json` describes added, and its name.
    pub(crate) fn adding(&self, json: &[u8], now: Moment) -> Result<(Self, String), ToxicError> {
        let new: NewToxic = body(json)?;
        let stream_text = new.stream.unwrap_or_else(|| "downstream".to_owned());
        let stream = match stream_text.to_ascii_lowercase().as_str() {
            "upstream" => Stream::Up,
            "downstream" => Stream::Down,
            _ => return Err(ToxicError::Stream),
        };
        let kind_name = new.r#type.unwrap_or_default();
        let kind = Kind::parse(&kind_name, new.attributes.unwrap_or_default())?;
        let name = new.name.filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| format!("{kind_name}_{stream_text}"));
        let toxicity = toxicity(new.toxicity, 1.0)?;
        if self.toxics.iter().any(|toxic| toxic.name == name) {
            return Err(ToxicError::Exists);
        }
        if self.toxics.len() >= MAX_TOXICS {
            return Err(ToxicError::TooMany);
        }
        let mut toxics = self.toxics.clone();
        toxics.push(Toxic { name: name.clone(), stream, stream_text, toxicity, kind, since: now });
        Ok((Self::of(toxics), name))
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
            attributes.extend(given);
            let kind = Kind::parse(toxic.kind.name(), attributes)?;
            if kind != toxic.kind {
                toxic.kind = kind;
                toxic.since = now;
            }
        }
        toxic.toxicity = toxicity;
        Ok(Self::of(toxics))
    }

    /// The set without toxic `name`.
    pub(crate) fn removing(&self, name: &str) -> Result<Self, ToxicError> {
        let toxics: Vec<_> = self.toxics.iter().filter(|toxic| toxic.name != name).cloned().collect();
        if toxics.len() == self.toxics.len() { Err(ToxicError::NotFound) } else { Ok(Self::of(toxics)) }
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
