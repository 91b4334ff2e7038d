//! What the keywords of JSON Schema contain.

/// The kind of a keyword's value, and what the keyword is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    /// A text or another annotation, which no validator checks. Unknown keywords are annotations
    /// (JSON Schema 2020-12 core, section 6.5).
    Text,
    /// Schemas that have an effect only where they are referred to.
    Definitions,
    Reference,
    /// A reference or an identifier whose meaning depends on the whole document.
    Dynamic,
    /// Names the document, an anchor or the dialect.
    Identity,
    /// An array whose order has no meaning.
    Set,
    /// A schema. In dialects before 2020-12, `items` may be an array of schemas.
    Schema,
    /// An array of schemas.
    SchemaList,
    /// An object of schemas. In `dependencies`, a value may also be a list of names.
    Schemas,
    /// A number, a string or another value.
    Value,
}

/// The annotations that validators check in draft 7 (JSON Schema draft 7 validation, section 8).
pub const CONTENT: [&str; 2] = ["contentEncoding", "contentMediaType"];

/// Returns the kind of a keyword.
pub fn keyword(name: &str) -> Keyword {
    match name {
        "$defs" | "definitions" => Keyword::Definitions,
        "$ref" => Keyword::Reference,
        "$dynamicRef" | "$recursiveRef" | "$dynamicAnchor" | "$recursiveAnchor" => Keyword::Dynamic,
        "$schema" | "$id" | "id" | "$anchor" | "$vocabulary" => Keyword::Identity,
        "enum" | "required" | "type" => Keyword::Set,
        "items"
        | "additionalItems"
        | "contains"
        | "unevaluatedItems"
        | "additionalProperties"
        | "propertyNames"
        | "unevaluatedProperties"
        | "not"
        | "if"
        | "then"
        | "else" => Keyword::Schema,
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => Keyword::SchemaList,
        "properties" | "patternProperties" | "dependentSchemas" | "dependencies" => {
            Keyword::Schemas
        }
        "const" | "multipleOf" | "maximum" | "exclusiveMaximum" | "minimum"
        | "exclusiveMinimum" | "maxLength" | "minLength" | "pattern" | "format" | "maxItems"
        | "minItems" | "uniqueItems" | "maxContains" | "minContains" | "maxProperties"
        | "minProperties" | "dependentRequired" => Keyword::Value,
        _ => Keyword::Text,
    }
}

/// Returns true for the keywords whose schemas apply to the same value as the schema around them.
pub fn is_in_place(name: &str) -> bool {
    matches!(
        name,
        "$ref"
            | "allOf"
            | "anyOf"
            | "oneOf"
            | "not"
            | "if"
            | "then"
            | "else"
            | "dependentSchemas"
            | "dependencies"
    )
}
