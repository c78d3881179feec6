/** Another server is looked at before an account moves there. */
import { expect, test } from "vitest";
import { err, ok, type Result } from "../../../core/base/result.ts";
import { type Looking, lookAtServer } from "../../../core/client/reseed/look-at-server.ts";
import type { DirectoryClient } from "../../../core/client/connection/directory-client.ts";
import type { ServerError } from "../../../core/client/connection/gateway.ts";
import type { ServerInfo } from "../../../core/protocol/directory.ts";
import { PROTOCOL_VERSION } from "../../../core/protocol/version.ts";
import { createWorld, stateOf, TEST_ORIGIN } from "../../support/chain-world.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";

await cryptoReady();
const state = stateOf(createWorld("who looks"));
const INFO = { versionMin: 1, versionMax: PROTOCOL_VERSION, isRegistrationOpen: true, admissionWorkBits: 4 };
const NEXT = "https://next.example";

/** Servers by every address they answer at. */
function among(
  servers: Readonly<Record<string, Partial<ServerInfo> & { readonly knows?: boolean }>>,
): Looking {
  const at = (origin: string): DirectoryClient => {
    const server = servers[origin];
    const absent: ServerError = { type: "ServerUnreachable", origin, detail: "test" };
    const answer = <T>(value: T): Result<T, ServerError> => (server === undefined ? err(absent) : ok(value));
    return {
      serverInfo: async () => answer({ ...INFO, origin, ...server }),
      chain: async () =>
        server?.knows === true
          ? answer({ links: [], headSeq: 1 })
          : err({ type: "Refused", code: "unknown-account" }),
    } as unknown as DirectoryClient;
  };
  const identity = { accountId: state.accountId, origin: TEST_ORIGIN };
  return { identity, chain: () => state, directory: at } as unknown as Looking;
}

test("[IN10] a server says whether it speaks the same, lets in, and knows the account", async () => {
  const servers = among({
    [TEST_ORIGIN]: { knows: true },
    [NEXT]: { isRegistrationOpen: false },
    "https://back.example": { knows: true },
  });
  const seen = { origin: NEXT, isHome: false, knowsAccount: false, isRegistrationOpen: false };
  expect(await lookAtServer(servers, NEXT)).toEqual(ok(seen));
  expect(await lookAtServer(servers, TEST_ORIGIN)).toMatchObject(ok({ isHome: true, knowsAccount: true }));
  expect(await lookAtServer(servers, "https://back.example")).toMatchObject(ok({ knowsAccount: true }));
});

test("[IN10] one of other versions, one that is not there and what is no address are told apart", async () => {
  const newer = { versionMin: PROTOCOL_VERSION + 1, versionMax: PROTOCOL_VERSION + 1 };
  const servers = among({ [NEXT]: newer, "https://older.example": { versionMin: 0, versionMax: 0 } });
  expect(await lookAtServer(servers, NEXT)).toEqual(err({ type: "IncompatibleServer", ...newer }));
  expect(await lookAtServer(servers, "https://older.example")).toMatchObject(
    err({ type: "IncompatibleServer" }),
  );
  for (const address of ["https://nobody.example", "next.example", "https://next.example/"])
    expect(await lookAtServer(servers, address)).toMatchObject(
      err({ type: "ServerUnreachable", origin: address }),
    );
});

test("[IN10] a server of several addresses goes by the first, and one that names another's is refused", async () => {
  const liar = "https://liar.example";
  const servers = among({
    [NEXT]: {},
    "https://alias.example": { origin: NEXT },
    [liar]: { origin: "https://named.example" },
    "https://named.example": { origin: NEXT },
    [TEST_ORIGIN]: { origin: "https://first.example", knows: true },
    "https://first.example": { knows: true },
  });
  expect(await lookAtServer(servers, "https://alias.example")).toMatchObject(ok({ origin: NEXT }));
  expect(await lookAtServer(servers, liar)).toMatchObject(err({ type: "ServerMisbehaved" }));
  // Under another address the home is still the home.
  expect(await lookAtServer(servers, "https://first.example")).toMatchObject(ok({ isHome: true }));
});
