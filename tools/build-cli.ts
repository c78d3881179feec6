/**
 * `npm run setup`: the command line and all it is made of in one file, cli/dist/dovetail.js, which cli/bin/dovetail.js
 * runs while the sources are those it was made of.
 */
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { build } from "vite";
import { isCurrent, sourceStamp, WHOLE_PROGRAM } from "../cli/bin/whole-program.js";

const ROOT = join(import.meta.dirname, "..");

/** Makes `file`, unless it is there and current. Whoever runs it meanwhile has the former one. */
export async function buildCli(file: string = WHOLE_PROGRAM): Promise<void> {
  if (isCurrent(file)) return;
  // Before the sources are read: a change that comes meanwhile makes it stale.
  const stamp = sourceStamp();
  const made = await build({
    root: ROOT,
    configFile: false,
    publicDir: false,
    logLevel: "error",
    // A development build of a library would be slower, and say more.
    mode: "production",
    ssr: { noExternal: true, target: "node" },
    build: {
      ssr: "cli/main.ts",
      write: false,
      minify: false,
      target: "es2023",
      rolldownOptions: {
        // Read only where the file with the same WebAssembly is missing. A native reader of CBOR is used where it is installed.
        external: ["@automerge/automerge/automerge.wasm.base64", "cbor-extract"],
        output: { codeSplitting: false },
      },
    },
  });
  const [output] = Array.isArray(made) ? made : [made];
  const chunk = output !== undefined && "output" in output ? output.output[0] : undefined;
  if (chunk === undefined) throw new Error("the build gave no program");
  mkdirSync(dirname(file), { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, `${stamp}${chunk.code}`);
  try {
    renameSync(unfinished, file);
  } catch (thrown) {
    rmSync(unfinished, { force: true });
    throw thrown;
  }
}

if (import.meta.main) await buildCli();
