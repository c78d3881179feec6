/** Files and words that a person hands over: backups, exports, the file of a store key, searches, command lines. */
import { type Bytes, concatBytes, toBase64Url, toUtf8 } from "../../../core/base/bytes.ts";
import { encodeProof } from "../../../core/messenger/exported/export-proof.ts";
import { createBackupReader, createBackupWriter } from "../../../core/log/backup/backup-file.ts";
import { createBackupHead, parseBackupHead } from "../../../core/log/backup/backup-head.ts";
import { parsePassphrase } from "../../../core/crypto/passphrase.ts";
import { formatContactsFile, parseContactsFile } from "../../../core/messenger/exported/contacts-file.ts";
import { createMessagesReader } from "../../../core/messenger/exported/messages-file.ts";
import { parseSearchDate } from "../../../core/messenger/search/search-date.ts";
import { parseSearchQuery } from "../../../core/messenger/search/search-query.ts";
import { createRecoveryKey, recoveryKeysFrom } from "../../../core/sigchain/keys/recovery-key.ts";
import { encodeOpenStoreKey, parseStoreKey, wrapStoreKey } from "../../../core/store/store-key.ts";
import { parseRepoMessage } from "../../../core/document/direct/repo-message.ts";
import { CommanderError } from "commander";
import { usageFailure, usageText } from "../../../cli/help/usage-failure.ts";
import { createProgramTree } from "../../../cli/program.ts";
import { createCommandStreams } from "../../support/command-streams.ts";
import { must } from "../../support/chain-world.ts";
import { accountOf, filled, messageOp } from "../../support/messages.ts";
import {
  argumentsOf,
  type FuzzSeed,
  type FuzzTarget,
  TAKEN,
  textOf,
  type Verdict,
  verdictOf,
  verdictOfNullable,
} from "../fuzz-target.ts";
import type { Command } from "commander";

const CHEAP = { memoryBytes: 8_192, passes: 1 };

const backups: FuzzTarget = {
  name: "backups",
  about: "the file of a backup, read in pieces, and its head",
  prepare(random) {
    const keys = recoveryKeysFrom(createRecoveryKey(random));
    const writer = createBackupWriter(random, { type: "recovery", keys });
    const file = concatBytes(
      writer.head,
      writer.write({
        type: "start",
        accountId: accountOf(1),
        origin: "https://dove.example",
        handle: "ada",
        displayName: "Ada",
        createdAtMs: 1,
        documentCount: 1,
      }),
      writer.write({
        type: "part",
        document: { type: "inbox" },
        heads: [filled(2)],
        index: 0,
        count: 1,
        bytes: filled(3),
      }),
      writer.write({ type: "end", documentCount: 1, frameCount: 2 }),
    );
    const read = (input: Bytes): Verdict => {
      const reader = createBackupReader();
      const step = 1 + (input[20] ?? 0) * 40;
      for (let at = 0; at < input.length; at += step) {
        reader.push(input.subarray(at, at + step));
        for (;;) {
          const event = reader.next();
          if (!event.ok) return verdictOf(event);
          if (event.value === null) break;
          const unlocked = event.value.type === "locked" ? reader.unlock({ type: "recovery", keys }) : null;
          if (unlocked?.ok === false) return verdictOf(unlocked);
        }
      }
      return verdictOf(reader.finish());
    };
    const passphrase = must(parsePassphrase("open sesame"));
    const head = (input: Bytes) => verdictOf(parseBackupHead(input, 0));
    return {
      seeds: [
        { bytes: file, form: "bytes", feed: read },
        { bytes: createBackupHead(random, { type: "recovery", keys }).frame, form: "cbor", feed: head },
        {
          bytes: createBackupHead(random, { type: "passphrase", passphrase }, CHEAP).frame,
          form: "cbor",
          feed: head,
        },
      ],
    };
  },
};

const exported: FuzzTarget = {
  name: "exports",
  about: "exported contacts and messages, as lines that anybody may have edited",
  words: [
    '{"type":"message"',
    '{"type":"end","messages":1}',
    '"op":null',
    '"proof":null',
    "\n",
    "\ufeff",
    "null",
    '"__proto__":{}',
  ],
  prepare() {
    const head = { account: accountOf(1), name: "Ada", exportedAtMs: 1 };
    const proof = { epoch: 1, mac: filled(8) };
    const contact = {
      accountId: accountOf(2),
      origin: "https://dove.example",
      handle: null,
      name: "Ben",
      petname: null,
      notes: "notes",
      state: "accepted" as const,
      addedAtMs: 1,
      verified: { atMs: 2, safetyNumber: Array.from({ length: 12 }, () => "01234").join(" "), proof },
    };
    const op = messageOp({}, "hello");
    const lines = [
      { type: "export", version: 1, exportedAtMs: 1, account: { accountId: accountOf(1), name: "Ada" } },
      { type: "conversation", id: "c" },
      {
        type: "message",
        id: op.id,
        author: op.op.author,
        text: "hello",
        op: toBase64Url(op.bytes),
        proof: toBase64Url(encodeProof(proof)),
      },
      { type: "end", conversations: 1, messages: 1 },
    ];
    const readMessages = (input: Bytes): Verdict => {
      const reader = createMessagesReader();
      for (const line of textOf(input).split("\n")) {
        const read = reader.read(line);
        if (!read.ok) return verdictOf(read);
      }
      return verdictOf(reader.finish());
    };
    return {
      seeds: [
        {
          bytes: toUtf8(
            formatContactsFile(head, [contact, { ...contact, accountId: accountOf(3), verified: null }]),
          ),
          form: "text",
          feed: (input) => verdictOf(parseContactsFile(textOf(input))),
        },
        {
          bytes: toUtf8(lines.map((line) => JSON.stringify(line)).join("\n")),
          form: "text",
          feed: readMessages,
        },
      ],
    };
  },
};

