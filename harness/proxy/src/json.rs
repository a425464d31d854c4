//! Request bodies as Go's decoder reads them: the first JSON value counts, names of fields in any case, null is nothing.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The fields of the object that a body begins with, their names in lower case.
pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, String> {
    Ok(folded(first::<Option<Map<String, Value>>>(body)?.unwrap_or_default()))
}

/// The objects of the list that a body begins with.
pub(crate) fn objects(body: &[u8]) -> Result<Vec<Map<String, Value>>, String> {
    Ok(first::<Option<Vec<Map<String, Value>>>>(body)?.unwrap_or_default().into_iter().map(folded).collect())
}

/// A struct from its fields. (From a value, serde would also take them from an array, by their places.)
pub(crate) fn fields<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, String> {
    serde_json::from_value(Value::Object(object)).map_err(|error| error.to_string())
}

/// The same object with the names of its fields in lower case, as all of ours are.
pub(crate) fn folded(object: Map<String, Value>) -> Map<String, Value> {
    object.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect()
}

fn first<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err("EOF".to_owned());
    }
    T::deserialize(&mut serde_json::Deserializer::from_slice(body))
        .map_err(|error| if error.is_eof() { "unexpected EOF".to_owned() } else { error.to_string() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_value_counts_in_any_case() {
        let fields = object(br#" {"Name":"a","LISTEN":null} garbage"#).unwrap();
        assert_eq!(Value::Object(fields), json!({"name": "a", "listen": null}));
        assert_eq!(object(b"null").unwrap().len(), 0);
        assert_eq!(objects(b"null").unwrap().len(), 0);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert_eq!(object(b" "), Err("EOF".to_owned()));
        assert_eq!(object(b"{\"a\":1"), Err("unexpected EOF".to_owned()));
        for body in ["[]", "\"x\"", "garbage", "5"] {
            assert!(object(body.as_bytes()).is_err(), "{body}");
        }
        assert!(objects(b"{}").is_err());
    }
}
