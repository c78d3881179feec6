/** What the length of a message shows on the wire, with each setting of a device's padding. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Padding } from "@dovetail/core";
import { good, memoryPlatform } from "../support/client-world.ts";
import { type FrameTap, startFrameTap } from "../support/frame-tap.ts";
import { createFriends, reopened, settle, stopAll, textsOf } from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();
let tap: FrameTap;

beforeAll(async () => {
  tap = await startFrameTap(server.origin);
});
afterAll(() => tap.close());

/** Counters in a frame take a byte more as they grow; that is no length of a text. */
const COUNTER_BYTES = 12;
/** What asks, answers or acknowledges is smaller, whatever is said. */
const ENTRY_FRAME_BYTES_MIN = 300;

test("[CR5] on the socket, a text's length shows with padding off, hardly with PADMÉ, and not with fixed sizes", {
  timeout: 120_000,
}, async () => {
  const platform = memoryPlatform({ connector: tap.connector });
  const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.pad", "ben.pad"], {
    ada: platform,
  });
  const texts = ["x", "y".repeat(40), "z".repeat(700)];

  /** Sizes of the two entries a text leaves in: to the own account log, and to the other side. */
  async function framesOf(text: string): Promise<readonly number[]> {
    const before = tap.sizes().length;
    good(await ada.client.send(conversationId, text));
    await settle(ada, ben);
    const entries = tap
      .sizes()
      .slice(before)
      .filter((size) => size >= ENTRY_FRAME_BYTES_MIN);
    return entries.slice(0, 2);
  }
  async function sizesWith(padding: Padding): Promise<readonly (readonly number[])[]> {
    good(await ada.client.setPadding(padding));
    // What is sealed already has its size.
    await settle(ada, ben);
    const sizes: (readonly number[])[] = [];
    for (const text of texts) sizes.push(await framesOf(text));
    return sizes;
  }

  const off = await sizesWith("off");
  const padme = await sizesWith("padme");
  const fixed = await sizesWith("fixed");
  for (const entry of ["account log", "inbound log"].keys()) {
    const [short = 0, medium = 0, long = 0] = off.map((sizes) => sizes[entry] ?? 0);
    expect(medium - short).toBeGreaterThanOrEqual(39);
    expect(long - medium).toBeGreaterThanOrEqual(660);

    const [padmeShort = 0, , padmeLong = 0] = padme.map((sizes) => sizes[entry] ?? 0);
    expect(padmeShort).toBeGreaterThan(short);
    expect(padmeLong).toBeGreaterThan(padmeShort);

    const fixedSizes = fixed.map((sizes) => sizes[entry] ?? 0);
    expect(Math.max(...fixedSizes) - Math.min(...fixedSizes)).toBeLessThanOrEqual(COUNTER_BYTES);
    expect(Math.min(...fixedSizes)).toBeGreaterThan(padmeLong);
  }

  // Readers need not know the setting, and it is the device's after a start too.
  expect(await textsOf(ben, conversationId)).toEqual([...texts, ...texts, ...texts]);
  good(await ada.client.stop());
  const again = await reopened(platform);
  expect(good(await again.client.padding())).toBe("fixed");
  await stopAll(again, ben);
});
