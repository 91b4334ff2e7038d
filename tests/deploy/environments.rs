//! Environments of a project: settings that override others, for a separate service.

use serde_json::Value;

use crate::{
    dry_run::assert_nothing_to_do,
    project::{Project, SERVICE, google},
};

const SETTINGS: &str = "[package.metadata.mcpo]\nmax-instances = 3\nlabels = { team = \"tools\" }\n\
     base-url = \"https://mcp.example.com\"\n[package.metadata.mcpo.env]\nGREETING = \"hello\"\n\
     [package.metadata.mcpo.env.staging]\nmax-instances = 1\nenv = { LEVEL = \"debug\" }\n";
const STAGING: &str = "projects/my-project/locations/europe-west1/services/tiny-staging";

#[test]
fn environment_is_deployed_as_a_service_of_its_own() {
    let (google, project) = (google(), Project::with(SETTINGS));
    let staging = ["--environment", "staging"];
    let result = project.run(&google, &[&staging[..], &["--dry-run"]].concat());
    result.has(10, &["environment staging", "changes for tiny-staging"]);
    project.deploy(&google, &staging);
    let service = google.resource(STAGING);
    let template = &service["template"];
    assert_eq!(template["scaling"]["maxInstanceCount"], 1);
    assert_eq!(service["labels"]["team"], "tools");
    let variables = template["containers"][0]["env"].as_array().unwrap();
    let value = |name: &str| {
        let variable = variables.iter().find(|one| one["name"] == name);
        variable.map(|one| one["value"].clone())
    };
    assert_eq!(value("GREETING"), Some("hello".into()));
    assert_eq!(value("LEVEL"), Some("debug".into()));
    // The address belongs to the service without an environment.
    let base = value("BASE_URL").unwrap();
    assert!(
        base.as_str().unwrap().starts_with("https://tiny-staging-"),
        "{base}"
    );

    let result = project.run(&google, &[&staging[..], &["--status"]].concat());
    result.has(0, &["tiny-staging", "environment staging"]);
    let result = project.run(&google, &[&staging[..], &["--status", "--json"]].concat());
    let status: Value = serde_json::from_str(&result.stdout).unwrap();
    assert_eq!(status["environment"], "staging");
    let result = project.run(&google, &[&staging[..], &["--dry-run", "--json"]].concat());
    let plan: Value = serde_json::from_str(&result.stdout).unwrap();
    assert_eq!(
        (&plan["environment"], &plan["outcome"]),
        (&"staging".into(), &"nothing to do".into())
    );

    // The two services do not share anything.
    let before = google.resource(STAGING);
    project.deploy(&google, &[]);
    let service = google.resource(SERVICE);
    assert_eq!(service["template"]["scaling"]["maxInstanceCount"], 3);
    let text = service["template"].to_string();
    assert!(!text.contains("LEVEL") && text.contains("https://mcp.example.com"));
    assert_eq!(google.resource(STAGING), before);
    project
        .run(&google, &[&staging[..], &["--delete", "--yes"]].concat())
        .has(0, &["tiny-staging"]);
    assert_nothing_to_do(&google, &project, &[]);

    let result = project.run(&google, &["--environment", "prod", "--dry-run"]);
    result.has(
        2,
        &[
            "unknown environment \"prod\"",
            "use one of those in Cargo.toml: staging",
        ],
    );
}
