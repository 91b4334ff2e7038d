//! The fields of the forms, and what the server says about each.
//!
//! Fields and limits: developers.openai.com/plugins/deploy/submission and claude.com/docs
//! (connectors/building/submission), both read on 2026-10-05.

use mcpo_common::text::visible;
use serde_json::{Value, json};

use crate::{report::Report, store::Store};

/// More characters than any field of a form accepts.
const LONGEST: usize = 20_000;

const BOTH: &[Store] = &[Store::ClaudeDirectory, Store::ChatGpt];
const CLAUDE: &[Store] = &[Store::ClaudeDirectory];
const CHATGPT: &[Store] = &[Store::ChatGpt];

/// What is known about a field.
#[derive(Debug)]
pub enum Content {
    /// The server says it.
    Value { value: Value, from: &'static str },
    /// A proposal that the owner must edit.
    Draft { text: String, from: &'static str },
    /// Only the owner knows it.
    Todo(&'static str),
}

/// A field of a form.
#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    /// The stores that ask for it.
    pub stores: &'static [Store],
    /// The most characters per store.
    pub limits: &'static [(Store, usize)],
    pub content: Content,
}

impl Field {
    pub const fn is_gap(&self) -> bool {
        matches!(self.content, Content::Todo(_))
    }
}

/// Returns the fields of the requested stores, in the order of the forms.
pub fn all(report: &Report) -> Vec<Field> {
    let server = Server(report);
    let mut fields = server.listing();
    fields.extend(server.links());
    fields.extend(server.connection());
    fields.extend(gaps());
    let requested = &report.stores.stores;
    fields.retain(|field| field.stores.iter().any(|store| requested.contains(store)));
    fields
}

struct Server<'r>(&'r Report);

impl Server<'_> {
    /// Returns a text of the server's info, with hidden characters escaped.
    fn info(&self, name: &str) -> Option<String> {
        let text = self.0.seen.server.as_ref()?.get(name)?.as_str()?.trim();
        (!text.is_empty()).then(|| visible(text, LONGEST))
    }

    fn listing(&self) -> Vec<Field> {
        let limits: &[_] = &[(Store::ClaudeDirectory, 100), (Store::ChatGpt, 30)];
        let named = self.info("title").map(|text| (text, "serverInfo.title"));
        let named = named.or_else(|| Some((self.info("name")?, "serverInfo.name")));
        let display = named.map_or(Content::Todo("the name of the product"), |(text, from)| {
            fitting(text, from, limits)
        });
        let description = self.info("description");
        let draft = |limit: usize, todo| match &description {
            Some(text) if text.chars().count() <= limit => Content::Draft {
                text: text.clone(),
                from: "serverInfo.description",
            },
            _ => Content::Todo(todo),
        };
        let instructions = visible(&self.0.seen.instructions, LONGEST);
        let long = match &description {
            Some(text) => Content::Draft {
                text: text.clone(),
                from: "serverInfo.description",
            },
            None if !instructions.is_empty() => Content::Draft {
                text: instructions,
                from: "instructions",
            },
            None => Content::Todo("what the service does, for whom, and what it needs"),
        };
        vec![
            field(
                "package_name",
                CHATGPT,
                &[(Store::ChatGpt, 64)],
                self.package(),
            ),
            field("version", CHATGPT, &[(Store::ChatGpt, 64)], self.version()),
            field("display_name", BOTH, limits, display),
            field(
                "subtitle",
                CHATGPT,
                &[(Store::ChatGpt, 30)],
                draft(30, "one line of at most 30 characters"),
            ),
            field(
                "one_liner",
                CLAUDE,
                &[(Store::ClaudeDirectory, 200)],
                draft(200, "one line of at most 200 characters"),
            ),
            field(
                "description",
                BOTH,
                &[(Store::ClaudeDirectory, 2_000), (Store::ChatGpt, 4_000)],
                long,
            ),
            field("icon", BOTH, &[], self.icon()),
        ]
    }

    /// Returns the server's name as a package name: ASCII letters, digits, `_` and `-`.
    fn package(&self) -> Content {
        let Some(name) = self.info("name") else {
            return Content::Todo("a short name: letters, digits, _ and -");
        };
        let fits = |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
        let package: String = name
            .chars()
            .map(|character| if fits(character) { character } else { '-' })
            .collect();
        let package = package.trim_matches(['-', '_']);
        let from = "serverInfo.name";
        if package == name && name.chars().count() <= 64 {
            value(name, from)
        } else {
            Content::Draft {
                text: package.to_owned(),
                from,
            }
        }
    }

    fn version(&self) -> Content {
        let is_semantic = |version: &String| {
            let core = version.split(['-', '+']).next().unwrap_or_default();
            let parts: Vec<_> = core.split('.').collect();
            parts.len() == 3 && parts.iter().all(|part| part.parse::<u64>().is_ok())
        };
        let version = self.info("version").filter(is_semantic);
        version.map_or(
            Content::Todo("a semantic version such as 1.0.0"),
            |version| value(version, "serverInfo.version"),
        )
    }

    fn icon(&self) -> Content {
        let server = self.0.seen.server.as_ref();
        let source = server.and_then(|server| server.pointer("/icons/0/src")?.as_str());
        match source {
            Some(source) if source.starts_with("https://") => {
                value(visible(source, LONGEST), "serverInfo.icons[0]")
            }
            Some(_) => value("a data: URI; upload it as a file", "serverInfo.icons[0]"),
            None => Content::Todo("a square PNG or SVG of at least 48 by 48 pixels"),
        }
    }

