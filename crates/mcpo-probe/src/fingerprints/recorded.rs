//! Tests the signs with recorded responses of real servers (`tests/recorded`).

use std::{collections::BTreeSet, fmt::Write as _, fs, path::PathBuf};

use serde::Deserialize;

use super::{ALL, Noted, Place, Traits};

/// Some responses of one server, the known servers that they show, and the explained ones.
#[derive(Deserialize)]
struct Recorded {
    answers: Vec<String>,
    recognized: Vec<String>,
    #[serde(default)]
    explained: Vec<String>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recorded")
}

fn recorded() -> Vec<Recorded> {
    let text = fs::read_to_string(folder().join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Reads a recorded response in the form in which the probe notes responses.
fn read(name: &str) -> Noted {
    let text = fs::read_to_string(folder().join(format!("{name}.http"))).unwrap();
    let mut lines = text.lines();
    let source = lines.next().unwrap();
    assert!(source.starts_with("# source: "), "{name}");
    let place = lines.next().unwrap().strip_prefix("# place: ").unwrap();
    let place: Place = serde_json::from_value(place.into()).unwrap();
    let status = lines.find(|line| !line.starts_with('#')).unwrap();
    let status = status.split(' ').nth(1).unwrap();
    let mut noted = format!("status {status}\n");
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').unwrap();
        writeln!(noted, "{}: {}", name.to_lowercase(), value.trim()).unwrap();
    }
    noted.push_str(&lines.collect::<Vec<_>>().join("\n"));
    Noted {
        place,
        url: String::new(),
        text: noted,
    }
}

#[test]
fn each_server_is_recognized_by_its_responses_and_no_other_is() {
    for server in recorded() {
        let traits = Traits::default();
        let noted: Vec<Noted> = server.answers.iter().map(|name| read(name)).collect();
        for noted in &noted {
            traits.note(noted.clone());
        }
        let names: Vec<&str> = traits
            .recognized()
            .iter()
            .map(|known| &*known.name)
            .collect();
        assert_eq!(names, server.recognized, "{:?}", server.answers);
        let explanations = noted.iter().flat_map(|noted| traits.explain(noted));
        let explained: BTreeSet<String> = explanations
            .map(|explanation| format!("{}: {}", explanation.name, explanation.says))
            .collect();
        let expected: BTreeSet<String> = server.explained.into_iter().collect();
        assert_eq!(explained, expected, "{:?}", server.answers);
    }
}

#[test]
fn every_known_server_and_every_recorded_response_is_tested() {
    let servers = recorded();
    let named: BTreeSet<&str> = servers
        .iter()
        .flat_map(|server| &server.recognized)
        .map(|name| &**name)
        .collect();
    for known in ALL.iter() {
        // The project's own server is tested in a real probe.
        let is_tested = named.contains(&*known.name) || known.name == "mcpo";
        assert!(is_tested, "{} has no recorded response", known.name);
    }
    let used: BTreeSet<&String> = servers.iter().flat_map(|server| &server.answers).collect();
    for file in fs::read_dir(folder()).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        if let Some(name) = name.strip_suffix(".http") {
            assert!(used.contains(&name.to_owned()), "{name} is not used");
        }
    }
}
