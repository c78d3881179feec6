import { expect, test } from "vitest";
import {
  homeElsewhere,
  serverLossOf,
  versionGapOf,
  wasDeleted,
} from "../../../app/ui/session/connection-words.ts";
import type { AccountView } from "../../../core/client/views/account-view.ts";
import { PROTOCOL_VERSION } from "../../../core/protocol/version.ts";

type Fault = NonNullable<Parameters<typeof versionGapOf>[0]["lastError"]>;

const away = (lastError: Fault | null) =>
  ({ state: "offline", sinceMs: 0, pendingCount: 0, lastError }) as const;

test("which side is too old follows from the versions the server speaks", () => {
  const speaks = (versionMin: number, versionMax: number) =>
    away({ type: "IncompatibleServer", versionMin, versionMax });
  expect(versionGapOf(speaks(PROTOCOL_VERSION + 1, PROTOCOL_VERSION + 3))).toBe("server-newer");
  expect(versionGapOf(speaks(PROTOCOL_VERSION - 1, PROTOCOL_VERSION - 1))).toBe("server-older");
});

test("a server that is only away is neither", () => {
  expect(versionGapOf(away(null))).toBe(null);
  expect(
    versionGapOf(away({ type: "ServerUnreachable", origin: "http://localhost", detail: "timeout" })),
  ).toBe(null);
});

test("[IN2] [IN6] a server that lost the account, one that was set back and one that is only away are told apart", () => {
  const logId = "log" as Extract<Fault, { type: "LogDistrusted" }>["logId"];
  expect(serverLossOf(away({ type: "Refused", code: "unknown-account" }))).toBe("account");
  const setBack = { type: "LogRolledBack", seenSeq: 9, headSeq: 4 } as const;
  expect(serverLossOf(away({ type: "LogDistrusted", logId, fault: setBack }))).toBe("entries");
  // A fork is no loss: nothing that was put back would end it.
  const forked = { type: "LogForked", seq: 4 } as const;
  expect(serverLossOf(away({ type: "LogDistrusted", logId, fault: forked }))).toBe(null);
  expect(serverLossOf(away({ type: "Refused", code: "unknown-device" }))).toBe(null);
  expect(serverLossOf(away(null))).toBe(null);
});

test("[GW12] an account that has moved is looked for where it went, and only when that server turns this page away", () => {
  const account = { origin: "https://new.example" } as AccountView;
  const forbidden = away({ type: "Refused", code: "forbidden" });
  expect(homeElsewhere(forbidden, account, "https://old.example")).toBe("https://new.example");
  expect(homeElsewhere(forbidden, account, "https://new.example")).toBe(null);
  expect(homeElsewhere(away(null), account, "https://old.example")).toBe(null);
  expect(homeElsewhere(forbidden, null, "https://old.example")).toBe(null);
});

test("an account that was deleted is no loss that can be put back, and an unknown one was not deleted", () => {
  const deleted = away({ type: "Refused", code: "account-deleted" });
  expect([wasDeleted(deleted), serverLossOf(deleted)]).toEqual([true, null]);
  expect(wasDeleted(away({ type: "Refused", code: "unknown-account" }))).toBe(false);
  expect(wasDeleted(away(null))).toBe(false);
});