    fn links(&self) -> Vec<Field> {
        let resource = self.0.seen.resource.as_ref();
        let issuer = self.0.seen.authorization_server.as_ref();
        let link = |places: [(Option<&Value>, &'static str); 2], todo| {
            let mut places = places.into_iter();
            let found = places.find_map(|(document, name)| {
                let text = document?.get(name)?.as_str()?;
                text.starts_with("https://")
                    .then(|| value(visible(text, LONGEST), name))
            });
            found.unwrap_or(Content::Todo(todo))
        };
        let website = self.info("websiteUrl");
        let website = website.filter(|url| url.starts_with("https://"));
        let website = website.map_or(Content::Todo("https URL of the product"), |url| {
            value(url, "serverInfo.websiteUrl")
        });
        let privacy = [(resource, "resource_policy_uri"), (issuer, "op_policy_uri")];
        let terms = [(resource, "resource_tos_uri"), (issuer, "op_tos_uri")];
        let documentation = [
            (resource, "resource_documentation"),
            (issuer, "service_documentation"),
        ];
        vec![
            field("website_url", BOTH, &[], website),
            field(
                "privacy_policy_url",
                BOTH,
                &[],
                link(privacy, "https URL of the privacy policy"),
            ),
            field(
                "terms_url",
                CHATGPT,
                &[],
                link(terms, "https URL of the terms of service"),
            ),
            field(
                "documentation_url",
                CLAUDE,
                &[],
                link(documentation, "https URL of the public documentation"),
            ),
            field(
                "support",
                BOTH,
                &[],
                Content::Todo("URL or address where users get help"),
            ),
        ]
    }

    fn connection(&self) -> Vec<Field> {
        let url = value(&*self.0.target.shown(), "command line");
        vec![
            field("server_url", BOTH, &[], url),
            field("authentication", BOTH, &[], self.authentication()),
            field(
                "domain_verification",
                CHATGPT,
                &[],
                self.domain_verification(),
            ),
            field("reads_or_writes", CLAUDE, &[], self.reads_or_writes()),
        ]
    }

    fn authentication(&self) -> Content {
        let seen = &self.0.seen;
        let from = "discovery";
        match &seen.authorization_server {
            Some(metadata) => {
                let mut registration = Vec::new();
                if metadata.get("registration_endpoint").is_some() {
                    registration.push("dcr");
                }
                if metadata.get("client_id_metadata_document_supported") == Some(&json!(true)) {
                    registration.push("cimd");
                }
                let value = json!({"kind": "oauth", "registration": registration});
                Content::Value { value, from }
            }
            None if seen.tools.is_some() && seen.resource.is_none() => value("none", from),
            None => Content::Todo("none, OAuth or mixed"),
        }
    }

    fn domain_verification(&self) -> Content {
        let state = match &self.0.seen.domain_verification {
            Some(Ok(document)) if document.status == 200 => "a document is served",
            Some(Ok(_)) => "not set",
            Some(Err(_)) | None => return Content::Todo("serve the token that the portal shows"),
        };
        value(state, "/.well-known/openai-apps-challenge")
    }

    fn reads_or_writes(&self) -> Content {
        let Some(tools) = &self.0.seen.tools else {
            return Content::Todo("reads, writes or both");
        };
        let reads = |tool: &&Value| tool.pointer("/annotations/readOnlyHint") == Some(&json!(true));
        let reading = tools.iter().filter(reads).count();
        let kind = match (reading, tools.len() - reading) {
            (_, 0) => "reads",
            (0, _) => "writes",
            _ => "both",
        };
        value(kind, "tools/list")
    }
}

const fn field(
    name: &'static str,
    stores: &'static [Store],
    limits: &'static [(Store, usize)],
    content: Content,
) -> Field {
    Field {
        name,
        stores,
        limits,
        content,
    }
}

fn value(text: impl Into<String>, from: &'static str) -> Content {
    Content::Value {
        value: Value::String(text.into()),
        from,
    }
}

/// Returns a value, or a draft if a store has a lower limit.
fn fitting(text: String, from: &'static str, limits: &[(Store, usize)]) -> Content {
    let length = text.chars().count();
    if limits.iter().all(|(_, limit)| length <= *limit) {
        value(text, from)
    } else {
        Content::Draft { text, from }
    }
}

/// Returns the fields that only the owner can fill in.
fn gaps() -> Vec<Field> {
    let todo = |name, stores, text| field(name, stores, &[], Content::Todo(text));
    vec![
        todo("developer_name", BOTH, "the verified name of the publisher"),
        todo("category", BOTH, "choose from the list of the store"),
        todo(
            "use_cases",
            CLAUDE,
            "at least three examples, and what users need before",
        ),
        todo(
            "starter_prompts",
            CHATGPT,
            "up to 3, at most 128 characters each",
        ),
        todo(
            "brand_color",
            CHATGPT,
            "six hex digits, for light and dark mode",
        ),
        todo("demo_recording_url", CHATGPT, "https URL of a recording"),
        todo(
            "test_account",
            BOTH,
            "enter in the portal; without multi-factor sign-in",
        ),
        todo("commerce", CHATGPT, "yes or no, and a description"),
        todo("countries", CHATGPT, "where the plugin is available"),
        todo("release_notes", CHATGPT, "what is new"),
        todo(
            "data_handling",
            CLAUDE,
            "own, proxied or third-party API; health data; sponsored content",
        ),
        todo(
            "company_contact",
            CLAUDE,
            "name, website and primary contact",
        ),
        todo(
            "compliance",
            BOTH,
            "the acknowledgments and attestations of the portal",
        ),
    ]
}
