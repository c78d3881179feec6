/** The checks of the demo: each is a sentence, and a list of what is wrong with it. */
import { join } from "node:path";
import { readFileSync } from "node:fs";
import { assert, parseStoreKey } from "@dovetail/core";
import { ADA, BEN, devicesOf, GREETING, type Person, THIRD_DEVICE_NAME, type World } from "./cast.ts";
import {
  compareFingerprints,
  compareOrder,
  compareTexts,
  compareTranscripts,
  type DeviceState,
} from "./compare-devices.ts";
import type { DemoServer } from "./demo-processes.ts";
import { NEEDLE_BYTES_MIN, type Needle, needlesOf } from "./find-plaintext.ts";
import { type FolderSearch, searchCanFail, searchFiles } from "./inspect-files.ts";
import { LATE_TAG_NAME } from "./write-to-each-other.ts";

export interface Check {
  readonly name: string;
  /** What differs; none when all is well. */
  readonly failures: readonly string[];
}

const PLANTED = "This sentence was never sent, only planted to be found.";
const STARS_EXPECTED = 2;
const SERVER_DATABASE = "server.sqlite";

/** Compares everything the devices hold with each other and with what was sent. */
export async function checkDevices(world: World): Promise<readonly Check[]> {
  const ada = await statesOf(world.ada, world.conversationId);
  const ben = await statesOf(world.ben, world.conversationId);
  const all = [...ada, ...ben];
  const sentByDevice = new Map(
    [...world.ada.writers, ...world.ben.writers].map(({ deviceId, sent }) => [deviceId, sent]),
  );
  // The greeting went out before the texts.
  const first = world.ada.writers[0];
  if (first !== undefined) sentByDevice.set(first.deviceId, [GREETING, ...first.sent]);
  const alarms = devicesOf(world).flatMap((device) =>
    device.alarms.map(({ type }) => `${device.name} was alarmed: ${type}`),
  );
  return [
    { name: `Ada's ${ada.length} devices hold the same`, failures: compareFingerprints(ada) },
    { name: `Ben's ${ben.length} devices hold the same`, failures: compareFingerprints(ben) },
    {
      name: `all ${all.length} devices show the same messages in the same order`,
      failures: compareTranscripts(all),
    },
    {
      name: `each of the ${world.expected.length} texts is there exactly once, as it was written`,
      failures: all.flatMap((state) => compareTexts(state, world.expected)),
    },
    {
      name: "what one device sent stands in the order in which it was sent",
      failures: all.flatMap((state) => compareOrder(state, sentByDevice)),
    },
    {
      name: "what was marked without a connection is marked everywhere",
      failures: await checkMarks(world, all),
    },
    { name: "no device was alarmed", failures: alarms },
  ];
}

async function statesOf(person: Person, conversationId: string): Promise<readonly DeviceState[]> {
  return Promise.all(
    person.writers.map(async ({ device }) => ({
      name: device.name,
      fingerprint: await device.call("fingerprint", {}),
      transcript: await device.call("transcript", { conversationId }),
    })),
  );
}

/** Stars of both devices, the archive mark, the tag set by hand and the one set by rule, one of the two petnames. */
async function checkMarks(world: World, states: readonly DeviceState[]): Promise<readonly string[]> {
  const failures = states.flatMap(({ name, transcript }) => {
    const stars = transcript.filter(({ isStarred }) => isStarred).length;
    return stars === STARS_EXPECTED ? [] : [`${name} shows ${stars} stars instead of ${STARS_EXPECTED}`];
  });
  for (const device of devicesOf(world)) {
    const own = world.ada.writers.some((writer) => writer.device === device) ? ADA : BEN;
    const other = own === ADA ? BEN : ADA;
    const [conversations, tags] = await Promise.all([
      device.call("conversations", {}),
      device.call("tags", {}),
    ]);
    const conversation = conversations.find(({ id }) => id === world.conversationId);
    const tagNames = new Set(
      tags.filter(({ id }) => conversation?.tagIds.includes(id)).map(({ name }) => name),
    );
    if (conversation?.isArchived !== true)
      failures.push(`${device.name} does not show the conversation as archived`);
    if (!tagNames.has(own.tagName)) failures.push(`${device.name} lacks the tag set by rule`);
    if (!tagNames.has(LATE_TAG_NAME)) failures.push(`${device.name} lacks the tag set by hand`);
    if (conversation?.contact.petname?.startsWith(other.otherPetname) !== true)
      failures.push(`${device.name} shows an old petname`);
  }
  return failures;
}

