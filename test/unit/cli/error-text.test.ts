import { describe, expect, test } from "vitest";
import { idFromBytes } from "../../../core/base/ids.ts";
import { type AccountId, type Alarm, type MalformedWords, parseId } from "@dovetail/core";
import {
  adviseOnAlarm,
  describeAlarm,
  describeFound,
  exitCodeOfAlarms,
} from "../../../cli/errors/alarm-text.ts";
import type { CliError } from "../../../cli/errors/command-error.ts";
import { describeError } from "../../../cli/errors/error-text.ts";
import { EXIT } from "../../../cli/errors/exit-code.ts";
import { describeLinkingRule } from "../../../cli/errors/linking-text.ts";
import type { RefusalCode } from "../../../cli/errors/refusal-text.ts";

type Samples = { readonly [T in CliError["type"]]: Extract<CliError, { readonly type: T }> };

const HOSTILE = "\x1b[2Jno\u202e";

function account(): AccountId {
  const id = parseId("account", "ab".repeat(32));
  if (!id.ok) throw new Error("the sample is an id");
  return id.value;
}

function log() {
  const id = parseId("log", "ef".repeat(32));
  if (!id.ok) throw new Error("the sample is an id");
  return id.value;
}

function document() {
  const id = parseId("document", "01".repeat(16));
  if (!id.ok) throw new Error("the sample is an id");
  return id.value;
}