const stored: FuzzTarget = {
  name: "store-keys",
  about: "the file of a profile's store key, and what an own device's repository sends",
  prepare(random) {
    const ends = { sender: "a", target: "b" };
    const passphrase = must(parsePassphrase("open sesame"));
    const wrapped = wrapStoreKey(random, { storeKey: random.bytes(32), passphrase }, CHEAP);
    const key = (input: Bytes) => verdictOf(parseStoreKey(input));
    // {type: "sync", senderId: "a", targetId: "b", documentId: "d", data: h'010203'}
    const message =
      "a5647479706564 73796e63 6873656e6465724964 6161 687461726765744964 6162 6a646f63756d656e744964 6164 6464617461 43010203";
    return {
      seeds: [
        { bytes: encodeOpenStoreKey(random.bytes(32)), form: "cbor", feed: key },
        { bytes: wrapped, form: "cbor", feed: key },
        { bytes: random.bytes(32), form: "bytes", feed: key },
        {
          bytes: new Uint8Array(Buffer.from(message.replaceAll(" ", ""), "hex")),
          form: "bytes",
          feed: (input) => verdictOf(parseRepoMessage(input, ends)),
        },
      ],
    };
  },
};

const searches: FuzzTarget = {
  name: "searches",
  about: "what is typed into a search, and dates in it",
  words: [
    "from:",
    "in:",
    "tag:",
    "before:",
    "after:",
    "has:link",
    '"',
    "(",
    ")",
    "-",
    " OR ",
    " AND ",
    "*",
    "2026-11-21",
    "yesterday",
    "7d",
  ],
  prepare() {
    const query = (text: string): FuzzSeed => ({
      bytes: toUtf8(text),
      form: "text",
      feed: (input) => verdictOf(parseSearchQuery(textOf(input))),
    });
    return {
      seeds: [
        query("hello world"),
        query('from:ada "exact words" -not (one OR two) has:link before:2026-01-01'),
        {
          bytes: toUtf8("2026-11-21"),
          form: "text",
          feed: (input) => verdictOfNullable(parseSearchDate(textOf(input))),
        },
      ],
    };
  },
};

const COMMAND_LINES = [
  "--json --profile work send ada hello there",
  "inbox list --tag kin --unread",
  "inbox search from:ada hello --limit 3",
  "account create --handle ada --server http://127.0.0.1:8787",
  "room create garden",
  "backup create file.backup",
  "server start --port 8787 --data folder",
  "sync --watch",
  "help inbox",
  "--version",
];

const commands: FuzzTarget = {
  name: "commands",
  about: "command lines: each is understood, or refused with words and what to do next",
  words: [
    "--json",
    "--profile",
    "--limit",
    "-1",
    "--",
    "--no-color",
    "--yes",
    "--help",
    "-V",
    "inbox",
    "room",
    "=",
    "99999999999",
  ],
  prepare() {
    // Made once: its help for every command takes longer than reading a line.
    const program = createProgramTree(createCommandStreams({}, 80).streams);
    keepFromRunning(program);
    const feed = async (input: Bytes): Promise<Verdict> => {
      const args = argumentsOf(textOf(input));
      try {
        await program.parseAsync(args, { from: "user" });
        return TAKEN;
      } catch (thrown) {
        if (!(thrown instanceof CommanderError)) throw thrown;
        if (thrown.exitCode !== 0) usageText(usageFailure(program, args, thrown));
        return thrown.exitCode === 0 ? TAKEN : thrown.code;
      }
    };
    return { seeds: COMMAND_LINES.map((line) => ({ bytes: toUtf8(line), form: "text", feed })) };
  },
};

/** What a command would do is not done: only its line is read. */
function keepFromRunning(command: Command): void {
  command.action(() => {});
  for (const one of command.commands) keepFromRunning(one);
}

export const FILE_TARGETS: readonly FuzzTarget[] = [backups, exported, stored, searches, commands];
