/** The directory over HTTP: every answer is the right one, a refusal, or misbehaviour. */
import { describe, expect, test } from "vitest";
import { createDirectoryClient } from "../../../../core/client/connection/directory-client.ts";
import { encode } from "../../../../core/codec/shape.ts";
import {
  chainPageShape,
  doneShape,
  handleAnswerShape,
  httpFailureShape,
  rendezvousStateShape,
  serverInfoShape,
} from "../../../../core/protocol/directory.ts";
import type { HttpRequest } from "../../../../core/transport/server-connector.ts";
import { idFromBytes } from "../../../../core/base/ids.ts";
import { accountOf, deviceOf, filled } from "../../../support/messages.ts";
import { createScriptedServer } from "../../../support/scripted-server.ts";

const ORIGIN = "https://dove.example";
const RENDEZVOUS = idFromBytes("rendezvous", filled(4, 16));

function directory(status: number, body: Uint8Array) {
  const server = createScriptedServer();
  const requests: HttpRequest[] = [];
  server.respond = (request) => {
    requests.push(request);
    return { status, body };
  };
  return { client: createDirectoryClient(server.connector, ORIGIN), requests };
}

describe("an answer", () => {
  test("of the right form is the value", async () => {
    const info = {
      versionMin: 1,
      versionMax: 1,
      origin: ORIGIN,
      isRegistrationOpen: true,
      admissionWorkBits: 18,
    };
    expect(await directory(200, encode(serverInfoShape, info)).client.serverInfo()).toEqual({
      ok: true,
      value: info,
    });
    const page = { links: [filled(1, 9)], headSeq: 1 };
    const { client, requests } = directory(200, encode(chainPageShape, page));
    expect(await client.chain(accountOf(1), 7)).toEqual({ ok: true, value: page });
    expect(requests).toEqual([
      { method: "GET", path: `/v1/accounts/${accountOf(1)}/chain?after=7`, body: null, padding: "padme" },
    ]);
  });

  test("for a handle is an account only when it was found", async () => {
    const answer = (isFound: boolean) =>
      directory(200, encode(handleAnswerShape, { isFound, accountId: accountOf(3) })).client.lookUpHandle(
        "ben",
      );
    expect(await answer(true)).toEqual({ ok: true, value: accountOf(3) });
    expect(await answer(false)).toEqual({ ok: true, value: null });
  });

  test("a handle cannot leave its place in the path", async () => {
    const { client, requests } = directory(
      200,
      encode(handleAnswerShape, { isFound: false, accountId: accountOf(3) }),
    );
    await client.lookUpHandle("../accounts?x=1#y");
    expect(requests[0]?.path).toBe("/v1/handles/..%2Faccounts%3Fx%3D1%23y");
  });

  test.each([
    ["of another form", encode(doneShape, { isDone: true })],
    ["that is no CBOR", filled(0xff, 20)],
    ["that is empty", new Uint8Array(0)],
    [
      "with something after it",
      Uint8Array.from([...encode(rendezvousStateShape, { version: 1, message: null }), 0]),
    ],
  ])("%s is misbehaviour", async (_what, body) => {
    const { client } = directory(200, body);
    expect(await client.getRendezvous(RENDEZVOUS, 0)).toMatchObject({
      ok: false,
      error: { type: "ServerMisbehaved" },
    });
    expect(await client.serverInfo()).toMatchObject({ ok: false, error: { type: "ServerMisbehaved" } });
  });
});

describe("a refusal", () => {
  test.each([400, 403, 404, 409, 429, 500, 503])("of status %i has its code", async (status) => {
    const refused = (retryAfterMs: number | null) =>
      directory(status, encode(httpFailureShape, { code: "rate-limited", retryAfterMs })).client;
    expect(await refused(null).claimPreKeys(accountOf(1), [deviceOf(1)])).toEqual({
      ok: false,
      error: { type: "Refused", code: "rate-limited" },
    });
    expect(
      await refused(1_500).appendLink(accountOf(1), { link: filled(1, 9), boxes: null, box: null }),
    ).toEqual({ ok: false, error: { type: "Refused", code: "rate-limited", retryAfterMs: 1_500 } });
  });

  test("without a reason is misbehaviour, such as a proxy's page", async () => {
    expect(await directory(502, new TextEncoder().encode("<html>bad gateway")).client.serverInfo()).toEqual({
      ok: false,
      error: { type: "ServerMisbehaved", why: "answered status 502 without a reason" },
    });
  });
});

test("a server that is not there is unreachable", async () => {
  const client = createDirectoryClient(createScriptedServer().connector, ORIGIN);
  const nobody = { ok: false, error: { type: "ServerUnreachable", origin: ORIGIN, detail: "silent" } };
  expect(await client.serverInfo()).toEqual(nobody);
  expect(await client.putRendezvous(RENDEZVOUS, 0, filled(1, 9))).toEqual(nobody);
  expect(await client.lookUpHandle("ben")).toEqual(nobody);
  expect(
    await client.register({
      genesis: filled(1, 9),
      boxes: filled(1, 9),
      handle: null,
      invitation: null,
      restores: null,
    }),
  ).toEqual(nobody);
});
