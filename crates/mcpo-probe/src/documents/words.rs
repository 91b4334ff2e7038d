//! Problems of documents in words. Values are never quoted: they may be secret.

use std::fmt;

use super::{
    accepts::{Problem, Rejection},
    table::{Member, Table},
    value::{Defect, Type},
};

impl Type {
    /// Returns the type with an article.
    pub const fn with_article(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Url => "a URL",
            Self::List => "a list",
            Self::Urls => "a list of URLs",
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Object => "an object",
        }
    }
}

/// What is wrong.
impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(member) = self.member else {
            return match &self.problem {
                Problem::Status(status) => write!(formatter, "HTTP {status}"),
                Problem::ContentType => formatter.write_str("a Content-Type other than JSON"),
                Problem::ByteOrderMark => formatter.write_str("a byte order mark before the JSON"),
                Problem::NotAnObject => formatter.write_str("not a JSON object"),
                _ => formatter.write_str("not JSON"),
            };
        };
        write!(formatter, "`{}` ", member.name)?;
        let wanted = match member.kind {
            Type::Urls => Type::List,
            kind => kind,
        };
        match &self.problem {
            Problem::Value(defect, actual) => match defect {
                Defect::Null => formatter.write_str("is null"),
                Defect::Empty => formatter.write_str("is empty"),
                Defect::EmptyList => formatter.write_str("is an empty list"),
                Defect::InvalidUrl if *actual == "a list" => {
                    formatter.write_str("has an item that is not an absolute URL")
                }
                Defect::InvalidUrl => formatter.write_str("is not an absolute URL"),
                Defect::WrongItem => formatter.write_str("has an item that is not text"),
                Defect::NullItem => formatter.write_str("has an item that is null"),
                Defect::Fraction => formatter.write_str("is not a whole number"),
                Defect::Negative => formatter.write_str("is negative"),
                _ => write!(formatter, "is {actual}, not {}", wanted.with_article()),
            },
            Problem::Without(item) => write!(formatter, "does not contain {item}"),
            Problem::NotAllowed => formatter.write_str("has a value that is not supported"),
            _ => formatter.write_str("is missing"),
        }
    }
}

impl Rejection {
    /// Returns what the specification wants.
    pub fn expected(&self, table: &Table) -> String {
        match (self.member, &self.problem) {
            (Some(member), Problem::Without(item)) => {
                format!("{item} in `{}` ({})", member.name, member.clause)
            }
            (Some(member), _) => format!(
                "`{}` is {}{} ({})",
                member.name,
                member.kind.with_article(),
                if is_optional(member) {
                    ", or absent"
                } else {
                    ""
                },
                member.clause
            ),
            (None, Problem::Status(_)) => {
                let statuses = table.status.iter().flatten();
                let mut statuses: Vec<String> = statuses.map(u16::to_string).collect();
                statuses.dedup();
                format!("HTTP {} ({})", statuses.join(" or "), table.specification)
            }
            (None, Problem::ContentType) => {
                format!("Content-Type: application/json ({})", table.specification)
            }
            (None, _) => format!("a JSON object ({})", table.specification),
        }
    }

    /// Returns the fix.
    pub fn fix(&self) -> String {
        let Some(member) = self.member else {
            return match self.problem {
                Problem::Status(_) => "answer with the status of the specification".to_owned(),
                Problem::ContentType => "send the header Content-Type: application/json".to_owned(),
                Problem::ByteOrderMark => {
                    "write the document as UTF-8 without a byte order mark".to_owned()
                }
                _ => "answer with the JSON document itself".to_owned(),
            };
        };
        let name = &member.name;
        match &self.problem {
            Problem::Missing => format!("add `{name}`"),
            Problem::Without(item) => format!("add {item} to `{name}`"),
            Problem::NotAllowed => format!("use another value for `{name}`"),
            Problem::Value(Defect::Null | Defect::Empty | Defect::EmptyList, _)
                if is_optional(member) =>
            {
                format!("leave `{name}` out instead")
            }
            Problem::Value(Defect::WrongType, _) => match member.kind {
                Type::List | Type::Urls => {
                    format!(r#"write `{name}` as a list: ["…"]"#)
                }
                Type::Number | Type::Bool => format!("write `{name}` without quotation marks"),
                kind => format!("write `{name}` as {}", kind.with_article()),
            },
            Problem::Value(Defect::InvalidUrl, _) => format!("write the whole URL in `{name}`"),
            _ => format!("correct `{name}`"),
        }
    }
}

fn is_optional(member: &Member) -> bool {
    !member.required && member.when.is_empty()
}
