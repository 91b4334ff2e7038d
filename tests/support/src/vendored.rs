//! Lets the projects of several tests share one build of the runtime.

use std::{
    fs::{self, File},
    path::Path,
    time::SystemTime,
};

/// Gives the runtime in a new project the build time of `mcpo`, which contains it. cargo
/// compiles a package again if its files are newer than the last build.
pub fn keep_built(project: &Path, mcpo: &str) {
    let built = fs::metadata(mcpo).and_then(|file| file.modified());
    set_modified(&project.join("vendor"), built.expect("a time"));
}

/// The same as a shell command that runs in the folder of the project.
pub fn keep_built_command(mcpo: &str) -> String {
    format!("find vendor -type f -exec touch -r '{mcpo}' {{}} +")
}

fn set_modified(folder: &Path, time: SystemTime) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            set_modified(&path, time);
        } else {
            let file = File::options().write(true).open(&path).expect("a file");
            file.set_modified(time).expect("a time");
        }
    }
}
