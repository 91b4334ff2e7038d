//! Generates random values that probably match a schema.

use serde_json::{Map, Value, json};

/// Texts that some pattern or format of the schemas accepts, and texts that none accepts.
const TEXTS: [&str; 27] = [
    "select",
    "report",
    "qwerty",
    "u-1",
    "u-42",
    "12345",
    "00000",
    "report_1.txt",
    "a",
    "b",
    "admin",
    "root",
    "main",
    "trunk",
    "2026-11-28",
    "2026-11-28T10:00:00Z",
    "https://example.com/a?b",
    "/a/b",
    "ann@example.com",
    "example.com",
    "ü@example.com",
    "::1",
    "",
    "x",
    "circle",
    "null",
    "SELECT 1",
];
/// Texts in some formats.
const SAMPLES: [(&str, &[&str]); 6] = [
    (
        "date-time",
        &["2026-11-28T10:00:00Z", "2024-02-29T23:59:59+01:00"],
    ),
    ("ipv6", &["::1", "2001:db8::1"]),
    (
        "email",
        &[
            "ann@example.com",
            "bob@example.org",
            "c.d@e.io",
            "x+y@example.net",
        ],
    ),
    ("date", &["2026-11-28", "2024-02-29"]),
    (
        "uri",
        &["https://example.com/a?b", "urn:isbn:1", "mailto:a@b.c"],
    ),
    ("hostname", &["example.com", "a-b.example"]),
];
/// Names of members that no schema describes, and names that some schema describes elsewhere.
const NAMES: [&str; 12] = [
    "extra", "x-a", "x-level", "y-a", "note", "limit", "kind", "name", "id", "radius", "a",
    "accept",
];

/// A generator with a fixed seed, so that a failure can be repeated.
pub struct Instances(u64);

impl Instances {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a value for the whole schema. Usually the schema accepts it.
    pub fn value(&mut self, root: &Value) -> Value {
        self.generate(root, root, 6)
    }

