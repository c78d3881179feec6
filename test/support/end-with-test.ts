/**
 * Loaded first into every program a test starts (`--import`, Deno's `--preload`): ends it when the test's process is gone,
 * however that ended, so that none is left behind. The programs themselves know nothing of it.
 */
import process from "node:process";

/** Names the test's process; inherited by what the program starts itself. */
const VARIABLE = "DOVETAIL_TEST_PID";
const LOOK_MS = 500;

const pid = Number(process.env[VARIABLE]);
if (Number.isInteger(pid) && pid > 0) {
  const look = setInterval(() => {
    if (!isAlive()) process.kill(process.pid, "SIGKILL");
  }, LOOK_MS);
  // It keeps no program alive that has come to its end.
  look.unref();
}

function isAlive(): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    // A process of another user is alive; none of ours would be.
    return thrown instanceof Error && "code" in thrown && thrown.code === "EPERM";
  }
}
