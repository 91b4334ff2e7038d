//! `--export` writes what a deployment would release, in the formats of gcloud and Terraform.

use std::fs;

use hcl::structure::BlockLabel;
use serde_json::{Value, json};

use crate::project::{Project, google, writes};

const MANIFEST: &str = r#"[package.metadata.mcpo]
secrets = ["API_KEY"]
env = { TEMPLATE = "${x}%${y}%{z} \"$", YES = "yes" }
"#;

#[test]
fn export_describes_the_planned_service_and_writes_nothing_to_google() {
    let (google, project) = (google(), Project::with(MANIFEST));
    project.write(".env", "API_KEY=swordfish\n");
    let export = |file: &str| {
        let result = project.run(&google, &["--export", file, "--json"]);
        result.has(0, &["the registry does not have the image"]);
        assert!(result.all().contains("no values of secrets"), "{result}");
        let text = fs::read_to_string(project.path(file)).unwrap();
        assert!(!text.contains("swordfish"), "{text}");
        text
    };
    let yaml: Value = serde_saphyr::from_str(&export("service.yaml")).unwrap();
    let host = "run.googleapis.com";
    google.check_message(host, "Service", &yaml).unwrap();
    assert_eq!(yaml["apiVersion"], "serving.knative.dev/v1");
    let template = &yaml["spec"]["template"];
    let expected = json!({
        "autoscaling.knative.dev/maxScale": "4",
        "autoscaling.knative.dev/minScale": "0",
        "run.googleapis.com/cpu-throttling": "true",
        "run.googleapis.com/execution-environment": "gen2",
        "run.googleapis.com/sessionAffinity": "true",
        "run.googleapis.com/startup-cpu-boost": "true",
    });
    assert_eq!(template["metadata"]["annotations"], expected);
    let find = |yaml: &Value, name: &str| {
        let variables = yaml["spec"]["template"]["spec"]["containers"][0]["env"].clone();
        let variables = variables.as_array().unwrap().clone();
        variables
            .into_iter()
            .find(|one| one["name"] == name)
            .unwrap()
    };
    assert_eq!(find(&yaml, "YES")["value"], "yes");
    let secret = "tiny-europe-west1-api-key";
    let reference = |version: &str| json!({ "secretKeyRef": { "name": secret, "key": version } });
    assert_eq!(find(&yaml, "API_KEY")["valueFrom"], reference("latest"));

    let text = export("main.tf");
    let terraform: hcl::Body = hcl::parse(&text).unwrap();
    let kinds = |body: &hcl::Body, kind: &str| -> Vec<String> {
        let blocks = body.blocks().filter(|block| block.identifier() == kind);
        let names = blocks.map(|block| {
            block
                .labels()
                .iter()
                .map(BlockLabel::as_str)
                .collect::<Vec<_>>()
                .join(".")
        });
        names.collect()
    };
    let expected = [
        "google_artifact_registry_repository.service",
        "google_service_account.service",
        "google_secret_manager_secret.api_key",
        "google_secret_manager_secret_iam_member.api_key",
        "google_secret_manager_secret.admin_password",
        "google_secret_manager_secret_iam_member.admin_password",
        "google_secret_manager_secret.mcpo_secret",
        "google_secret_manager_secret_iam_member.mcpo_secret",
        "google_storage_bucket.ledger",
        "google_storage_bucket_iam_member.ledger",
        "google_cloud_run_v2_service.service",
    ];
    assert_eq!(kinds(&terraform, "resource"), expected);
    assert!(kinds(&terraform, "import").is_empty());
    for part in [
        r#""$${x}%$${y}%%{z} \"$""#,
        "secret = google_secret_manager_secret.api_key.secret_id",
        "service_account = google_service_account.service.email",
        "invoker_iam_disabled = true",
    ] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    assert_eq!(writes(&google), Vec::<String>::new());
    let result = project.run(&google, &["--export", "service.txt"]);
    result.has(
        2,
        &["unknown format of service.txt", "--export service.yaml"],
    );

    // After a deployment, the file names the versions that the service uses.
    project.deploy(&google, &[]);
    google.clear_calls();
    project
        .run(&google, &["--export", "service.yaml"])
        .has(0, &[]);
    let text = fs::read_to_string(project.path("service.yaml")).unwrap();
    let yaml: Value = serde_saphyr::from_str(&text).unwrap();
    google.check_message(host, "Service", &yaml).unwrap();
    assert_eq!(find(&yaml, "API_KEY")["valueFrom"], reference("1"));
    assert!(!text.contains("mcpo-applied"), "{text}");
    project.run(&google, &["--export", "main.tf"]).has(0, &[]);
    let text = fs::read_to_string(project.path("main.tf")).unwrap();
    assert_eq!(kinds(&hcl::parse(&text).unwrap(), "import").len(), 7);
    assert_eq!(writes(&google), Vec::<String>::new());
}