    /// Returns a number below `limit` (xorshift64*).
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap() % limit
    }

    fn is_one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }

    pub fn pick<'v, T>(&mut self, values: &'v [T]) -> &'v T {
        &values[self.below(values.len())]
    }

    fn any(&mut self) -> Value {
        match self.below(8) {
            0 => Value::Null,
            1 => json!(self.is_one_in(2)),
            2 => json!(self.below(20)),
            3 => json!(0.5),
            4 => json!([self.below(3)]),
            5 => json!({"a": self.below(3)}),
            _ => json!(self.pick(&TEXTS)),
        }
    }

    fn generate(&mut self, schema: &Value, root: &Value, depth: usize) -> Value {
        let Value::Object(keywords) = schema else {
            return self.any();
        };
        // A value of another kind is sometimes valid too.
        if depth == 0 || self.is_one_in(60) {
            return self.any();
        }
        if let Some(target) = keywords.get("$ref").and_then(Value::as_str) {
            let target = root.pointer(target.trim_start_matches('#')).unwrap();
            return self.generate(target, root, depth - 1);
        }
        if let Some(parts) = keywords.get("allOf").and_then(Value::as_array) {
            return self.generate(&merged(schema, parts, root), root, depth);
        }
        if let Some(value) = keywords.get("const") {
            return value.clone();
        }
        for list in ["anyOf", "oneOf"] {
            if let Some(schemas) = keywords.get(list).and_then(Value::as_array) {
                let chosen = self.below(schemas.len());
                return self.generate(&schemas[chosen], root, depth - 1);
            }
        }
        if let Some(values) = keywords.get("enum").and_then(Value::as_array) {
            return self.pick(values).clone();
        }
        let kind = match keywords.get("type") {
            Some(Value::String(kind)) => kind.clone(),
            Some(Value::Array(kinds)) => self.pick(kinds).as_str().unwrap().to_owned(),
            _ if keywords.contains_key("properties") => "object".to_owned(),
            _ if keywords.contains_key("minLength") => "string".to_owned(),
            _ => return self.any(),
        };
        match kind.as_str() {
            "null" => Value::Null,
            "boolean" => json!(self.is_one_in(2)),
            "integer" => self.number(keywords, true),
            "number" => self.number(keywords, false),
            "string" => self.text(keywords),
            "array" => self.array(keywords, root, depth),
            _ => self.object(keywords, root, depth),
        }
    }

    fn number(&mut self, keywords: &Map<String, Value>, is_integer: bool) -> Value {
        let limit = |name: &str| keywords.get(name).and_then(Value::as_f64);
        let low = limit("minimum")
            .or(limit("exclusiveMinimum"))
            .unwrap_or(-40.0);
        let high = limit("maximum")
            .or(limit("exclusiveMaximum"))
            .unwrap_or(low + 400.0);
        let step = limit("multipleOf").unwrap_or(if is_integer { 1.0 } else { 0.25 });
        let steps = ((high - low) / step).floor().max(0.0);
        let chosen = match self.below(6) {
            0 => 0.0,
            1 => steps,
            2 => 1.0,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_precision_loss,
                clippy::cast_sign_loss,
                reason = "the limits of the schemas are small"
            )]
            _ => self.below(steps as usize + 1) as f64,
        };
        let number = (low / step).ceil() * step + chosen * step;
        if number.fract() == 0.0 && !self.is_one_in(10) {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the limits of the schemas are small"
            )]
            let integer = number as i64;
            json!(integer)
        } else {
            json!(number)
        }
    }

    fn text(&mut self, keywords: &Map<String, Value>) -> Value {
        let limit = |name: &str| keywords.get(name).and_then(Value::as_u64);
        let format = keywords.get("format").and_then(Value::as_str);
        let samples = SAMPLES.iter().find(|(name, _)| Some(*name) == format);
        if let Some((_, texts)) = samples.filter(|_| !self.is_one_in(8)) {
            return json!(self.pick(texts));
        }
        let has_form = format.is_some() || keywords.contains_key("pattern");
        if has_form || self.is_one_in(4) {
            return json!(self.pick(&TEXTS));
        }
        let least = usize::try_from(limit("minLength").unwrap_or(0)).unwrap();
        let most = limit("maxLength").map_or(least + 12, |most| usize::try_from(most).unwrap());
        let length = match self.below(4) {
            0 => least,
            1 => most,
            _ => least + self.below(most.saturating_sub(least) + 1),
        };
        json!("aé x".chars().cycle().take(length).collect::<String>())
    }

    fn array(&mut self, keywords: &Map<String, Value>, root: &Value, depth: usize) -> Value {
        let limit = |name: &str, default: usize| {
            let limit = keywords.get(name).and_then(Value::as_u64);
            limit.map_or(default, |limit| usize::try_from(limit).unwrap())
        };
        let first = keywords.get("prefixItems").and_then(Value::as_array);
        let first = first.map(Vec::as_slice).unwrap_or_default();
        let least = limit("minItems", 0);
        let most = limit("maxItems", least.max(first.len()) + 2);
        let length = match self.below(4) {
            0 => least,
            1 => most,
            _ => least + self.below(most.saturating_sub(least) + 1),
        };
        let rest = keywords.get("items").unwrap_or(&Value::Null);
        let mut elements: Vec<_> = (0..length)
            .map(|index| self.generate(first.get(index).unwrap_or(rest), root, depth - 1))
            .collect();
        if let Some(contained) = keywords.get("contains") {
            for _ in 0..=self.below(3) {
                if !elements.is_empty() {
                    let index = self.below(elements.len());
                    elements[index] = self.generate(contained, root, depth - 1);
                }
            }
        }
        if rest == &Value::Bool(false) {
            elements.truncate(first.len());
        }
        Value::Array(elements)
    }

    fn object(&mut self, keywords: &Map<String, Value>, root: &Value, depth: usize) -> Value {
        let empty = Map::new();
        let map = |name: &str| {
            keywords
                .get(name)
                .and_then(Value::as_object)
                .unwrap_or(&empty)
        };
        let required: Vec<_> = keywords
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .collect();
        let mut members = Map::new();
        for (name, schema) in map("properties") {
            let is_required = required.iter().any(|other| *other == name);
            if *schema != Value::Bool(false) && (is_required || self.is_one_in(2)) {
                members.insert(name.clone(), self.generate(schema, root, depth - 1));
            }
        }
        for schema in map("patternProperties").values() {
            for _ in 0..self.below(3) {
                let name = (*self.pick(&NAMES)).to_owned();
                if !members.contains_key(&name) {
                    members.insert(name, self.generate(schema, root, depth - 1));
                }
            }
        }
        let others = keywords.get("additionalProperties");
        if others == Some(&Value::Bool(false)) {
            return Value::Object(members);
        }
        for name in required.iter().filter_map(|name| name.as_str()) {
            if !members.contains_key(name) {
                let value = self.generate(others.unwrap_or(&Value::Null), root, depth - 1);
                members.insert(name.to_owned(), value);
            }
        }
        let is_map = others.is_some_and(Value::is_object);
        for _ in 0..if is_map {
            self.below(4)
        } else {
            self.below(8) / 6
        } {
            let name = (*self.pick(&NAMES)).to_owned();
            if !members.contains_key(&name) {
                let value = self.generate(others.unwrap_or(&Value::Null), root, depth - 1);
                members.insert(name, value);
            }
        }
        Value::Object(members)
    }
}

/// Returns one schema for the parts of `allOf`, good enough to generate values.
fn merged(schema: &Value, parts: &[Value], root: &Value) -> Value {
    let mut merged = schema.clone();
    let target = merged.as_object_mut().unwrap();
    target.remove("allOf");
    for part in parts {
        let reference = part.get("$ref").and_then(Value::as_str);
        let part = reference.map_or(part, |target| {
            root.pointer(target.trim_start_matches('#')).unwrap()
        });
        for (name, schema) in part
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let properties = target.entry("properties").or_insert_with(|| json!({}));
            let known = properties.as_object_mut().unwrap().entry(name.clone());
            let known = known.or_insert_with(|| json!({}));
            known
                .as_object_mut()
                .unwrap()
                .extend(schema.as_object().unwrap().clone());
        }
        let required = part
            .get("required")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let all = target.entry("required").or_insert_with(|| json!([]));
        all.as_array_mut().unwrap().extend(required);
    }
    merged
}
