/** Streams that come before anything is known of who dials. */
import { beforeAll, expect, test } from "vitest";
import { DIRECT_SESSIONS_MAX } from "../../../core/base/limits.ts";
import { ok } from "../../../core/base/result.ts";
import { createDirectSync, type DirectSyncDeps } from "../../../core/client/direct/direct-sync.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { automergeReady } from "../../../core/document/automerge.ts";
import type { PeerConnector } from "../../../core/transport/peer-connector.ts";
import { createAccountWorld, firstDevice, must } from "../../support/account-device.ts";

beforeAll(async () => {
  await cryptoReady();
  await automergeReady();
});

test("[DS9] DIRECT_SESSIONS_MAX streams are open, also where more come at the same moment", async () => {
  const { context, log, documents } = (await firstDevice(createAccountWorld("direct"))).running;
  let accept: Parameters<PeerConnector["listen"]>[1] | null = null;
  const connector: PeerConnector = {
    dial: () => Promise.reject(new Error("nobody dials")),
    async listen(_address, accepting) {
      accept = accepting;
      return ok({ addresses: [], close: () => {} });
    },
  };
  const conversations = {} as DirectSyncDeps["conversations"];
  const direct = createDirectSync({ context, log, documents, conversations, connector, emit: () => {} });
  must(await direct.listen("127.0.0.1:0"));
  let closed = 0;
  const come = () => accept?.({ send: () => {}, close: () => void closed++ });
  for (let nth = 0; nth < DIRECT_SESSIONS_MAX; nth++) come();
  expect(closed).toBe(0);
  come();
  expect(closed).toBe(1);
  await direct.stop();
});
