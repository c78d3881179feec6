/** Programs that tests need and the system's packages have. */
import { spawnSync } from "node:child_process";
import process from "node:process";

/** The command that installs package `name`; what may ask for a password is refused. */
export function installCommand(name: string): readonly string[] {
  return [...asRoot(), "apt-get", "install", "--yes", "--no-install-recommends", name];
}

/** Installs package `name`, as far as that is possible here. */
export function installPackage(name: string): void {
  for (const command of [[...asRoot(), "apt-get", "update"], installCommand(name)]) {
    const [program = "", ...args] = command;
    const done = spawnSync(program, args, {
      stdio: ["ignore", 2, 2],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
    if (done.status !== 0) return;
  }
}

function asRoot(): readonly string[] {
  return process.getuid?.() === 0 ? [] : ["sudo", "-n"];
}
