//! `--submission`: writes the draft of a submission to a new file or folder.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use mcpo_common::{
    error::{Failure, Outcome},
    ui::Ui,
};
use mcpo_probe::{Report, Submission};
use time::OffsetDateTime;

/// A file or folder that does not exist yet.
#[derive(Debug)]
pub struct NewSubmission {
    path: PathBuf,
    format: Submission,
}

impl NewSubmission {
    /// Checks the name before the probe runs. An existing file may contain the owner's edits, so it
    /// is never overwritten.
    pub fn new(path: PathBuf) -> Outcome<Self> {
        let Some(format) = Submission::of_path(&path) else {
            let what = format!("unsupported name --submission {}", path.display());
            let hint = "use a file that ends in .md or .json, or a folder that ends in /";
            return Err(Failure::new(what).hint(hint));
        };
        if path.exists() {
            let error = io::Error::from(io::ErrorKind::AlreadyExists);
            return Err(failed(&path, &error));
        }
        Ok(Self { path, format })
    }

    pub fn write(&self, report: &Report, ui: &Ui) -> Outcome<()> {
        // Displayed as `2026-11-28`.
        let today = OffsetDateTime::now_utc().date().to_string();
        if self.format == Submission::Plugin {
            fs::create_dir(&self.path).map_err(|error| failed(&self.path, &error))?;
        }
        for (path, text) in self.format.files(report, &today, &self.path) {
            create(&path, &text).map_err(|error| failed(&path, &error))?;
            ui.say(format_args!("wrote {}", path.display()));
        }
        Ok(())
    }
}

fn create(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    let what = format!("failed to write --submission {}", path.display());
    let failure = Failure::new(what).because(error);
    if error.kind() == io::ErrorKind::AlreadyExists {
        failure.hint("choose another name, or delete it if it contains none of your edits")
    } else {
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::NewSubmission;

    #[test]
    fn only_new_names_with_a_known_ending_are_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name| folder.path().join(name);
        std::fs::write(path("old.md"), "edited").unwrap();
        std::fs::create_dir(path("old")).unwrap();
        for new in ["new.md", "new.json", "new/"] {
            assert!(NewSubmission::new(path(new)).is_ok(), "{new}");
        }
        for wrong in ["new.txt", "new", "old.md", "old/"] {
            assert!(NewSubmission::new(path(wrong)).is_err(), "{wrong}");
        }
    }
}
