/** What the server keeps and says about people: nothing but a handle they chose to publish. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { toBase64Url, toHex, toUtf8 } from "../../core/base/bytes.ts";
import { idBytes, idFromBytes } from "../../core/base/ids.ts";
import { seal } from "../../core/crypto/seal.ts";
import { LABEL } from "../../core/crypto/labels.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { currentSecret, firstKeys, rotate, stateOf } from "../support/chain-world.ts";
import {
  appendOne,
  connectRaw,
  connectSignedIn,
  createWriter,
  expectFrame,
  nextEntry,
  openRequest,
  signInRequest,
} from "../support/raw-client.ts";
import { createAccountLog, createInbound, pushLink, registerWorld } from "../support/server-account.ts";
import { startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const CANARY = "canary-plaintext-of-a-message";

beforeAll(cryptoReady);

test("[LG18] a dump of database and log lines holds no plaintext and no secret, and the log lines no id at all", async () => {
  const folder = createTemporaryFolder();
  const server = await startServer(folder.path);
  const world = await registerWorld(server.origin, "blind", "dora");
  const client = await connectRaw(server.origin);
  const signedIn = expectFrame(await client.call(signInRequest(client, world)), "signedIn");
  const logId = await createAccountLog(client, world);
  const pen = createWriter(logId, world.random.bytes(32));
  expectFrame(await client.call(openRequest(client, 1, logId, { writer: pen })), "opened");
  const key = world.random.bytes(32);
  const sealed = seal(
    world.random,
    { key, label: LABEL.sealAccountEntry, aad: idBytes(logId) },
    toUtf8(CANARY),
  );
  expect((await appendOne(client, 1, nextEntry(pen, sealed, { epoch: 1 }))).type).toBe("accepted");
  const inbound = await createInbound(client, world);
  const contact = await connectRaw(server.origin);
  const contactPen = createWriter(inbound.logId, world.random.bytes(32));
  expectFrame(
    await contact.call(
      openRequest(contact, 1, inbound.logId, { capability: inbound.key, writer: contactPen }),
    ),
    "opened",
  );
  await appendOne(contact, 1, nextEntry(contactPen, sealed, { kind: 2 }));
  rotate(world);
  expect(await pushLink(server.origin, world)).toBe(null);
  // Faults are what tempts a program to log.
  contact.sendBytes(toUtf8(CANARY));
  await contact.whenClosed;
  const stranger = await connectRaw(server.origin);
  await stranger.call({
    ...signInRequest(stranger, world),
    deviceId: idFromBytes("device", world.random.bytes(16)),
  });
  await fetch(`${server.origin}/v1/handles/dora`);
  await connectSignedIn(server.origin, world);
  const { accountId } = stateOf(world);
  await server.stop();

  const files = readdirSync(folder.path).map((name) => readFileSync(join(folder.path, name)));
  expect(files.length).toBeGreaterThan(0);
  const forms = (bytes: Uint8Array): readonly Buffer[] => [
    Buffer.from(bytes),
    Buffer.from(toHex(bytes)),
    Buffer.from(toBase64Url(bytes)),
    Buffer.from(bytes.toString()),
  ];
  const holds = (haystack: Buffer, needle: Uint8Array): boolean =>
    forms(needle).some((form) => haystack.includes(form));
  const device = firstKeys(world);
  const secrets = {
    plaintext: toUtf8(CANARY),
    "seal key": key,
    "epoch secret": currentSecret(world).secret,
    "device key": device.sign.secretKey.subarray(0, 32),
    "writer key": pen.key.secretKey.subarray(0, 32),
    "writer's public key": pen.key.publicKey,
    "capability key": inbound.key.secretKey.subarray(0, 32),
    "resume token": signedIn.resumeToken ?? new Uint8Array(32),
  };
  for (const [name, secret] of Object.entries(secrets)) {
    for (const file of files) expect(holds(file, secret), `the database holds the ${name}`).toBe(false);
    expect(holds(Buffer.from(server.log()), secret), `the log holds the ${name}`).toBe(false);
  }
  // The search can find: the sealed bytes and the account's id are there.
  expect(files.some((file) => holds(file, sealed))).toBe(true);
  expect(files.some((file) => holds(file, idBytes(accountId)))).toBe(true);
  for (const id of [accountId, device.id, logId, inbound.logId])
    expect(holds(Buffer.from(server.log()), idBytes(id)), "the log names no one").toBe(false);
  expect(server.log()).not.toContain("dora");
  folder.discard();
});
