/**
 * `kill -9` of the real command line while it sends, again and again: what it said it had kept is there once, on both sides.
 *
 * A process that is killed before it has answered may have kept its text or not; once or not at all is what is asked.
 */
import { join } from "node:path";
import { ROOT } from "../support/checkout.ts";
import { createCliWorld } from "../support/cli-process.ts";
import { startProgram } from "../support/start-program.ts";

const CLI = join(ROOT, "cli", "main.ts");
const DELAY_MS_MIN = 150;

export interface ClientKillReport {
  readonly kills: number;
  /** Commands that ended before their kill came. */
  readonly ended: number;
  readonly confirmed: number;
  /** Kept although the command was killed before it said so. */
  readonly keptUnsaid: number;
  readonly broken: readonly string[];
}

/** Sends `kills` messages by a command each, killed at a moment that goes through all of its life. */
export async function killClients(
  kills: number,
  onKill: (done: number) => void = () => {},
): Promise<ClientKillReport> {
  const world = await createCliWorld();
  try {
    const run = async (profile: string, ...args: readonly string[]): Promise<string> => {
      const { exitCode, stdout, stderr } = await world.run(profile, args);
      if (exitCode !== 0) throw new Error(`${args.join(" ")} ended with ${exitCode}: ${stderr}`);
      return stdout;
    };
    for (const name of ["ada", "ben"])
      await run(name, "account", "create", "--handle", name, "--name", name, "--server", world.origin);
    const link = JSON.parse(await run("ben", "contact", "link", "--json"));
    await run("ada", "contact", "add", String(link.link));
    await run("ben", "sync");
    await run("ben", "contact", "accept", "ada");
    await run("ada", "sync");

    const confirmed: string[] = [];
    const tried: string[] = [];
    let ended = 0;
    let lifeMs = 1_500;
    for (let kill = 0; kill < kills; kill++) {
      const text = `text ${kill}`;
      tried.push(text);
      const startedAtMs = performance.now();
      const delayMs = DELAY_MS_MIN + ((kill * 61) % Math.max(1, Math.round(lifeMs)));
      const end = await sendAndKill(world.home, text, delayMs);
      if (end.isConfirmed) confirmed.push(text);
      if (end.hasEnded) {
        ended++;
        // How long a command lives on this machine, at this hour.
        lifeMs = 0.7 * lifeMs + 0.3 * (performance.now() - startedAtMs);
      }
      onKill(kill + 1);
    }
    for (let round = 0; round < 3; round++) for (const name of ["ada", "ben"]) await run(name, "sync");
    const adas = textsIn(await run("ada", "inbox", "show", "ben", "--json", "--limit", "5000"));
    const bens = textsIn(await run("ben", "inbox", "show", "ada", "--json", "--limit", "5000"));
    return { kills, ended, confirmed: confirmed.length, ...compare({ adas, bens, confirmed, tried }) };
  } finally {
    await world.close();
  }
}

/** Runs one command, kills it after `delayMs`, and says what it had said by then. */
async function sendAndKill(
  home: string,
  text: string,
  delayMs: number,
): Promise<{ readonly isConfirmed: boolean; readonly hasEnded: boolean }> {
  const child = startProgram(CLI, ["--profile", "ada", "--json", "send", "ben", text], {
    env: { ...process.env, DOVETAIL_HOME: home, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "ignore"],
  });
  let said = "";
  child.stdout?.on("data", (part: Buffer) => {
    said += part.toString("utf8");
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), delayMs);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  clearTimeout(timer);
  return { isConfirmed: said.includes("\n"), hasEnded: code !== null };
}

function textsIn(json: string): readonly string[] {
  const page: { readonly messages: readonly { readonly text: string }[] } = JSON.parse(json);
  return page.messages.map(({ text }) => text);
}

function compare(found: {
  readonly adas: readonly string[];
  readonly bens: readonly string[];
  readonly confirmed: readonly string[];
  readonly tried: readonly string[];
}): Pick<ClientKillReport, "keptUnsaid" | "broken"> {
  const { adas, bens, confirmed, tried } = found;
  const broken: string[] = [];
  if (JSON.stringify(adas) !== JSON.stringify(bens)) broken.push("the two sides see other texts");
  if (new Set(adas).size !== adas.length) broken.push("a text is there twice");
  for (const text of confirmed) if (!adas.includes(text)) broken.push(`"${text}" was kept and is lost`);
  for (const text of adas) if (!tried.includes(text)) broken.push(`"${text}" was written by nobody`);
  return { keptUnsaid: adas.filter((text) => !confirmed.includes(text)).length, broken };
}