/** One of each type: a new error does not compile here until it is added. */
const SAMPLES: Samples = {
  Usage: { type: "Usage", message: "the option is unknown", hint: "see the help" },
  NeedsTerminal: { type: "NeedsTerminal", what: "an answer", hint: "give --yes" },
  NoAccount: { type: "NoAccount", profile: "default" },
  AccountExists: { type: "AccountExists", profile: "default" },
  BoxesMissing: { type: "BoxesMissing" },
  ProfileInUse: { type: "ProfileInUse" },
  NotFound: { type: "NotFound", what: "contact", query: HOSTILE, similar: [HOSTILE] },
  Ambiguous: { type: "Ambiguous", what: "contact", query: HOSTILE, candidates: [HOSTILE, "Ben"] },
  FileRefused: { type: "FileRefused", path: HOSTILE, detail: "EACCES" },
  FileUnreadable: { type: "FileUnreadable", path: HOSTILE, detail: "ENOENT" },
  NotAnExport: { type: "NotAnExport", what: "contacts" },
  ExportVersionUnknown: { type: "ExportVersionUnknown", version: 2, versionMax: 1 },
  BadExportLine: { type: "BadExportLine", line: 3, field: HOSTILE, rule: "missing" },
  ExportCutOff: { type: "ExportCutOff", line: 3 },
  ExportTooLarge: { type: "ExportTooLarge", lines: 3, linesMax: 2 },
  ImportUnproven: { type: "ImportUnproven", index: 3, rule: "not-proven" },
  NotKnownOnly: { type: "NotKnownOnly" },
  Cancelled: { type: "Cancelled" },
  MetricsNotServed: { type: "MetricsNotServed", host: "127.0.0.1", port: 9_465, detail: HOSTILE },
  Interrupted: { type: "Interrupted" },
  DemoFailed: { type: "DemoFailed", failures: [HOSTILE], folder: null },
  ServerProgramFailed: { type: "ServerProgramFailed", detail: HOSTILE },
  NotifierMissing: { type: "NotifierMissing", program: HOSTILE },
  NotifierFailed: { type: "NotifierFailed", program: HOSTILE, detail: HOSTILE },
  ProfileExists: { type: "ProfileExists", profile: HOSTILE },
  BadProfileName: { type: "BadProfileName", profile: HOSTILE },
  NoProfile: { type: "NoProfile", profile: "default" },
  ProfileBusy: {
    type: "ProfileBusy",
    profile: "default",
    owner: { pid: 4711, startedAtMs: 0, socket: null },
  },
  ProfileNotServed: {
    type: "ProfileNotServed",
    profile: HOSTILE,
    owner: { pid: 4711, startedAtMs: 0, socket: null },
    why: "OwnerSilent",
  },
  MessageNotKept: { type: "MessageNotKept" },
  DaemonNotRunning: { type: "DaemonNotRunning", profile: HOSTILE },
  DaemonFailed: { type: "DaemonFailed", detail: HOSTILE },
  DaemonTurnedAway: { type: "DaemonTurnedAway" },
  ProfileExposed: { type: "ProfileExposed", path: "profile", mode: 0o644 },
  StoreKeyDamaged: { type: "StoreKeyDamaged", path: "profile" },
  StoreKeyTooNew: { type: "StoreKeyTooNew", version: 2, versionMax: 1 },
  PassphraseNeeded: { type: "PassphraseNeeded", profile: "default" },
  WrongPassphrase: { type: "WrongPassphrase", profile: "default" },
  PassphrasesDiffer: { type: "PassphrasesDiffer" },
  HandleTakenThere: { type: "HandleTakenThere", origin: HOSTILE },
  PassphraseUnreadable: { type: "PassphraseUnreadable", descriptor: HOSTILE, detail: "EBADF" },
  PassphraseEmpty: { type: "PassphraseEmpty" },
  PassphraseTooLong: { type: "PassphraseTooLong", sizeBytes: 1_025, sizeBytesMax: 1_024 },
  PassphraseNotText: { type: "PassphraseNotText" },
  ProfileDamaged: { type: "ProfileDamaged", chunks: 1 },
  RekeyRefused: { type: "RekeyRefused", detail: "ENOSPC" },
  StoreKeyMissing: { type: "StoreKeyMissing", path: "profile" },
  ProfileUnavailable: { type: "ProfileUnavailable", path: "profile", detail: "EACCES" },
  StoreForeign: { type: "StoreForeign", applicationId: 1 },
  StoreTooNew: { type: "StoreTooNew", schemaVersion: 9, schemaVersionMax: 1 },
  ProfileOutdated: { type: "ProfileOutdated", layout: 0, layoutNow: 1 },
  ProfileTooNew: { type: "ProfileTooNew", layout: 2, layoutNow: 1 },
  StoreDamaged: { type: "StoreDamaged", detail: "sqlite-26" },
  StoreBusy: { type: "StoreBusy" },
  StoreUnavailable: { type: "StoreUnavailable", detail: "sqlite-13" },
  StoreCorrupt: { type: "StoreCorrupt", key: "op" },
  StoreConflict: { type: "StoreConflict", key: "op" },
  DocumentDamaged: { type: "DocumentDamaged", id: document(), chunks: 1 },
  DocumentIncomplete: { type: "DocumentIncomplete", id: document(), missingHeads: 2 },
  DocumentStorageUnavailable: { type: "DocumentStorageUnavailable", id: document(), detail: "ENOSPC" },
  MalformedChanges: { type: "MalformedChanges", id: document() },
  EditRefused: { type: "EditRefused", id: document() },
  DocumentEngineFailed: { type: "DocumentEngineFailed", id: document() },
  DocumentsClosed: { type: "DocumentsClosed" },
  ClientStopped: { type: "ClientStopped" },
  PeerUnreachable: { type: "PeerUnreachable", address: HOSTILE, detail: HOSTILE },
  DirectUnavailable: { type: "DirectUnavailable" },
  DirectLost: { type: "DirectLost" },
  DirectStranger: { type: "DirectStranger" },
  DirectRefused: { type: "DirectRefused", why: "revoked-device" },
  DirectRefusedByPeer: { type: "DirectRefusedByPeer", why: "revoked-device" },
  OwnerGone: { type: "OwnerGone" },
  ServerUnreachable: { type: "ServerUnreachable", origin: HOSTILE, detail: HOSTILE },
  NotOnline: { type: "NotOnline" },
  IncompatibleServer: { type: "IncompatibleServer", versionMin: 2, versionMax: 3 },
  Refused: { type: "Refused", code: "rate-limited", retryAfterMs: 1_500 },
  ServerMisbehaved: { type: "ServerMisbehaved", why: HOSTILE },
  SnapshotDistrusted: { type: "SnapshotDistrusted", rule: "NoneHolds" },
  LogDistrusted: { type: "LogDistrusted", logId: log(), fault: { type: "LogForked", seq: 7 } },
  ChainDistrusted: { type: "ChainDistrusted", accountId: account(), rule: HOSTILE },
  EpochUnavailable: { type: "EpochUnavailable", epoch: 3, rule: HOSTILE },
  DeviceRevoked: { type: "DeviceRevoked" },
  DeviceRolledBack: { type: "DeviceRolledBack", logId: log() },
  UnknownContact: { type: "UnknownContact" },
  UnknownDevice: { type: "UnknownDevice" },
  NoPasskeyRecovery: { type: "NoPasskeyRecovery" },
  PasskeyOfAnotherAccount: { type: "PasskeyOfAnotherAccount" },
  BadRecoveryWords: { type: "BadRecoveryWords", why: { type: "WrongChecksum" } },
  WrongRecoveryKey: { type: "WrongRecoveryKey" },
  AccountMoved: { type: "AccountMoved", origin: "https://next.example" },
  UnknownConversation: { type: "UnknownConversation" },
  NotABackup: { type: "NotABackup" },
  BackupTooNew: { type: "BackupTooNew", version: 2, versionMax: 1 },
  BackupDamaged: { type: "BackupDamaged", atByte: 1_234 },
  BackupTruncated: { type: "BackupTruncated", atByte: 1_234 },
  WrongBackupSecret: { type: "WrongBackupSecret", lock: "passphrase" },
  BackupOfAnotherAccount: { type: "BackupOfAnotherAccount" },
  UnknownMessage: { type: "UnknownMessage" },
  NotYourMessage: { type: "NotYourMessage" },
  TooManyMessages: { type: "TooManyMessages", count: 1_001, countMax: 1_000 },
  HistoryIncomplete: { type: "HistoryIncomplete" },
  UnknownAlarm: { type: "UnknownAlarm" },
  UnknownTag: { type: "UnknownTag" },
  UnknownRoom: { type: "UnknownRoom" },
  NotInvited: { type: "NotInvited" },
  NotInRoom: { type: "NotInRoom" },
  RoomForbids: { type: "RoomForbids", rule: HOSTILE },
  RoomRefused: { type: "RoomRefused", rule: HOSTILE },
  RoomTooLarge: { type: "RoomTooLarge" },
  RoomFull: { type: "RoomFull", accountsMax: 1_000 },
  BadRoomLink: { type: "BadRoomLink", rule: HOSTILE },
  BadRoomLifetime: { type: "BadRoomLifetime" },
  BadRoomHistory: { type: "BadRoomHistory" },
  UnknownRoomLink: { type: "UnknownRoomLink" },
  UnknownRoomDocument: { type: "UnknownRoomDocument" },
  RoomDocumentRefused: { type: "RoomDocumentRefused", rule: "full" },
  UnknownHandle: { type: "UnknownHandle", handle: HOSTILE },
  BadHandle: { type: "BadHandle", handle: HOSTILE },
  BadContactCode: { type: "BadContactCode", rule: HOSTILE },
  ContactIsSelf: { type: "ContactIsSelf" },
  ContactExists: { type: "ContactExists", accountId: account() },
  NotARequest: { type: "NotARequest" },
  NotBlocked: { type: "NotBlocked" },
  SafetyNumberDiffers: { type: "SafetyNumberDiffers", accountId: account() },
  BadSafetyNumber: { type: "BadSafetyNumber", digitsMin: 60 },
  MessageTooLong: { type: "MessageTooLong", sizeBytes: 40_000, sizeBytesMax: 32_768 },
  MessageEmpty: { type: "MessageEmpty" },
  NameTooLong: { type: "NameTooLong", sizeBytes: 300, sizeBytesMax: 256 },
  NoPreKeys: { type: "NoPreKeys", accountId: account() },
  BadSearch: { type: "BadSearch", rule: "UnknownFilter", position: 3, word: HOSTILE },
  SearchNameUnknown: {
    type: "SearchNameUnknown",
    filter: "from",
    name: HOSTILE,
    position: 0,
    isAmbiguous: false,
    names: [HOSTILE],
  },
  SearchUnavailable: { type: "SearchUnavailable", detail: HOSTILE },
  BadSearchCursor: { type: "BadSearchCursor" },
  LinkingFailed: { type: "LinkingFailed", rule: "WrongCode" },
};

