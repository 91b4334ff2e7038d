//! The tables of the probe against the real libraries: which documents do they accept?

mod corpus;
mod rmcp;

use std::{collections::BTreeSet, process::Stdio};

use mcpo_probe::library_accepts;
use serde::Deserialize;
use tokio::{io::AsyncWriteExt as _, process::Command};

use self::corpus::Case;
use super::{FOLDER, node_program, python_program};

const LIBRARIES: [&str; 5] = [
    "oauth4webapi@3.8.8",
    "python-mcp@2.3.0",
    rmcp::LIBRARY,
    "typescript-client@2.4.0",
    "typescript-sdk@1.32.2",
];

#[derive(Deserialize)]
struct Answer {
    library: String,
    accepted: bool,
    error: Option<String>,
}

#[tokio::test]
async fn the_tables_of_documents_agree_with_the_libraries() {
    let cases = corpus::cases();
    assert!(cases.len() >= 200, "{}", cases.len());
    let python = python_program();
    let node = node_program();
    let lines: String = cases.iter().map(Case::line).collect();
    let (of_node, of_python, of_rmcp) = tokio::join!(
        answers(&node, "accepts.mjs", lines.clone()),
        answers(&python, "accepts.py", lines),
        rmcp::answers(&cases)
    );
    let mut compared = 0;
    let mut differences = Vec::new();
    for answers in [of_node, of_python, of_rmcp] {
        let per_case = answers.len() / cases.len();
        assert_eq!(
            answers.len(),
            per_case * cases.len(),
            "one answer per library"
        );
        for (case, answers) in cases.iter().zip(answers.chunks(per_case)) {
            for answer in answers {
                compared += 1;
                differences.extend(difference(case, answer));
            }
        }
    }
    assert_eq!(compared, LIBRARIES.len() * cases.len());
    for library in LIBRARIES {
        let of_library = differences.iter();
        let of_library = of_library.filter(|difference| difference.starts_with(library));
        let number = of_library.count();
        assert!(
            number * 100 <= cases.len(),
            "{library}: {number} of {} differ:\n{}",
            cases.len(),
            differences.join("\n")
        );
    }
}

/// Sends `lines` to a script and returns its answers.
async fn answers(program: &str, script: &str, lines: String) -> Vec<Answer> {
    let mut child = Command::new(program)
        .arg(format!("{FOLDER}/{script}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Writes while the output is read, so that neither side waits for the other.
    let writing = tokio::spawn(async move { stdin.write_all(lines.as_bytes()).await });
    let output = child.wait_with_output().await.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}:\n{stderr}");
    writing.await.unwrap().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Answer> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("an answer"))
        .collect();
    let named: BTreeSet<&str> = answers.iter().map(|answer| &*answer.library).collect();
    for library in named {
        assert!(LIBRARIES.contains(&library), "no table for {library}");
    }
    answers
}

/// Describes how the table and the library differ, if they do.
fn difference(case: &Case, answer: &Answer) -> Option<String> {
    let predicted = library_accepts(
        case.document,
        &answer.library,
        case.status,
        case.content_type,
        &case.body,
    );
    let predicted = predicted.expect("a table");
    if predicted.is_ok() == answer.accepted {
        return None;
    }
    Some(format!(
        "{} {} {}: the table says {predicted:?}, the library {:?}",
        answer.library, case.document, case.name, answer.error
    ))
}
