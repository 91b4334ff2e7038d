//! Writes the bill of materials: `CycloneDX` 1.6 in JSON
//! (<https://cyclonedx.org/docs/1.6/json/>).
//!
//! It lists the packages that cargo compiled for the executable, so it needs no second resolution of
//! the dependencies. The document has no times and no paths of this machine: the same build always
//! results in the same bytes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{
    cargo_lock::{CargoLock, LockedPackage},
    cargo_manifest::CargoManifest,
    package_id::PackageId,
};
use crate::{
    build::{CompiledPackage, Toolchain},
    image::{self, digest},
};

/// The type of the document.
pub const MEDIA_TYPE: &str = "application/vnd.cyclonedx+json";

/// What the bill of materials describes.
pub struct Contents<'a> {
    /// The name of the executable's package.
    pub package: &'a str,
    pub executable: &'a [u8],
    pub packages: &'a [CompiledPackage],
    pub lock: &'a CargoLock,
    pub toolchain: Option<&'a Toolchain>,
}

/// A package, and the reference that the document uses for it.
struct Listed<'a> {
    package: &'a CompiledPackage,
    id: PackageId,
    reference: String,
    manifest: Option<CargoManifest>,
}

/// Returns the document.
pub fn document(contents: &Contents<'_>) -> Vec<u8> {
    let mut listed: Vec<_> = contents
        .packages
        .iter()
        .filter_map(|package| list(package, contents.lock))
        .collect();
    listed.sort_by(|one, other| one.reference.cmp(&other.reference));
    let is_root = |one: &Listed<'_>| one.id.name == contents.package && one.is_local();
    let mut root = json!({
        "type": "application",
        "bom-ref": "executable",
        "name": contents.package,
        "hashes": [hash(contents.executable)],
    });
    let mut components = Vec::new();
    for one in &listed {
        if is_root(one) {
            merge(&mut root, component(one, contents.lock));
        } else {
            components.push(component(one, contents.lock));
        }
    }
    components.push(json!({
        "type": "file",
        "bom-ref": image::CERTIFICATES_PATH,
        "name": image::CERTIFICATES_PATH,
        "description": "Mozilla's root certificates",
        "hashes": [hash(image::certificates().as_bytes())],
    }));
    if let Some(toolchain) = contents.toolchain {
        components.push(json!({
            "type": "library",
            "bom-ref": "rust-std",
            "name": "rust-std",
            "version": toolchain.release,
            "description": "The standard library of Rust",
            "scope": "required",
        }));
    }
    let mut document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "lifecycles": [{ "phase": "build" }],
            "tools": { "components": [{
                "type": "application", "name": "mcpo", "version": env!("CARGO_PKG_VERSION"),
            }] },
            "component": root,
        },
        "components": components,
        "dependencies": dependencies(&listed, contents.lock),
    });
    document["serialNumber"] = serial_number(&document).into();
    document.to_string().into_bytes()
}

fn list<'a>(package: &'a CompiledPackage, lock: &CargoLock) -> Option<Listed<'a>> {
    let id = PackageId::parse(&package.id)?;
    let commit = lock.find(&id, &package.id).and_then(LockedPackage::commit);
    let local = || format!("local:{}@{}", id.name, id.version);
    Some(Listed {
        reference: id.purl(commit).unwrap_or_else(local),
        manifest: CargoManifest::read(&package.manifest),
        package,
        id,
    })
}

impl Listed<'_> {
    fn is_local(&self) -> bool {
        self.reference.starts_with("local:")
    }
}

fn component(one: &Listed<'_>, lock: &CargoLock) -> Value {
    let scope = if one.package.is_linked {
        "required"
    } else {
        // "Not reachable within a call graph at runtime."
        "excluded"
    };
    let mut component = json!({
        "type": "library",
        "bom-ref": one.reference,
        "name": one.id.name,
        "version": one.id.version,
        "scope": scope,
    });
    if !one.is_local() {
        component["purl"] = one.reference.clone().into();
    }
    let locked = lock.find(&one.id, &one.package.id);
    if let Some(checksum) = locked.and_then(|locked| locked.checksum.as_deref()) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    let license = one.manifest.as_ref().and_then(CargoManifest::license);
    if let Some(license) = license {
        component["licenses"] = json!([license]);
    }
    component
}

/// Adds the members of the executable's package to its component.
fn merge(root: &mut Value, package: Value) {
    let (Some(root), Value::Object(package)) = (root.as_object_mut(), package) else {
        return;
    };
    for (name, value) in package {
        if !matches!(&*name, "type" | "scope" | "hashes") {
            root.insert(name, value);
        }
    }
}

/// Returns the edges of the lock file between packages of the build, without those of tests.
fn dependencies(listed: &[Listed<'_>], lock: &CargoLock) -> Vec<Value> {
    let references: BTreeMap<_, _> = listed
        .iter()
        .filter_map(|one| {
            let locked = lock.find(&one.id, &one.package.id)?;
            Some((std::ptr::from_ref(locked), one.reference.as_str()))
        })
        .collect();
    let edges = listed.iter().map(|one| {
        let of_tests = |name: &str| {
            let manifest = one.manifest.as_ref();
            manifest.is_some_and(|manifest| manifest.is_for_tests_only(name))
        };
        let locked = lock.find(&one.id, &one.package.id);
        let needed: BTreeSet<_> = locked
            .into_iter()
            .flat_map(|locked| lock.dependencies(locked))
            .filter(|other| !of_tests(&other.name))
            .filter_map(|other| references.get(&std::ptr::from_ref(other)))
            .collect();
        let mut edge = Map::from_iter([("ref".to_owned(), one.reference.clone().into())]);
        if !needed.is_empty() {
            edge.insert("dependsOn".to_owned(), json!(needed));
        }
        Value::Object(edge)
    });
    edges.collect()
}

fn hash(bytes: &[u8]) -> Value {
    json!({ "alg": "SHA-256", "content": digest(bytes).trim_start_matches("sha256:") })
}

/// Returns a UUID of version 8 (RFC 9562 §5.8) that follows from the content.
fn serial_number(document: &Value) -> String {
    let digest = digest(document.to_string().as_bytes());
    let hex = digest.trim_start_matches("sha256:");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "urn:uuid:{}-{}-8{}-8{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 15),
        part(15, 18),
        part(18, 30)
    )
}
