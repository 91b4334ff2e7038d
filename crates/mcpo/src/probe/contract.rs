//! `--lock` and `--accept-changes`: writes the contract of the server to a file.

use mcpo_common::{error::Outcome, ui::Ui};
use mcpo_probe::Report;

use super::args::LockAction;

/// Writes the file if the arguments ask for it and the probe got the whole contract.
pub fn write(action: &LockAction, report: &Report, ui: &Ui) -> Outcome<()> {
    let (LockAction::Write(file) | LockAction::Accept(file)) = action else {
        return Ok(());
    };
    let path = file.path().display();
    let Some(contract) = &report.contract else {
        // The report has the reason, and its exit code is not 0.
        ui.warn(format_args!(
            "{path} was not written: the probe did not get all lists"
        ));
        return Ok(());
    };
    if matches!(action, LockAction::Accept(_)) {
        let changes = report.comparison.as_ref();
        if changes.is_none_or(|comparison| comparison.changes.is_empty()) {
            return Ok(());
        }
    }
    file.write(contract)?;
    ui.say(format_args!("wrote {path}: {}", contract.summary()));
    Ok(())
}
