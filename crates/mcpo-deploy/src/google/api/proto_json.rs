//! Reads the JSON form of protocol buffers (<https://protobuf.dev/programming-guides/json/>), which
//! is more lenient than `serde_json`: `null` is the default value of a field, and an integer may be
//! written with a fraction of zero.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads a message.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    let mut message: Value = serde_json::from_slice(text)?;
    normalize(&mut message);
    serde_json::from_value(message)
}

/// Removes fields that are `null`, and the fractions of whole numbers.
fn normalize(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(normalize);
        }
        Value::Array(items) => items.iter_mut().for_each(normalize),
        Value::Number(number) if number.is_f64() => {
            let whole = number.as_f64().filter(|number| number.fract() == 0.0);
            let whole = whole.and_then(|number| format!("{number:.0}").parse::<i64>().ok());
            if let Some(whole) = whole {
                *number = whole.into();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::read;
    use crate::google::api::run::Service;

    #[test]
    fn null_is_the_default_and_whole_numbers_are_integers() {
        let text = json!({
            "labels": null, "etag": null, "reconciling": null, "generation": 12.0,
            "traffic": [{ "percent": 1.0, "revision": null, "tag": null }],
            "template": { "scaling": { "maxInstanceCount": 4.0, "cpuUtilization": 0.5 } },
        });
        let service: Service = read(text.to_string().as_bytes()).unwrap();
        assert_eq!(service.generation.map(|it| it.0), Some(12));
        assert_eq!(service.traffic[0].percent, 1);
        let scaling = service.template.unwrap().scaling.unwrap();
        assert_eq!(scaling.max_instance_count, Some(4));
        assert_eq!(scaling.other["cpuUtilization"], 0.5);
        let broken = json!({ "traffic": [{ "percent": 1.5 }] }).to_string();
        assert!(read::<Service>(broken.as_bytes()).unwrap_err().is_data());
        assert!(read::<Service>(b"{").unwrap_err().is_eof());
        assert_eq!(read::<Option<u8>>(b"null").unwrap(), None);
    }
}