/** Words of a tone we do not have, and what a missing field looks like. */
const UNWANTED = /oops|please|sorry|!|undefined|NaN|\[object|null/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const DANGEROUS = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/u;
const CODES: ReadonlySet<number> = new Set(Object.values(EXIT).filter((code) => code !== EXIT.ok));

describe("describeError", () => {
  test.each(Object.values(SAMPLES))("says what $type is, and what to do", (error) => {
    const { text, hint, exitCode } = describeError(error);
    expect(text.length).toBeGreaterThan(10);
    expect(`${text} ${hint ?? ""}`).not.toMatch(UNWANTED);
    expect(`${text} ${hint ?? ""}`).not.toMatch(DANGEROUS);
    expect(text).toMatch(/^[^A-Z].*[^.]$/su);
    expect(CODES).toContain(exitCode);
    if (error.type !== "Cancelled" && error.type !== "Interrupted") expect(hint).not.toBeNull();
  });

  test.each([
    ["Usage", EXIT.usage],
    ["ServerUnreachable", EXIT.serverUnreachable],
    ["Refused", EXIT.refused],
    ["UnknownContact", EXIT.notFound],
    ["UnknownDevice", EXIT.notFound],
    ["ContactExists", EXIT.conflict],
    ["ProfileBusy", EXIT.conflict],
    ["LogDistrusted", EXIT.distrusted],
    ["ChainDistrusted", EXIT.distrusted],
    ["DeviceRevoked", EXIT.deviceLost],
    ["DeviceRolledBack", EXIT.deviceLost],
    ["StoreUnavailable", EXIT.storage],
    ["StoreCorrupt", EXIT.storage],
    ["WrongPassphrase", EXIT.locked],
    ["PassphraseNeeded", EXIT.locked],
    ["Interrupted", EXIT.interrupted],
  ] as const)("%s ends with %i", (type, exitCode) => {
    expect(describeError(SAMPLES[type]).exitCode).toBe(exitCode);
  });

  test("exit codes are those scripts were promised", () => {
    expect(EXIT).toEqual({
      ok: 0,
      failure: 1,
      usage: 2,
      serverUnreachable: 3,
      refused: 4,
      notFound: 5,
      conflict: 6,
      distrusted: 7,
      deviceLost: 8,
      storage: 9,
      locked: 10,
      incomplete: 11,
      interrupted: 130,
    });
  });

  test("names who holds a profile", () => {
    expect(describeError(SAMPLES.ProfileBusy).text).toContain("process 4711");
  });

  test("rounds the wait a server asks for up", () => {
    expect(describeError(SAMPLES.Refused).hint).toContain("2 seconds");
  });

  test.each([
    ["handle-taken", EXIT.conflict],
    ["revoked-device", EXIT.deviceLost],
    ["writer-seq", EXIT.deviceLost],
    ["seq-out-of-range", EXIT.distrusted],
    ["unknown-account", EXIT.notFound],
    ["registration-closed", EXIT.refused],
    ["internal", EXIT.refused],
  ] satisfies readonly (readonly [RefusalCode, number])[])(
    "a refusal with %s ends with %i",
    (code, exitCode) => {
      expect(describeError({ type: "Refused", code }).exitCode).toBe(exitCode);
    },
  );
});

describe("describeLinkingRule", () => {
  test("a wrong code is an alarm: somebody may stand between", () => {
    expect(describeLinkingRule("WrongCode")).toMatchObject({ exitCode: EXIT.distrusted });
    expect(describeLinkingRule("WrongCode").text).toContain("nothing was linked");
  });

  test("a word it does not know is shown, not hidden, and harmless", () => {
    expect(describeLinkingRule(`New${HOSTILE}`).text).toBe(
      String.raw`nothing was linked (New\x1b[2Jno\u{202e})`,
    );
    expect(describeLinkingRule("toString").exitCode).toBe(EXIT.failure);
  });
});

test("[EP22] of words that are no recovery key it is said what is wrong with them, and no word", () => {
  const said = (why: MalformedWords) => {
    const { text, hint, exitCode } = describeError({ type: "BadRecoveryWords", why });
    expect(exitCode).toBe(EXIT.usage);
    return `${text}; ${hint}`;
  };
  expect(said({ type: "WrongWordCount", found: 23 })).toBe(
    "a recovery key has 24 words; here are 23; type all of them in their order, with spaces",
  );
  expect(said({ type: "UnknownWord", position: 7 })).toBe(
    "word 7 is no word of a recovery key; check its spelling: all of them are short English words, in small letters",
  );
  expect(said({ type: "WrongChecksum" })).toBe(
    "each of the words may be right, but together they are no recovery key; one is another than was shown, or two are swapped",
  );
});

describe("alarms", () => {
  test("end a command with the gravest code", () => {
    expect(exitCodeOfAlarms([])).toBe(EXIT.ok);
    expect(exitCodeOfAlarms([{ type: "EntryRefused", logId: log(), seq: 1, rule: "x" }])).toBe(EXIT.ok);
    expect(exitCodeOfAlarms([{ type: "ChainsDisagree", accountId: account() }])).toBe(EXIT.distrusted);
    expect(
      exitCodeOfAlarms([{ type: "ChainsDisagree", accountId: account() }, { type: "DeviceRevoked" }]),
    ).toBe(EXIT.deviceLost);
  });

  test("name a device, a rule and what to do when devices do not agree", () => {
    const device = idFromBytes("device", new Uint8Array(16).fill(0xab));
    const differ = { type: "DevicesDiffer", device } as const;
    expect(describeAlarm(differ)).toContain("abababab");
    expect(exitCodeOfAlarms([differ])).toBe(EXIT.distrusted);
    const stale = { type: "FrontierDistrusted", device, rule: HOSTILE } as const;
    expect(describeAlarm(stale)).not.toMatch(DANGEROUS);
    expect(describeAlarm(stale)).toContain("sync --verify");
    expect(exitCodeOfAlarms([stale])).toBe(EXIT.distrusted);
  });

  test.each([
    ["Stale", "an older word of device abababab", "`dovetail sync` on that device"],
    ["Twofold", "device abababab has said two things", "use it in one place only"],
  ])("say what a device's word that is %s means, in words and not by the rule", (rule, what, todo) => {
    const device = idFromBytes("device", new Uint8Array(16).fill(0xab));
    const told = describeAlarm({ type: "FrontierDistrusted", device, rule });
    expect(told).toContain(what);
    expect(told).toContain(todo);
    expect(told).not.toContain(rule);
  });

  test.each([
    [1, "1 hour"],
    [47, "47 hours"],
    [48, "2 days"],
    [1_459, "61 days"],
    [1_460, "2 months"],
    [17_531, "24 months"],
    [17_532, "2 years"],
    [87_648, "10 years"],
  ])("tell of a clock that is %i hours off as %s, and what to do", (hours, span) => {
    const ahead = { type: "ClockDiffers", hours, isAhead: true } as const;
    expect(describeAlarm(ahead)).toContain(`${span} ahead of its server's`);
    expect(describeAlarm({ ...ahead, isAhead: false })).toContain(`${span} behind its server's`);
    expect(adviseOnAlarm(ahead)).toContain("Set the date and time");
    expect(exitCodeOfAlarms([ahead])).toBe(EXIT.ok);
  });

  test("say of a log that ends before what was read how the account is put back, and of a fork not", () => {
    const of = (fault: Extract<Alarm, { readonly type: "LogDistrusted" }>["fault"]) =>
      adviseOnAlarm({ type: "LogDistrusted", logId: log(), fault });
    expect(of({ type: "LogRolledBack", seenSeq: 6, headSeq: 4 })).toContain("`dovetail server reseed`");
    expect(of({ type: "LogForked", seq: 4 })).not.toContain("reseed");
  });

  test("say of many that they are many, in one sentence", () => {
    const entry = (seq: number) =>
      ({ type: "EntryRefused", logId: log(), seq, rule: "UnknownKind" }) as const;
    const of = (count: number) =>
      describeFound({ alarm: entry(1), latest: entry(count), count, rules: ["UnknownKind", HOSTILE] });
    expect(of(1)).toBe(describeAlarm(entry(1)));
    expect(of(5_000)).toMatch(/^5000 entries of a log were refused \(UnknownKind, /);
    expect(of(5_000)).not.toMatch(DANGEROUS);
    const gap = (seq: number) =>
      ({ type: "LogDistrusted", logId: log(), fault: { type: "LogForked", seq } }) as const;
    const forked = describeFound({ alarm: gap(1), latest: gap(7), count: 3, rules: ["LogForked"] });
    expect(forked).toContain("(3 such faults were found)");
    expect(forked).toContain("7");
  });

  test("say what was found, harmlessly", () => {
    expect(describeAlarm({ type: "EntryRefused", logId: log(), seq: 12, rule: HOSTILE })).not.toMatch(
      DANGEROUS,
    );
    expect(
      describeAlarm({
        type: "LogDistrusted",
        logId: log(),
        fault: { type: "LogRolledBack", seenSeq: 9, headSeq: 4 },
      }),
    ).toContain("has read 9 and the log now ends at 4");
  });
});
