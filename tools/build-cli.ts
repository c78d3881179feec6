/**
 * `npm run setup`: the command line and all it is made of in one file, cli/dist/dovetail.js, which cli/bin/dovetail.js
 * runs while the sources are those it was made of.
 */
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { build, type Plugin } from "vite";
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
    // Looking for its native addon takes 10 ms of each start, and only the direct connection of two devices uses the library.
    define: { "process.env.CBOR_NATIVE_ACCELERATION_DISABLED": '"true"' },
    plugins: [withoutFetchTypes()],
    build: {
      ssr: "cli/main.ts",
      write: false,
      minify: false,
      target: "es2023",
      rolldownOptions: {
        // Read only where the file with the same WebAssembly is missing, not at all, or where spans or metrics are wanted.
        external: [
          "@automerge/automerge/automerge.wasm.base64",
          "cbor-extract",
          "prom-client",
          /^@opentelemetry\//,
        ],
        output: { codeSplitting: false },
      },
    },
  });
  const [output] = Array.isArray(made) ? made : [made];
  const chunk = output !== undefined && "output" in output ? output.output[0] : undefined;
  if (chunk === undefined) throw new Error("the build gave no program");
  mkdirSync(dirname(file), { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, `${stamp}${inAscii(chunk.code)}`);
  try {
    renameSync(unfinished, file);
  } catch (thrown) {
    rmSync(unfinished, { force: true });
    throw thrown;
  }
}

/**
 * Automerge's loader asks whether it was given a `Request` or a `Response`. It is given bytes, and in Node the question alone
 * loads all of `fetch`: 40 ms of each start.
 */
function withoutFetchTypes(): Plugin {
  const asked = /typeof (?:Request|Response) === 'function'/g;
  return {
    name: "without-fetch-types",
    transform(code, id) {
      if (!id.endsWith("/web/automerge_wasm.js")) return null;
      if (code.match(asked)?.length !== 2) throw new Error("automerge's loader asks in other words now");
      return { code: code.replace(asked, "false"), map: null };
    },
  };
}

/** Node holds a source in a byte a character if all of it is ASCII, which loads 10 ms sooner. Escapes mean the same. */
function inAscii(code: string): string {
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

if (import.meta.main) await buildCli();
