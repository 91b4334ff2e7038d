#!/usr/bin/env node
// Runs the executable of the package for this platform. npm installs only the package that fits.
"use strict";
const { spawn } = require("node:child_process");
const { constants } = require("node:os");

const name = `mcpo-cli-${process.platform}-${process.arch}`;
const file = process.platform === "win32" ? "mcpo.exe" : "mcpo";

let executable;
try {
  executable = require.resolve(`${name}/bin/${file}`);
} catch {
  const { repository } = require("../package.json");
  // The name mcpo alone could be the crate of another project.
  const source = repository ? `: cargo install --locked --git ${repository.url.replace(/^git\+/, "")} mcpo` : "";
  console.error(`error: the package ${name} is not installed`);
  console.error(
    "help: install mcpo-cli again without --omit=optional; if there is no such package, this platform" +
      ` needs a build from source${source}`,
  );
  process.exit(2);
}

const child = spawn(executable, process.argv.slice(2), { stdio: "inherit" });
// Ctrl-C reaches the child too. mcpo decides when it ends.
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP"]) {
  process.on(signal, () => child.kill(signal));
}
child.on("error", (error) => {
  console.error(`error: failed to run ${executable}: ${error.message}`);
  process.exit(2);
});
child.on("exit", (code, signal) => {
  // Shells report a program that a signal ended as 128 plus the signal's number.
  process.exit(code ?? 128 + constants.signals[signal]);
});
