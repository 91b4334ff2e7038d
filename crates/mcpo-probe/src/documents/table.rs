//! The tables: the members of each document, and what each library accepts.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::value::{Defect, Type};

/// A document that a client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    ProtectedResource,
    AuthorizationServer,
    OpenIdConfiguration,
    Registration,
    Token,
    /// The response to a refresh, which has the members of `Token`.
    Refresh,
    TokenError,
}

impl Kind {
    /// Every kind with a separate table.
    pub const TABLES: [Self; 6] = [
        Self::ProtectedResource,
        Self::AuthorizationServer,
        Self::OpenIdConfiguration,
        Self::Registration,
        Self::Token,
        Self::TokenError,
    ];

    /// Returns the name in tables and profiles.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProtectedResource => "protected-resource",
            Self::AuthorizationServer => "authorization-server",
            Self::OpenIdConfiguration => "openid-configuration",
            Self::Registration => "registration",
            Self::Token => "token",
            Self::Refresh => "refresh",
            Self::TokenError => "token-error",
        }
    }

    /// Returns the table of this document.
    pub fn table(self) -> Option<&'static Table> {
        let name = if self == Self::Refresh {
            Self::Token
        } else {
            self
        }
        .name();
        TABLES.iter().find(|table| table.document == name)
    }
}

// The files are compiled in, and a test parses them.
static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| {
    let files = [
        include_str!("protected-resource.json"),
        include_str!("authorization-server.json"),
        include_str!("openid-configuration.json"),
        include_str!("registration.json"),
        include_str!("token.json"),
        include_str!("token-error.json"),
    ];
    let tables = files.iter().map(|text| serde_json::from_str(text));
    tables.filter_map(Result::ok).collect()
});

static PACKAGES: LazyLock<BTreeMap<String, String>> =
    LazyLock::new(|| serde_json::from_str(include_str!("libraries.json")).unwrap_or_default());

/// Returns the package of `library` with its version: `npm oauth4webapi 3.8.8`.
pub fn package(library: &str) -> String {
    let version = library.split_once('@').map_or("", |(_, version)| version);
    let package = PACKAGES.get(library).map_or(library, String::as_str);
    format!("{package} {version}")
}

/// One document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    document: String,
    /// The clause that defines the document.
    pub specification: String,
    #[serde(rename = "date")]
    _date: String,
    /// The ranges of HTTP statuses that the specification allows, both ends included.
    pub status: Vec<[u16; 2]>,
    /// The defects that the specification forbids, and libraries reject unless they say otherwise.
    pub rejects: Vec<Defect>,
    pub members: Vec<Member>,
    pub libraries: BTreeMap<String, Library>,
}

/// One member, as its specification defines it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: Type,
    /// The clause that defines it.
    pub clause: String,
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    pub when: Vec<When>,
}

impl PartialEq for Member {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.clause == other.clause
    }
}

impl Eq for Member {}

/// What a client does with a document that its library rejects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnRejection {
    /// It stops.
    #[default]
    Stop,
    /// It goes on as if the server had no such document.
    Absent,
    /// It requests the next well-known address.
    Next,
}

/// Where a table comes from.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Evidence {
    /// A run of the library.
    Run,
    /// Its source.
    Source,
}

/// How one library differs from the specification.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Library {
    #[serde(rename = "evidence")]
    _evidence: Evidence,
    pub status: Vec<[u16; 2]>,
    /// The media type that it requires, if it requires one.
    pub content_type: Option<String>,
    #[serde(default = "yes")]
    pub reads_body: bool,
    #[serde(default)]
    pub rejects_byte_order_mark: bool,
    #[serde(default)]
    pub on_rejection: OnRejection,
    /// For all members, unless they say otherwise.
    pub required: Option<bool>,
    #[serde(default)]
    pub accepts: Vec<Defect>,
    #[serde(default)]
    pub rejects: Vec<Defect>,
    #[serde(rename = "note")]
    _note: Option<String>,
    pub members: BTreeMap<String, Entry>,
}

const fn yes() -> bool {
    true
}

/// How a library treats one member.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub required: Option<bool>,
    #[serde(default)]
    pub accepts: Vec<Defect>,
    #[serde(default)]
    pub rejects: Vec<Defect>,
    /// The item that a list must have.
    pub contains: Option<String>,
    /// The texts that are allowed, in any case.
    pub one_of: Option<Vec<String>>,
    /// What is different if another member has a certain value.
    #[serde(default)]
    pub when: Vec<When>,
    #[serde(rename = "note")]
    _note: Option<String>,
}

/// A condition, and what follows from it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    member: String,
    /// The values that fulfill the condition; any value except null and "" if absent.
    is: Option<Vec<String>>,
    pub required: Option<bool>,
    #[serde(default)]
    pub rejects: Vec<Defect>,
}

impl When {
    /// Returns true if `object` fulfills the condition.
    pub fn holds(&self, object: &Map<String, Value>) -> bool {
        match (object.get(&self.member), &self.is) {
            (None | Some(Value::Null), _) => false,
            (Some(value), None) => value != "",
            (Some(value), Some(values)) => values.iter().any(|other| value == other.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, PACKAGES};
    use crate::profile::Client;

    #[test]
    fn each_document_has_a_table_and_each_library_a_package() {
        for kind in Kind::TABLES {
            let table = kind.table().unwrap();
            let known = table.members.iter().map(|member| &member.name);
            let known: std::collections::BTreeSet<_> = known.collect();
            for (name, library) in &table.libraries {
                assert!(PACKAGES.contains_key(name), "{name}");
                for member in library.members.keys() {
                    assert!(known.contains(member), "{kind:?}, {name}: {member}");
                }
            }
        }
        assert_eq!(Kind::Refresh.table().unwrap().document, "token");
    }

    #[test]
    fn each_library_of_a_profile_has_tables() {
        for client in Client::ALL {
            let profile = client.profile().unwrap();
            let Some(library) = profile.library else {
                continue;
            };
            for kind in Kind::TABLES {
                let table = kind.table().unwrap();
                let is_known = table.libraries.contains_key(&library);
                assert!(is_known, "{client:?}, {kind:?}");
            }
        }
    }
}