/** Everything that must not be found outside the devices, in every form that is searched for. */
export function secretNeedles(world: World, folder: string): readonly Needle[] {
  const people = [world.ada, world.ben];
  const names = people.flatMap(({ role }) => [
    role.displayName,
    role.petname,
    role.otherPetname,
    role.tagName,
    ...role.deviceNames,
  ]);
  return [
    ...world.expected.flatMap(({ text }, index) => needlesOf(`text ${index + 1}`, text)),
    ...[...names, THIRD_DEVICE_NAME, LATE_TAG_NAME].flatMap((name) => needlesOf(`name "${name}"`, name)),
    ...people.flatMap(({ role, recoveryWords }) =>
      needlesOf(`recovery words of ${role.first}`, recoveryWords),
    ),
    ...people.flatMap(({ role, writers }) =>
      writers.flatMap((_, index) => {
        const path = join(folder, "profiles", `${role.first.toLowerCase()}-${index + 1}`, "store.key");
        const stored = parseStoreKey(new Uint8Array(readFileSync(path)));
        assert(stored.ok && stored.value.type === "open", "a profile of the demo has no passphrase");
        return needlesOf(`store key ${index + 1} of ${role.first}`, stored.value.key);
      }),
    ),
  ];
}

export interface ServerSearch extends FolderSearch {
  readonly texts: number;
  readonly planted: number;
}

/** Searches all the server has written, and proves that the search would have found something. */
export function searchServer(
  server: DemoServer,
  world: World,
  folder: string,
): { readonly search: ServerSearch; readonly checks: readonly Check[] } {
  const needles = secretNeedles(world, folder);
  const places = [server.dataFolder, server.logPath];
  const search = searchFiles(places, needles);
  const canary = searchCanFail(join(server.dataFolder, SERVER_DATABASE), needlesOf("canary", PLANTED));
  const handles = [ADA.handle, BEN.handle];
  const found = new Set(
    searchFiles(
      places,
      handles.flatMap((handle) => needlesOf(handle, handle)),
    ).findings.map(({ what }) => what),
  );
  const texts = world.expected.filter(({ text }) => Buffer.byteLength(text) >= NEEDLE_BYTES_MIN).length;
  return {
    search: { ...search, texts, planted: canary.planted },
    checks: [
      {
        name: `none of ${texts} texts of ${NEEDLE_BYTES_MIN} bytes or more, of the names and keys stands in what the server wrote`,
        failures: search.findings.map(
          ({ what, form, file, offset }) => `${what} (${form}) stands in ${file} at byte ${offset}`,
        ),
      },
      {
        name: "the search finds what is there: a planted sentence in every form, and both public handles",
        failures: [
          ...(canary.found === canary.planted
            ? []
            : [`of ${canary.planted} planted forms ${canary.found} were found`]),
          ...handles
            .filter((handle) => !found.has(handle))
            .map((handle) => `the public handle ${handle} was not found`),
        ],
      },
    ],
  };
}

/** What lies on the devices' disks is sealed: without the store key no text is there. */
export function searchProfiles(
  world: World,
  folder: string,
): { readonly search: FolderSearch; readonly check: Check } {
  const needles = world.expected.flatMap(({ text }, index) => needlesOf(`text ${index + 1}`, text));
  const search = searchFiles([join(folder, "profiles")], needles);
  const failures = search.findings.map(
    ({ what, form, file, offset }) => `${what} (${form}) stands in ${file} at byte ${offset}`,
  );
  return { search, check: { name: "none of the texts stands in the files of a device", failures } };
}

/** The server's database file. */
export function serverDatabase(server: DemoServer): string {
  return join(server.dataFolder, SERVER_DATABASE);
}
