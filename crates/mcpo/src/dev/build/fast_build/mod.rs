//! The fast build: builds an executable without cargo, if only the project's own code has changed.
//!
//! Cargo takes as long to find out that one crate must be compiled as rustc takes to compile it. So
//! mcpo keeps the command that cargo used (`record`). If only Rust files of the executable's own
//! crate change, mcpo runs that command again (`replay`) and links to one library that contains the
//! runtime (`library`). The linker reads a small stub of it (`stub`, `linker`). The compiler is
//! already running (`compiler`), and opens fewer files (`crate_files`). Everything else goes through
//! cargo, which remains the authority: manifests, lock files, build scripts, other crates, other
//! files, deleted files, and every error.

mod compiler;
mod crate_files;
mod library;
mod linker;
pub mod record;
mod replay;
mod stub;

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use mcpo_common::{package::Package, ui::Ui};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::{
    compiler::WaitingCompiler,
    record::Record,
    replay::{Form, Replayed},
};
use super::cargo::Build;
use crate::dev::{
    messages::{change::Change, inputs::Inputs},
    watch::inputs,
};

/// The fast build's results are stored next to cargo's, so that `cargo clean` deletes both.
const FOLDER: &str = "mcpo-dev";
/// The folder of cargo's fingerprints, below the folder of a profile.
const FINGERPRINTS: &str = ".fingerprint";

/// Returns the folder with the fast build's results, and with the recorded commands.
pub fn folder_of(package: &Package) -> PathBuf {
    package.artifact_folder(&package.target).join(FOLDER)
}

/// Acts as the wrapper of rustc or as the linker, if one of them started this process. Returns
/// `None` if it is neither.
pub fn run_as_build_tool() -> Option<ExitCode> {
    linker::run_as_linker().or_else(record::run_as_rustc_wrapper)
}

/// What mcpo knows about the project's last build by cargo, and the library.
pub struct FastBuild<'a> {
    package: Package,
    folder: PathBuf,
    ui: &'a Ui,
    /// The command for the executable, once cargo has run it.
    record: Option<Record>,
    library: Library,
    /// The compiler for the next build.
    compiler: Option<WaitingCompiler>,
    /// The build of the runtime that the library contains.
    runtime: Option<String>,
    /// The files of the executable's own crate, as of its last build.
    own: HashSet<PathBuf>,
    /// The last build failed only because of files of this crate. A fix of these files may use the
    /// fast build too.
    failed_by_own: bool,
    /// Whether a library was announced before.
    is_announced: bool,
}

enum Library {
    Unknown,
    InTheMaking(
        JoinHandle<io::Result<(Option<PathBuf>, Option<WaitingCompiler>)>>,
        #[expect(dead_code, reason = "cancels the work when it is dropped")] DropGuard,
    ),
    Made(PathBuf),
    /// The library cannot be built.
    None,
}

impl<'a> FastBuild<'a> {
    pub fn new(package: Package, ui: &'a Ui) -> Self {
        let folder = folder_of(&package);
        if !record::IS_TRIED {
            ui.step(
                "Building",
                "with cargo only; quick reloads are not available on Windows",
            );
        }
        // A command from an earlier run may differ from the one that cargo would use now.
        let _ = fs::remove_file(Record::path(&folder, &package.crate_name()));
        let units = package.artifact_folder(&package.build).join(FINGERPRINTS);
        library::see_again(&folder, &units);
        Self {
            package,
            folder,
            ui,
            record: None,
            library: Library::Unknown,
            compiler: None,
            runtime: None,
            own: HashSet::new(),
            failed_by_own: false,
            is_announced: false,
        }
    }

    /// Returns the folder in which cargo's commands are recorded.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes over the command and the files from a build by cargo.
    pub fn learn(&mut self) {
        let record = Record::read(&self.folder, &self.package.crate_name());
        // A build script may read any file, and only cargo knows when it must run.
        let record = record.filter(|record| !record.environment.contains_key("OUT_DIR"));
        let record = record.filter(Self::sees_the_same);
        let Some(record) = record else {
            self.record = None;
            self.compiler = None;
            return;
        };
        let deps = record.values("--out-dir").next().map(PathBuf::from);
        crate_files::update(&record, &self.folder);
        self.failed_by_own = false;
        self.own = deps
            .and_then(|deps| self.files(&record, &deps))
            .unwrap_or_default();
        let runtime = library::version(&record);
        let is_current = self.record.as_ref() == Some(&record) && self.runtime == runtime;
        if !is_current || matches!(self.library, Library::Unknown) {
            self.make_library(record.clone());
            self.record = Some(record);
            self.runtime = runtime;
        }
    }

