/**
 * An account with a long conversation, in a folder: the server's data and one device. Writing it takes minutes, so it can be kept
 * and measured again; whoever measures takes a copy, because a measurement changes it.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Client, type ConversationId, openClient, type Platform, toHex } from "@dovetail/core";
import { present } from "../../core/base/assert.ts";
import { fromHex } from "../../core/base/bytes.ts";
import { freePort } from "../support/free-port.ts";
import { good, newAccount } from "../support/client-world.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { benchPlatform } from "./bench-device.ts";

const ACCOUNT_FILE = "account.json";
const SYNC_EVERY = 500;

interface Written {
  readonly messages: number;
  readonly port: number;
  readonly conversationId: ConversationId;
  readonly storeKey: string;
}

export interface WrittenAccount {
  readonly messages: number;
  readonly conversationId: ConversationId;
  readonly server: ServerProcess;
  /** The device that wrote all of it. */
  readonly client: Client;
}

/** A copy in `folder` of the account kept in `kept`, which is written there if it is not there yet. */
export async function copyWritten(kept: string, folder: string, messages: number): Promise<WrittenAccount> {
  if (!existsSync(join(kept, ACCOUNT_FILE))) await write(kept, messages);
  cpSync(kept, folder, { recursive: true });
  const written: Written = JSON.parse(readFileSync(join(folder, ACCOUNT_FILE), "utf8"));
  if (written.messages !== messages) throw new Error(`${kept} has ${written.messages} messages`);
  const server = await serve(folder, written.port);
  const platform = benchPlatform(folder, "ada", fromHex(written.storeKey));
  const client = present(good(await openClient(platform)), "there is an account");
  good(await client.sync());
  return { messages, conversationId: written.conversationId, server, client };
}

async function write(folder: string, messages: number): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const server = await serve(folder, port);
  const platform: Platform = benchPlatform(folder, "ada");
  try {
    const { client } = await newAccount(server.origin, "ada", platform);
    const ben = await newAccount(server.origin, "ben", benchPlatform(folder, "ben"));
    good(await ben.client.sync());
    const { conversationId } = good(await client.addContact(good(await ben.client.contactLink())));
    good(await client.sync());
    await ben.client.stop();
    for (let i = 0; i < messages; i++) {
      const text = `Message ${i}: some words of the usual length for a chat between two people.`;
      good(await client.send(conversationId, text));
      if (i % SYNC_EVERY === SYNC_EVERY - 1) good(await client.sync());
    }
    good(await client.sync());
    await client.stop();
    const written: Written = { messages, port, conversationId, storeKey: toHex(platform.storeKey) };
    writeFileSync(join(folder, ACCOUNT_FILE), JSON.stringify(written));
  } finally {
    await server.stop();
  }
}

function serve(folder: string, port: number): Promise<ServerProcess> {
  const origin = `http://localhost:${port}`;
  return startServer(join(folder, "server"), [
    ...["--port", String(port), "--origin", origin],
    ...["--open", "--rate-factor", "1000"],
  ]);
}
