//! Two who deploy at once.

use mcpo_test_support::google::{Fault, Google};

use crate::project::{Project, Said, ask, google};

#[test]
fn somebody_else_was_faster() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    project.change("two");
    google.fail(
        "run.projects.locations.services.patch",
        Fault::SomebodyElse,
        1,
    );
    let said = project.run(&google, &["--no-verify"]);
    said.has(2, &["somebody else changed it at the same time"]);
    assert_eq!(ask(&google, "/version"), "one");
    project.deploy(&google, &[]);
    assert_eq!(ask(&google, "/version"), "two");
}

#[test]
fn two_at_once_end_in_one_loser() {
    let (google, project) = (google(), Project::new());
    // Each is held at its last step until the other one is there, so neither saw the other.
    google.fail(
        "run.projects.locations.services.create",
        Fault::Meets(2),
        u32::MAX,
    );
    one_wins(&google, &project, ["a", "b"]);
    google.mend();
    google.forget_calls();
    google.fail(
        "run.projects.locations.services.patch",
        Fault::Meets(2),
        u32::MAX,
    );
    // Others than before, or one of the two would have nothing to do.
    one_wins(&google, &project, ["c", "d"]);
}

#[track_caller]
fn one_wins(google: &Google, project: &Project, who: [&str; 2]) {
    let runs: Vec<_> = who
        .iter()
        .map(|who| project.start(google, &["--no-verify", "--env", &format!("WHO={who}")]))
        .collect();
    let ends: Vec<_> = runs
        .into_iter()
        .map(|run| Said::of(&run.wait_with_output().unwrap()))
        .collect();
    let (winner, loser) = match (ends[0].code, ends[1].code) {
        (Some(0), Some(2)) => (who[0], &ends[1]),
        (Some(2), Some(0)) => (who[1], &ends[0]),
        _ => panic!("{}\n{}", ends[0], ends[1]),
    };
    loser.has(
        2,
        &["somebody else changed it at the same time, and was first"],
    );
    assert_eq!(ask(google, "/variable/WHO"), winner);
}
