/** A process that opens a profile, prints the result, and is killed: `node open-profile.ts <home> <name>`. */
import { writeSync } from "node:fs";
import process from "node:process";
import { openProfile } from "../../cli/platform/profile-folder.ts";

const [home = "", name = ""] = process.argv.slice(2);
const opened = await openProfile({ home, name }, { create: true });
writeSync(1, JSON.stringify(opened.ok ? { ok: true } : opened));
process.kill(process.pid, "SIGKILL");
