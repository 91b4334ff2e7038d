//! Mistakes that can be seen from here are reported before Google is asked anything, all at once.

use crate::project::{Project, google, writes};

#[test]
fn all_of_them_at_once() {
    let project = Project::with(
        "[package.metadata.mcpo]\nservice = \"Not_A_Name\"\nmemory = \"much\"\ncpu = \"3\"\n\
         env = { ADMIN_PASSWORD = \"x\", PORT = \"1\" }\nlabels = { Team = \"x\" }\n",
    );
    let google = google();
    let said = project.run(&google, &[]);
    said.has(
        2,
        &[
            "6 settings cannot be used",
            "\"Not_A_Name\" cannot be the name of a service",
            "memory \"much\" is not a size",
            "cpu \"3\" is not to be had",
            "ADMIN_PASSWORD is a secret and stands in env",
            "PORT is not yours to set",
            "the label Team = \"x\" cannot be used",
        ],
    );
    assert_eq!(google.calls(), []);
}

#[test]
fn a_region_that_is_not_there_is_answered_with_the_nearest_one() {
    let (google, project) = (google(), Project::new());
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_mcpo"))
        .args(["deploy", "europe-wset1"])
        .current_dir(project.path(""))
        .output()
        .unwrap();
    let said = crate::project::Said::of(&output);
    said.has(
        2,
        &[
            "there is no region \"europe-wset1\"",
            "did you mean europe-west1?",
        ],
    );
    assert_eq!(writes(&google), Vec::<String>::new());
}

#[test]
fn a_name_that_is_too_long() {
    let (google, project) = (google(), Project::new());
    let said = project.run(&google, &["--service", &"a".repeat(50)]);
    said.has(2, &["has 50 characters", "Cloud Run allows 49"]);
    assert_eq!(google.calls(), []);
}

#[test]
fn a_label_that_is_too_long() {
    let label = format!(
        "[package.metadata.mcpo]\nlabels = {{ a = \"{}\" }}\n",
        "x".repeat(64)
    );
    let said = Project::with(&label).run(&google(), &[]);
    said.has(2, &["the label a = ", "at most 63"]);
}

#[test]
fn a_setting_that_nobody_knows() {
    let project = Project::with("[package.metadata.mcpo]\nmax_instances = 3\n");
    project
        .run(&google(), &[])
        .has(2, &["unknown field `max_instances`", "max-instances"]);
}

#[test]
fn no_project() {
    let (google, project) = (google(), Project::new());
    let mut command = project.command(&google, &[]);
    command.env_remove("GOOGLE_APPLICATION_CREDENTIALS");
    command.env(
        "GOOGLE_OAUTH_ACCESS_TOKEN",
        google.token("somebody@example.com"),
    );
    let said = crate::project::Said::of(&command.output().unwrap());
    said.has(2, &["no project is given", "--project my-project"]);
}

#[test]
fn a_secret_that_is_nowhere() {
    let project = Project::with("[package.metadata.mcpo]\nsecrets = [\"API_KEY\"]\n");
    let google = google();
    let said = project.run(&google, &[]);
    said.has(2, &["API_KEY is not set, neither in the shell nor in .env"]);
    assert_eq!(writes(&google), Vec::<String>::new());
}

#[test]
fn a_service_of_somebody_else() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    google.edit(crate::project::SERVICE, |service| {
        service["labels"] = serde_json::json!({});
    });
    project.change("two");
    let said = project.run(&google, &["--no-verify"]);
    said.has(2, &["that mcpo did not make", "--adopt"]);
    project.deploy(&google, &["--adopt"]);
}

#[test]
fn what_is_linked_dynamically_is_refused() {
    let (google, project) = (google(), Project::new());
    project.write(
        "build.rs",
        r#"fn main() {
            println!("cargo::rustc-link-arg-bins=-Wl,--dynamic-linker=/lib64/ld-linux-x86-64.so.2");
        }"#,
    );
    let said = project.run(&google, &["--no-verify"]);
    said.has(2, &["linked dynamically"]);
    assert_eq!(writes(&google), Vec::<String>::new());
}

#[test]
fn an_address_with_a_password_is_a_secret() {
    let metadata = "[package.metadata.mcpo]\nledger = \"redis://:swordfish@cache\"\n";
    let said = Project::with(metadata).run(&google(), &[]);
    said.has(2, &["is a secret", "secrets = [\"MCPO_LEDGER\"]"]);
    assert!(!said.all().contains("swordfish"), "{said}");
}
