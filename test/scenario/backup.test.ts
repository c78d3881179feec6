/** Backups: written, looked through, and brought back into an account that has lost what they hold. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type BackupKey, type Client, recoverAccount, toUtf8, verifyBackup } from "@dovetail/core";
import { present } from "../../core/base/assert.ts";
import { backupSecretOf } from "../../core/client/backup/backup-secret.ts";
import { createBackupReader } from "../../core/log/backup/backup-file.ts";
import { BACKUP_KEY, backUp, readThrough } from "../support/backup-files.ts";
import { bad, engineReady, good, linkedDevice, memoryPlatform, newAccount } from "../support/client-world.ts";
import { type LocalServer, startLocalServer } from "../support/server-in-process.ts";
import { plainChanges } from "../support/scan-device.ts";
import {
  alarmsOf,
  createFriends,
  expectSameState,
  fingerprintOf,
  settle,
  tablesOf,
  textsOf,
} from "../support/story.ts";

let server: LocalServer;
beforeAll(async () => {
  await engineReady();
  server = await startLocalServer();
});
afterAll(() => server.close());
const opened: Client[] = [];
afterEach(async () => {
  for (const client of opened.splice(0)) await client.stop();
});
function keep<T extends { readonly client: Client }>(device: T): T {
  opened.push(device.client);
  return device;
}

describe("a backup", () => {
  test("[BK7] [BK8] is whole as it says, and holds no key of a device or an epoch", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.whole", "ben.whole"]);
    keep(ada);
    keep(ben);
    good(await ada.client.send(conversationId, "In the backup"));
    const file = await backUp(ada);
    const report = good(await readThrough(verifyBackup(BACKUP_KEY), file));
    expect(report).toMatchObject({ displayName: "ada.whole", handle: "ada.whole", origin: server.origin });
    expect(report.documents).toBeGreaterThan(3);
    expect(report.ops).toBeGreaterThan(2);
    const flipped = file.slice();
    flipped[file.length >> 1] = (flipped[file.length >> 1] ?? 0) ^ 1;
    expect(bad(await readThrough(verifyBackup(BACKUP_KEY), flipped)).type).toBe("BackupDamaged");
    expect(bad(await readThrough(verifyBackup(BACKUP_KEY), file.subarray(0, -5))).type).toBe(
      "BackupTruncated",
    );
    const other: BackupKey = { type: "passphrase", passphrase: toUtf8("between two stones") };
    expect(bad(await readThrough(verifyBackup(other), file)).type).toBe("WrongBackupSecret");
    const secrets = good(await tablesOf(ada).epoch.scan()).map(({ value }) => value.secret);
    const profile = good(await tablesOf(ada).profile.get());
    const plain = plainOf(file);
    for (const secret of [...secrets, ...Object.values(profile?.seeds ?? {})])
      if (secret instanceof Uint8Array) expect(plain.includes(Buffer.from(secret))).toBe(false);
    expect(plain.includes("In the backup")).toBe(true);
  });

  test("[BK10] [BK11] with the recovery words it makes a new device on an empty machine, with all there was before anything of the server's is read", async () => {
    const platform = memoryPlatform();
    const ada = await newAccount(server.origin, "ada.lost", platform);
    const ben = keep(await newAccount(server.origin, "ben.lost"));
    const { conversationId } = good(await ada.client.addContact(good(await ben.client.contactLink())));
    await settle(ada, ben);
    const [request] = good(await ben.client.contacts());
    good(await ben.client.acceptContact(present(request, "the request has come").accountId));
    await settle(ada, ben);
    for (let n = 0; n < 20; n++) good(await ada.client.send(conversationId, `Kept ${n}`));
    good(await ben.client.send(conversationId, "And Ben's"));
    await settle(ada, ben);
    const key: BackupKey = { type: "words", words: ada.recoveryWords };
    const texts = await textsOf(ada, conversationId);
    const { view } = await fingerprintOf(ada.client);
    const file = await backUp(ada, key);
    const { accountId } = good(await ada.client.account());
    await ada.client.stop();
    const fresh = memoryPlatform();
    const client = good(
      await recoverAccount(fresh, {
        origin: server.origin,
        account: { type: "id", accountId },
        words: ada.recoveryWords,
        deviceName: "new laptop",
        keepsDevices: false,
      }),
    );
    const restored = keep({ client, platform: fresh });
    // Before anything of the server's was read.
    const report = good(await readThrough(await client.restoreBackup(key), file));
    expect(report.accountId).toBe(accountId);
    expect(await textsOf(restored, conversationId)).toEqual(texts);
    good(await client.sync());
    const alarms = alarmsOf(restored);
    await settle(restored, ben);
    expect(await textsOf(restored, conversationId)).toEqual(texts);
    expect((await fingerprintOf(client)).view).toBe(view);
    good(await client.send(conversationId, "Back again"));
    await settle(restored, ben, restored);
    expect((await textsOf(ben, conversationId)).at(-1)).toBe("Back again");
    expect(good(await client.devices()).filter(({ isActive }) => isActive)).toHaveLength(1);
    expect(alarms).toEqual([]);
  });

  test("[BK11] brings back what is missing on all devices, and nothing that was deleted since", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.some", "ben.some"]);
    keep(ada);
    keep(ben);
    const phone = keep(await linkedDevice(ada.client, "phone"));
    const { id } = good(await ada.client.send(conversationId, "To be deleted"));
    good(await ada.client.send(conversationId, "To stay"));
    await settle(ada, phone, ben);
    const file = await backUp(phone, BACKUP_KEY);
    good(await ada.client.deleteMessages(conversationId, [id]));
    good(await ada.client.send(conversationId, "After the backup"));
    await settle(ada, phone, ben);
    good(await readThrough(await phone.client.restoreBackup(BACKUP_KEY), file));
    await settle(ada, phone);
    for (const device of [ada, phone])
      expect(await textsOf(device, conversationId)).toEqual(["To stay", "After the backup"]);
    await expectSameState(ada, phone);
  });

  test("[BK12] of another account changes nothing; [BK3] words of another account lock none", async () => {
    const eve = keep(await newAccount(server.origin, "eve.backup"));
    const ada = keep(await newAccount(server.origin, "ada.other"));
    const file = await backUp(eve, BACKUP_KEY);
    const before = await fingerprintOf(ada.client);
    expect(bad(await readThrough(await ada.client.restoreBackup(BACKUP_KEY), file))).toEqual({
      type: "BackupOfAnotherAccount",
    });
    expect(await fingerprintOf(ada.client)).toEqual(before);
    expect(bad(await ada.client.createBackup({ type: "words", words: eve.recoveryWords }))).toEqual({
      type: "WrongRecoveryKey",
    });
    expect(bad(await ada.client.createBackup({ type: "words", words: "one two" })).type).toBe(
      "BadRecoveryWords",
    );
  });
});

/** All that is sealed in a backup, opened. */
function plainOf(file: Uint8Array): Buffer {
  const reader = createBackupReader();
  const parts: Uint8Array[] = [];
  reader.push(file);
  for (let event = good(reader.next()); event !== null; event = good(reader.next())) {
    if (event.type === "locked") good(reader.unlock(good(backupSecretOf(BACKUP_KEY))));
    if (event.type === "part") parts.push(event.bytes, plainChanges(event.bytes));
  }
  return Buffer.concat(parts);
}
