/** Where a passphrase comes from, and that what is typed is not shown. */
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { err, ok, type Passphrase, type Result } from "@dovetail/core";
import { createPassphrases } from "../../../cli/passphrases.ts";
import { createPrompts } from "../../../cli/prompts.ts";

interface Terminal {
  type(text: string): void;
  shown(): string;
  isRaw(): boolean;
  readonly rawModes: boolean[];
  readonly streams: Parameters<typeof createPrompts>[0];
}

function createTerminal(): Terminal {
  const rawModes: boolean[] = [];
  let shown = "";
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (isRaw: boolean) => void rawModes.push(isRaw),
  });
  const stderr = Object.assign(new PassThrough(), { isTTY: true });
  stderr.on("data", (part: Buffer) => {
    shown += part.toString();
  });
  return {
    type: (text) => void stdin.write(text),
    shown: () => shown,
    isRaw: () => rawModes.at(-1) === true,
    rawModes,
    streams: { stdin, stderr },
  };
}

function passphrasesAt(
  terminal: Terminal,
  env: Readonly<Record<string, string>> = {},
  interrupted = new AbortController().signal,
) {
  const prompts = createPrompts(terminal.streams);
  const descriptors = { descriptor: undefined, nextDescriptor: undefined };
  return createPassphrases({ env, ...descriptors, prompts, say: () => {}, interrupted });
}

const KEY = new Uint8Array([1]);
const opensWith =
  (right: string) =>
  (tried: Passphrase): Result<Uint8Array, { readonly type: "WrongPassphrase" }> =>
    Buffer.from(tried).toString() === right ? ok(KEY) : err({ type: "WrongPassphrase" });

test("[ST59] what is typed at a terminal is not shown, and the terminal is as before afterwards", async () => {
  const terminal = createTerminal();
  const opening = passphrasesAt(terminal).unlock(opensWith("grün 42"), "ada");
  terminal.type("grüm\x7fn");
  terminal.type(" 42\x1b");
  terminal.type("\r");
  expect(await opening).toEqual({ ok: true, value: KEY });
  expect(terminal.shown()).toBe("Passphrase of profile ada: \n");
  expect(terminal.rawModes).toEqual([true, false]);
});

test("[ST59] a letter that comes in two parts is one letter", async () => {
  const terminal = createTerminal();
  const opening = passphrasesAt(terminal).unlock(opensWith("é"), "ada");
  terminal.streams.stdin.push(Buffer.from([0xc3]));
  await new Promise((resolve) => setTimeout(resolve, 5));
  terminal.streams.stdin.push(Buffer.from([0xa9, 0x0d]));
  expect(await opening).toMatchObject({ ok: true });
});

test("[ST59] there are three tries at a terminal, and one elsewhere", async () => {
  const third = createTerminal();
  const opening = passphrasesAt(third).unlock(opensWith("right"), "ada");
  third.type("wrong\rwrong too\rright\r");
  expect(await opening).toMatchObject({ ok: true });
  const wrong = createTerminal();
  const failing = passphrasesAt(wrong).unlock(opensWith("right"), "ada");
  wrong.type("a\rb\rc\rright\r");
  expect(await failing).toEqual({ ok: false, error: { type: "WrongPassphrase", profile: "ada" } });
  const given = passphrasesAt(createTerminal(), { DOVETAIL_PASSPHRASE: "wrong" });
  expect(await given.unlock(opensWith("right"), "ada")).toMatchObject({ error: { type: "WrongPassphrase" } });
});

test.each(["\x03", "half\x04"])("[ST59] giving up is no passphrase", async (typed) => {
  const terminal = createTerminal();
  const opening = passphrasesAt(terminal).unlock(opensWith("half"), "ada");
  terminal.type(typed);
  expect(await opening).toEqual({ ok: false, error: { type: "Cancelled" } });
  expect(terminal.isRaw()).toBe(false);
});

test("[ST59] a signal ends a question that waits", async () => {
  const controller = new AbortController();
  const opening = passphrasesAt(createTerminal(), {}, controller.signal).unlock(opensWith("right"), "ada");
  controller.abort();
  expect(await opening).toEqual({ ok: false, error: { type: "Interrupted" } });
});

test("[ST59] nothing is echoed from before the question appears", async () => {
  const terminal = createTerminal();
  const order: string[] = [];
  const { stdin, stderr } = terminal.streams;
  Object.assign(stdin, { setRawMode: (isRaw: boolean) => void order.push(isRaw ? "raw" : "cooked") });
  stderr.write = (text: string) => order.push(text) > 0;
  const opening = passphrasesAt(terminal).unlock(opensWith("a"), "ada");
  terminal.type("a\r");
  await opening;
  expect(order).toEqual(["raw", "Passphrase of profile ada: ", "cooked", "\n"]);
});

test("[ST59] a new one is typed twice, and both must be the same", async () => {
  const same = createTerminal();
  const choosing = passphrasesAt(same).chooseNext();
  same.type("one\rone\r");
  expect(await choosing).toMatchObject({ ok: true });
  expect(same.shown()).not.toContain("one");
  const different = createTerminal();
  const failing = passphrasesAt(different).chooseNext();
  different.type("one\rtwo\r");
  expect(await failing).toEqual({ ok: false, error: { type: "PassphrasesDiffer" } });
});

test("passphrases are wiped when the command ends", async () => {
  const passphrases = passphrasesAt(createTerminal(), { DOVETAIL_PASSPHRASE: "right" });
  await passphrases.unlock(opensWith("right"), "ada");
  expect(passphrases.used()).toHaveLength(5);
  passphrases.wipe();
  expect(passphrases.used()).toEqual(new Uint8Array(5));
});

test("a question at a terminal that does not know its size stands on one line", async () => {
  const terminal = createTerminal();
  Object.assign(terminal.streams.stderr, { columns: 0 });
  const asked = createPrompts(terminal.streams).confirm("Is that you?");
  terminal.type("y\n");
  expect(await asked).toBe(true);
  expect(terminal.shown()).toContain("Is that you? [y/N]");
});