    /// Returns true if a replay would see the same environment variables that the code read during
    /// cargo's build. Cargo may have set more variables, from `[env]` in its settings.
    fn sees_the_same(record: &Record) -> bool {
        let folder = record.values("--out-dir").next().map(Path::new);
        let list = folder.and_then(|folder| replay::dependencies(record, folder));
        let text = list.and_then(|list| fs::read_to_string(list).ok());
        text.is_some_and(|text| {
            let asked = text
                .lines()
                .filter_map(|line| line.strip_prefix("# env-dep:"));
            asked.into_iter().all(|asked| {
                let (name, value) = match asked.split_once('=') {
                    Some((name, value)) => (name, Some(value)),
                    None => (asked, None),
                };
                let ours = record.environment.get(name).cloned();
                ours.or_else(|| std::env::var(name).ok()).as_deref() == value
            })
        })
    }

    /// Builds the library in the background, and an executable that uses it, so that the caches are
    /// warm for the first change.
    fn make_library(&mut self, record: Record) {
        let (folder, ui) = (self.folder.clone(), self.ui.clone());
        let is_announced = std::mem::replace(&mut self.is_announced, true);
        let cancel = CancellationToken::new();
        let guard = cancel.clone().drop_guard();
        self.compiler = None;
        let making = async move {
            let began = Instant::now();
            // Its symbols may be those of another library.
            let _ = fs::remove_file(stub::path(&folder));
            let library = library::of(&record, &folder, &cancel).await?;
            let form = library.as_deref().map_or(Form::Whole, Form::Beside);
            replay::run(&record, form, &folder, false, None, &cancel).await?;
            let compiler = WaitingCompiler::start(replay::setup(&record, form, &folder));
            if library.is_some() && began.elapsed().as_secs() > 2 && !is_announced {
                let seconds = began.elapsed().as_secs();
                ui.step(
                    "Prepared",
                    format_args!(
                        "faster reloads: linked all dependencies to a library in {seconds} s"
                    ),
                );
            }
            Ok((library, compiler))
        };
        self.library = Library::InTheMaking(tokio::spawn(making), guard);
    }

    /// Builds with the fast build if the change allows it. Returns `None` if cargo must build it.
    pub async fn build(
        &mut self,
        change: &Change,
        inputs: &Inputs,
        colours: bool,
        cancel: &CancellationToken,
    ) -> Option<Build> {
        let suits = self.suits(change, inputs);
        self.failed_by_own &= suits;
        if !suits {
            return None;
        }
        self.collect_library().await;
        let record = self.record.as_ref()?;
        let form = match &self.library {
            Library::Made(library) => Form::Beside(library),
            Library::None => Form::Whole,
            Library::Unknown | Library::InTheMaking(..) => return None,
        };
        let waiting = self.compiler.take();
        let replayed = replay::run(record, form, &self.folder, colours, waiting, cancel).await;
        match replayed.ok()? {
            Replayed::Done { file, said } => {
                let setup = replay::setup(record, form, &self.folder);
                self.compiler = WaitingCompiler::start(setup);
                if !said.trim().is_empty() {
                    self.ui.say(said.trim_end());
                }
                self.failed_by_own = false;
                Some(Build::Done(file))
            }
            Replayed::Failed => {
                self.failed_by_own = true;
                None
            }
            Replayed::Cancelled => Some(Build::Cancelled),
        }
    }

    /// Returns the inputs after a build with the fast build: new ones for this crate, and unchanged
    /// ones for all others.
    pub fn inputs(&mut self, before: &Inputs) -> Option<HashSet<PathBuf>> {
        let own = self.files(self.record.as_ref()?, &self.folder)?;
        let others = before.files.difference(&self.own).cloned();
        let files = others.chain(own.iter().cloned()).collect();
        self.own = own;
        Some(files)
    }

    /// Returns true if only Rust files of the executable's own crate have changed.
    fn suits(&self, change: &Change, inputs: &Inputs) -> bool {
        let worked = !inputs.failed || self.failed_by_own;
        let sources = self.package.folder.join("src");
        worked
            && self.record.is_some()
            && !change.files.is_empty()
            && change.files.iter().all(|file| {
                let file = self.package.folder.join(file);
                let rust = file.extension().is_some_and(|kind| kind == "rs");
                // A file that no crate has read yet may become a module of this crate.
                let new = !inputs.files.contains(&file) && file.starts_with(&sources);
                let own = self.own.contains(&file) || new;
                rust && own && file.is_file()
            })
    }

    async fn collect_library(&mut self) {
        if let Library::InTheMaking(making, _) = &mut self.library
            && making.is_finished()
        {
            let (library, compiler) = match making.await {
                Ok(Ok(made)) => made,
                Ok(Err(_)) | Err(_) => (None, None),
            };
            self.library = library.map_or(Library::None, Library::Made);
            self.compiler = compiler;
        }
    }

    fn files(&self, record: &Record, folder: &Path) -> Option<HashSet<PathBuf>> {
        let list = replay::dependencies(record, folder)?;
        inputs::read(&list, &self.package).ok()
    }
}
