/** Epochs and keys that change by the calendar: several devices, one that was away, clocks that are wrong. */
import { describe, expect, test } from "vitest";
import { EPOCH_ROTATE_MS } from "../../core/base/limits.ts";
import type { ServerConnector } from "../../core/transport/server-connector.ts";
import { createAdjustableClock } from "../support/adjustable-clock.ts";
import { good, linkedDevice, memoryPlatform, newAccount } from "../support/client-world.ts";
import { type Device, reopened, settle, stopAll, tablesOf } from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";
import { createSwitchedConnector } from "../support/switched-connector.ts";

const DAY_MS = 86_400_000;
const TEN_YEARS_MS = 3_652 * DAY_MS;
const server = useStoryServer();
let people = 0;

/** An account with a laptop and a tablet, each with a clock of its own. */
async function adaWithTwo() {
  people++;
  const clocks = [createAdjustableClock(), createAdjustableClock()] as const;
  const laptop = await newAccount(server.origin, `cal${people}`, memoryPlatform({ clock: clocks[0] }));
  good(await laptop.client.sync());
  const tablet = await linkedDevice(laptop.client, "tablet", memoryPlatform({ clock: clocks[1] }));
  await settle(laptop, tablet);
  const pass = (byMs: number): void => {
    for (const clock of clocks) clock.adjust(byMs);
  };
  return { laptop, tablet, clocks, pass };
}

const epochOf = async ({ client }: Device): Promise<number> => good(await client.account()).epoch;
const seqOf = async ({ client }: Device): Promise<number> => good(await client.account()).chainSeq;
const kemSeedOf = async (device: Device): Promise<string> =>
  good(await tablesOf(device).profile.get())?.seeds.kem.join() ?? "";

describe("[CA1] an epoch", () => {
  test("[CA3] of a week ends once, whichever devices are there, even when they are at the same moment", async () => {
    const { laptop, tablet, pass } = await adaWithTwo();
    pass(EPOCH_ROTATE_MS - DAY_MS);
    await settle(laptop, tablet);
    expect(await epochOf(laptop)).toBe(1);
    pass(2 * DAY_MS);
    await Promise.all([laptop.client.sync(), tablet.client.sync()]);
    await settle(laptop, tablet);
    expect([await epochOf(laptop), await epochOf(tablet)]).toEqual([2, 2]);
    good(await laptop.client.createTag("in the second"));
    await settle(laptop, tablet);
    expect(good(await tablet.client.tags())).toHaveLength(1);
    await stopAll(laptop, tablet);
  });

  test("[CA4] a device that was away for months reads all of them, and what it wrote before is not lost", async () => {
    const { laptop, tablet, pass } = await adaWithTwo();
    good(await tablet.client.createTag("written away"));
    const written: string[] = [];
    for (let week = 1; week <= 9; week++) {
      pass(EPOCH_ROTATE_MS + DAY_MS);
      good(await laptop.client.createTag(`week ${week}`));
      good(await laptop.client.sync());
      written.push(`week ${week}`);
    }
    expect(await epochOf(laptop)).toBe(10);
    await settle(tablet, laptop);
    const names = async ({ client }: Device) => good(await client.tags()).map(({ name }) => name);
    expect(await names(tablet)).toEqual([...written, "written away"]);
    expect(await names(laptop)).toEqual(await names(tablet));
    await stopAll(laptop, tablet);
  });

  test("[CA2] does not end because a clock jumps by ten years, there and back and there again", async () => {
    const { laptop, tablet, clocks } = await adaWithTwo();
    const before = await seqOf(laptop);
    for (let jump = 0; jump < 4; jump++) {
      clocks[0].adjust(jump % 2 === 0 ? TEN_YEARS_MS : -TEN_YEARS_MS);
      good(await laptop.client.createTag(`jump ${jump}`));
      await settle(laptop, tablet);
    }
    clocks[0].adjust(-TEN_YEARS_MS);
    await settle(laptop, tablet);
    expect([await epochOf(laptop), await seqOf(laptop)]).toEqual([1, before]);
    expect(good(await tablet.client.tags())).toHaveLength(4);
    await stopAll(laptop, tablet);
  });
});

describe("[CA5] the X-Wing key of a device", () => {
  test("[CA6] is replaced each month; the old one is gone, and boxes open with the new one", async () => {
    const { laptop, tablet, pass } = await adaWithTwo();
    const first = await kemSeedOf(laptop);
    for (let week = 0; week < 5; week++) {
      pass(EPOCH_ROTATE_MS);
      await settle(laptop, tablet);
    }
    const second = await kemSeedOf(laptop);
    expect(second).not.toBe(first);
    expect(good(await tablesOf(laptop).nextKem.get())).toBeNull();
    good(await tablet.client.rotateEpoch());
    good(await tablet.client.createTag("under the new key"));
    await settle(tablet, laptop);
    expect(await epochOf(laptop)).toBe(await epochOf(tablet));
    await stopAll(laptop);
    const again = await reopened(laptop.platform);
    good(await tablet.client.rotateEpoch());
    await settle(again, tablet);
    expect(await epochOf(again)).toBe(await epochOf(tablet));
    expect(await kemSeedOf(again)).toBe(second);
    await stopAll(again, tablet);
  });

  test("[CA6] whose link is there and whose answer is lost opens what is sealed to it, after a restart too", async () => {
    const { laptop, tablet, pass } = await adaWithTwo();
    const first = await kemSeedOf(laptop);
    await stopAll(laptop);
    const switched = createSwitchedConnector(laptop.platform.connector);
    const isUpdating = async () => good(await tablesOf(laptop).nextKem.get()) !== null;
    // The link with the next key reaches the server; from then on nothing comes back.
    const connector: ServerConnector = {
      connect: switched.connect,
      async request(origin, request) {
        const answer = await switched.request(origin, request);
        const isLink = request.path.endsWith("/links") && request.method === "POST";
        if (isLink && (await isUpdating())) switched.switch(false);
        return switched.isOn() ? answer : switched.request(origin, request);
      },
    };
    const cut = await reopened({ ...laptop.platform, connector });
    for (let week = 0; week < 5 && switched.isOn(); week++) {
      pass(EPOCH_ROTATE_MS);
      await settle(tablet);
      await cut.client.sync();
    }
    expect(switched.isOn()).toBe(false);
    expect(await kemSeedOf(laptop)).toBe(first);
    await stopAll(cut);
    good(await tablet.client.rotateEpoch());
    good(await tablet.client.createTag("sealed to the new key"));
    await settle(tablet);
    const again = await reopened(laptop.platform);
    await settle(again, tablet);
    expect(good(await again.client.tags())).toHaveLength(1);
    expect(await kemSeedOf(again)).not.toBe(first);
    await stopAll(again, tablet);
  });
});
