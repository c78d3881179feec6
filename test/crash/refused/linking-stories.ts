/** Linking a device where the disk of the old one refuses a write, or that of the new one, which then loads a snapshot. */
import { deepEqual, equal, ok as isTrue } from "node:assert/strict";
import { type Client, joinAccount, openClient, type Platform } from "@dovetail/core";
import { createSystemClock } from "../../../core/base/clock.ts";
import { silentLogger } from "../../../core/base/logger.ts";
import { ok, type Result } from "../../../core/base/result.ts";
import { openSqliteStore } from "../../../sync-server/store/sqlite/sqlite-store.ts";
import { good, memoryPlatform } from "../../support/client-world.ts";
import { createRefusingDevice } from "../../support/refusing-disk.ts";
import { startLocalServer } from "../../support/server-in-process.ts";
import { createFriends, type Device, expectSameState, settle, tablesOf } from "../../support/story.ts";
import { expectTexts, stopped } from "./expect-whole.ts";
import { type RefusedStory, refuseEachWrite, type Told, waysOf, writesOf } from "./refuse-each-write.ts";

const SILENT_MS = 2_592_000_000;
const TAIL_ENTRIES = 4;

/** As a person does it: until something is refused. */
async function link(host: Client, platform: Platform, deviceName: string): Promise<Told> {
  const shown = await host.linkDevice();
  if (!shown.ok) return shown;
  const guest = await joinAccount(platform, { code: shown.value.code, deviceName });
  if (!guest.ok) {
    await shown.value.cancel();
    return guest;
  }
  const digits = await guest.value.accept();
  if (!digits.ok) return digits;
  const answered = await shown.value.whenAnswered;
  if (!answered.ok) return answered;
  const [confirmed, linked] = await Promise.all([
    shown.value.confirm(digits.value.digits),
    guest.value.whenLinked(),
  ]);
  return confirmed.ok ? linked : confirmed;
}

/** Opens the profile of the new device; one that is on no chain yet is linked. */
async function opened(host: Client, platform: Platform, name: string): Promise<Device> {
  const client = await openClient(platform);
  if (client.ok && client.value !== null) return { client: client.value, platform };
  good(client as Result<unknown, unknown>);
  good(await link(host, platform, name));
  const linked = good(await openClient(platform));
  if (linked === null) throw new Error("a linked profile has an account");
  return { client: linked, platform };
}

async function activeNames({ client }: Device): Promise<readonly (string | null)[]> {
  return good(await client.devices())
    .filter((device) => device.isActive)
    .map(({ name }) => name);
}

export const LINKING_STORIES: readonly RefusedStory[] = [
  {
    name: "linking a device from one whose disk refuses a write",
    async play(origin, isLong) {
      const disk = createRefusingDevice();
      const { ada, ben, conversationId } = await createFriends(origin, ["ada.host", "ben.host"], {
        ada: disk.boot(),
      });
      good(await ben.client.send(conversationId, "hello"));
      await settle(ben, ada);
      let platform = memoryPlatform();
      const { device, ...report } = await refuseEachWrite(disk, ada, {
        isLong,
        act: {
          async prepare() {
            platform = memoryPlatform();
          },
          act: ({ client }, label) => link(client, platform, `phone ${label}`),
          async verify(now, label) {
            const phone = await opened(now.client, platform, `phone ${label}`);
            await settle(now, phone, ben);
            await expectTexts(conversationId, ["hello"], now, phone);
            await expectSameState(now, phone);
            deepEqual([...(await activeNames(phone))].sort(), ["ada.host 1", `phone ${label}`]);
            const id = good(await phone.client.devices()).find(({ isThis }) => isThis)?.id;
            if (id !== undefined) good(await now.client.revokeDevice(id));
            await stopped(phone);
          },
        },
      });
      await stopped(device, ben);
      return report;
    },
  },
  {
    name: "[SN26] linking a device whose disk refuses a write, until it has loaded a snapshot",
    async play(_, isLong) {
      const store = good(openSqliteStore(":memory:", silentLogger));
      const server = await startLocalServer({ snapshotGraceMs: 1e12 }, store);
      const platformOf = () => memoryPlatform({ snapshotTailEntries: TAIL_ENTRIES });
      const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.guest", "ben.guest"], {
        ada: platformOf(),
      });
      const sent: string[] = [];
      for (let i = 0; i < 4 * TAIL_ENTRIES; i++) {
        good(await ben.client.send(conversationId, `message ${i}`));
        sent.push(`message ${i}`);
        await settle(ben, ada);
      }
      const nowMs = createSystemClock().nowMs() + 1;
      isTrue(good(await store.reclaim({ nowMs, graceMs: 0, silentMs: SILENT_MS })).entries > 0);
      const broken: string[] = [];
      let played = 0;
      for (const write of writesOf(isLong)) {
        let isAnyRefused = false;
        for (const way of waysOf(isLong, played)) {
          const name = `phone ${write}${way.isForGood ? "-" : ""}${way.isCutOff ? " cut" : ""}`;
          const disk = createRefusingDevice();
          let platform = disk.boot();
          disk.refuseAt(write, way.isForGood);
          const linked = await link(ada.client, platform, name);
          const first = linked.ok ? await openClient(platform) : ok(null);
          if (first.ok) await first.value?.sync();
          isAnyRefused = disk.allow() || isAnyRefused;
          played++;
          try {
            if (way.isCutOff) {
              disk.cut();
              platform = disk.boot();
            }
            const isOpen = first.ok && first.value !== null && !way.isCutOff;
            const phone =
              isOpen && first.value !== null
                ? { client: first.value, platform }
                : await opened(ada.client, platform, name);
            await settle(phone, ada);
            await expectTexts(conversationId, sent, phone);
            await expectSameState(phone, ada);
            equal(good(await tablesOf(phone).restore.scan()).length, 0);
            equal((await activeNames(ada)).filter((one) => one === name).length, 1);
            equal((await activeNames(ada)).length, 2);
            const id = good(await phone.client.devices()).find(({ isThis }) => isThis)?.id;
            if (id !== undefined) good(await ada.client.revokeDevice(id));
            await stopped(phone);
          } catch (thrown) {
            const said = linked.ok ? "linked" : linked.error.type;
            broken.push(`${name}, ${said}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
            break;
          }
        }
        if (!isAnyRefused || broken.length > 0) break;
      }
      await stopped(ada, ben);
      await server.close();
      return { played, broken };
    },
  },
];
