//! The estimated tokens of tool lists against a tokenizer.

use std::{collections::BTreeMap, process::Stdio};

use mcpo_probe::estimate_tokens;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, process::Command};

use super::{FOLDER, node_program};

/// The tools of public servers, as a model gets them.
const RECORDED: &str = include_str!("tools/recorded.json");
const LISTS: usize = 100;

/// Descriptions in other languages, for generated tools.
const DESCRIPTIONS: &str = include_str!("tools/descriptions.json");

/// Returns the lists: each recorded one, then mixtures of recorded tools with one generated tool.
fn lists() -> Vec<Vec<Value>> {
    let recorded: BTreeMap<String, Vec<Value>> = serde_json::from_str(RECORDED).unwrap();
    let mut lists: Vec<Vec<Value>> = recorded.into_values().collect();
    let all: Vec<Value> = lists.iter().flatten().cloned().collect();
    let descriptions: Vec<String> = serde_json::from_str(DESCRIPTIONS).unwrap();
    let mut next = 0;
    while lists.len() < LISTS {
        let number = lists.len();
        let mut list = vec![generated(
            number,
            &descriptions[number % descriptions.len()],
        )];
        for _ in 0..2 + number % 17 {
            // A step without a common divisor reaches every tool.
            next = (next + 83) % all.len();
            list.push(all[next].clone());
        }
        lists.push(list);
    }
    lists
}

fn generated(number: usize, description: &str) -> Value {
    let names = [
        "list_invoices",
        "listInvoices",
        "list-invoices",
        "LIST_INVOICES",
    ];
    json!({
        "name": format!("{}_{number}", names[number % names.len()]),
        "description": description,
        "inputSchema": {
            "type": "object",
            "properties": {
                "customerId": {"type": "string", "minLength": 36, "maxLength": 36},
                "max": {"type": "integer", "minimum": 1, "maximum": number, "default": 25},
            },
            "required": ["customerId"],
            "additionalProperties": false,
        },
    })
}

#[tokio::test]
async fn tokens_are_estimated_within_five_percent() {
    let texts: Vec<String> = lists()
        .into_iter()
        .map(|list| json!(list).to_string())
        .collect();
    assert_eq!(texts.len(), LISTS);
    let mut child = Command::new(node_program())
        .arg(format!("{FOLDER}/tokens.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = json!(texts).to_string();
    let writing = async move { stdin.write_all(input.as_bytes()).await.unwrap() };
    let ((), output) = tokio::join!(writing, child.wait_with_output());
    let counted: Vec<usize> = serde_json::from_slice(&output.unwrap().stdout).unwrap();
    assert_eq!(counted.len(), LISTS);
    let mut wrong = Vec::new();
    for (text, counted) in texts.iter().zip(counted) {
        let estimated = estimate_tokens(text);
        if estimated.abs_diff(counted) * 20 > counted {
            wrong.push(format!("{estimated} instead of {counted}: {text:.80}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
