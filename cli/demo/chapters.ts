/** The chapters of the demo in order: what is done and what is told of it. */
import { ADA, BEN, devicesOf, type World } from "./cast.ts";
import { type Check, checkDevices, searchProfiles, searchServer, serverDatabase } from "./check-world.ts";
import type { DemoProcesses, DemoServer } from "./demo-processes.ts";
import { measureTables, type TableSize } from "./inspect-files.ts";
import { compareSafetyNumbers, connectPeople, createPerson, linkDevice, makeTagRules } from "./meet.ts";
import type { StoryTeller } from "./story-teller.ts";
import type { StoryText } from "./story-texts.ts";
import { editApart, sendTexts, setNetwork, settle } from "./write-to-each-other.ts";

/** What every chapter has at hand. */
export interface Chapters {
  readonly story: StoryTeller;
  readonly processes: DemoProcesses;
  readonly folder: string;
  readonly texts: readonly StoryText[];
  readonly checks: Check[];
}

/** Accounts, second devices, first contact, rules. */
export async function meet({ story, processes }: Chapters, server: DemoServer): Promise<World> {
  const [ada, ben] = await story.step(
    "accounts",
    () => Promise.all([createPerson(processes, server, ADA), createPerson(processes, server, BEN)]),
    () =>
      `Ada and Ben each made an account, on ${ADA.deviceNames[0]} and ${BEN.deviceNames[0]}. The server knows their public handles and keys.`,
  );
  await story.step(
    "second devices",
    () => Promise.all([ada, ben].map((person) => linkDevice(processes, person, person.role.deviceNames[1]))),
    (links) =>
      `${ADA.deviceNames[1]} and ${BEN.deviceNames[1]} were linked: a code of ${links[0]?.codeChars} characters shown by the one, 6 digits by the other, typed.`,
  );
  const world = await story.step(
    "first contact",
    () => connectPeople(ada, ben),
    () =>
      "Ada asked Ben by his contact link, with a greeting. Ben saw a request and accepted it on his other device.",
  );
  await story.step(
    "safety number",
    () => compareSafetyNumbers(world),
    ({ safetyNumber }) => `Both see the same safety number: ${safetyNumber.replace(/\D/g, "").slice(0, 10)}…`,
  );
  await story.step(
    "rules",
    () => makeTagRules(world),
    () => "Each made a tag and a rule that puts what the other writes under it.",
  );
  return world;
}

/** All texts, with and without cables, until everything has reached everyone. */
export async function writeToEachOther(
  { story, texts }: Chapters,
  world: World,
  source: string,
): Promise<void> {
  const half = Math.ceil(texts.length / 2);
  const quarter = Math.ceil((texts.length - half) / 2);
  const parts = [
    texts.slice(0, half),
    texts.slice(half, half + quarter),
    texts.slice(half + quarter),
  ] as const;
  const all = devicesOf(world);
  const bens = world.ben.writers.map(({ device }) => device);
  const progress = (start: number) => (done: number) => story.progress("writing", start + done, texts.length);
  await story.step(
    "writing",
    () => sendTexts(world, parts[0], progress(0)),
    (it) => `${it.texts} texts written while all are connected, from two devices each (${source}).`,
  );
  await story.step(
    "apart",
    async () => {
      await setNetwork(all, false);
      await editApart(world);
      return sendTexts(world, parts[1], progress(half));
    },
    (it) =>
      `All four cables pulled. ${it.texts} more texts, and both devices of each changed names, stars, tags and archive without knowing of each other.`,
  );
  await story.step(
    "half apart",
    async () => {
      await setNetwork(
        all.filter((device) => !bens.includes(device)),
        true,
      );
      return sendTexts(world, parts[2], progress(half + quarter));
    },
    (it) => `Ada's cables are back, Ben's are not. ${it.texts} more texts by both.`,
  );
  await story.step(
    "together",
    async () => {
      await setNetwork(all, true);
      return settle(world, (done) => story.progress("settling", done, world.expected.length));
    },
    ({ rounds }) =>
      `Everyone is back. Everything has reached everyone, in ${rounds} round${rounds === 1 ? "" : "s"}.`,
  );
}

/** Compares all devices there are. */
export async function compare({ story }: Chapters, world: World, step: string): Promise<readonly Check[]> {
  return story.step(
    step,
    () => checkDevices(world),
    (made) => {
      const failed = made.filter(({ failures }) => failures.length > 0).length;
      return failed === 0
        ? `${devicesOf(world).length} devices compared: the same.`
        : `${devicesOf(world).length} devices compared: ${failed} of ${made.length} checks failed.`;
    },
  );
}

/** Searches and measures what the server wrote, while it runs and after its end; ends all processes. */
export async function inspect(
  { story, folder, checks }: Chapters,
  world: World,
  server: DemoServer,
): Promise<readonly TableSize[]> {
  const running = await story.step(
    "searching the server",
    async () => searchServer(server, world, folder),
    ({ search }) =>
      `${megabytes(search.bytes)} in ${search.files} files of the running server searched for ${search.texts} texts, names and keys, in ${search.planted} forms each: ${search.findings.length} found.`,
  );
  await story.step(
    "stopping",
    async () => {
      await Promise.all(devicesOf(world).map((device) => device.stop()));
      await server.stop();
    },
    () => "All processes ended by themselves.",
  );
  const stopped = await story.step(
    "searching again",
    async () => ({ ...searchServer(server, world, folder), profiles: searchProfiles(world, folder) }),
    ({ search, profiles }) =>
      `${megabytes(search.bytes)} after the server's end: ${search.findings.length} found. ${megabytes(profiles.search.bytes)} in ${profiles.search.files} files of the devices: ${profiles.search.findings.length} found.`,
  );
  checks.push(
    ...running.checks.map(({ name, failures }) => ({ name: `while the server runs: ${name}`, failures })),
  );
  checks.push(...stopped.checks, stopped.profiles.check);
  return story.step(
    "measuring",
    async () => measureTables(serverDatabase(server)),
    (measured) => {
      const bytes = measured.reduce((sum, table) => sum + table.bytes, 0);
      const entries = measured.find(({ table }) => table === "entries")?.bytes ?? 0;
      const texts = world.expected.length;
      return `The server's database holds ${megabytes(bytes)}, of which ${megabytes(entries)} are the sealed entries of ${texts} texts: ${Math.round(entries / texts).toLocaleString("en")} bytes a text.`;
    },
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
