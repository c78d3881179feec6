import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { GATEWAY_PATH, GATEWAY_SUBPROTOCOL } from "@dovetail/core";
import { createNetworkSwitch } from "../../../cli/demo/network-switch.ts";
import { HTTP_PATH_CHARS } from "../../../core/base/limits.ts";
import { padFrame, paddedFrameLength } from "../../../core/protocol/frame-padding.ts";
import { createWebConnector, RESPONSE_BYTES_MAX } from "../../../core/transport/web-connector.ts";

/** Longer than any answer takes on a machine with other work. */
const connector = createWebConnector({ timeoutMs: 30_000 });
/** For what never answers. */
const hasty = createWebConnector({ timeoutMs: 400 });
const ignore = { onFrame: () => {}, onClose: () => {} };
const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function portOf(server: {
  listen(port: number, host: string, ready: () => void): unknown;
  address(): unknown;
}): Promise<number> {
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (
    typeof address !== "object" ||
    address === null ||
    !("port" in address) ||
    typeof address.port !== "number"
  )
    throw new Error("no port");
  return address.port;
}

async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ origin: string; server: Server }> {
  const server = createServer(answer);
  const port = await portOf(server);
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { origin: `http://127.0.0.1:${port}`, server };
}

/** A gateway that says back what it hears, with a subprotocol or another. */
async function serveGateway(subprotocol: string) {
  const { origin, server } = await serve((_, response) => response.end());
  const gateway = new WebSocketServer({ server, path: GATEWAY_PATH, handleProtocols: () => subprotocol });
  gateway.on("connection", (socket) =>
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })),
  );
  closing.push(() => gateway.close());
  return { origin, gateway };
}

const get = (path: string) => ({ method: "GET", path, body: null, padding: "off" }) as const;

describe("requests", () => {
  test("bring back status and bytes, also of a refusal", async () => {
    const { origin } = await serve((request, response) => {
      response.statusCode = request.url === "/v1/no" ? 403 : 200;
      request.pipe(response);
    });
    const body = Uint8Array.of(0, 255, 7);
    expect(
      await connector.request(origin, { method: "POST", path: "/v1/echo", body, padding: "off" }),
    ).toEqual({
      ok: true,
      value: { status: 200, body },
    });
    expect(await connector.request(origin, get("/v1/no"))).toMatchObject({
      ok: true,
      value: { status: 403 },
    });
  });

  describe("[DI19] with padding", () => {
    const body = new Uint8Array(7).fill(1);
    const padded = (["padme", "fixed"] as const).map((padding) => ({ padding }));

    test.each(padded)(
      "$padding: of path and body no length shows, and the answer's is taken off",
      async ({ padding }) => {
        const seen: { readonly url: string | undefined; readonly bytes: number }[] = [];
        const { origin } = await serve((request, response) => {
          const parts: Buffer[] = [];
          request.on("data", (part: Buffer) => parts.push(part));
          request.on("end", () => {
            const content = Buffer.concat(parts);
            seen.push({ url: request.url, bytes: content.length });
            response.setHeader("content-type", request.headers.accept ?? "");
            response.end(content.length === 0 ? padFrame(body, padding) : content);
          });
        });
        const short = { path: "/v1/server", body: null, method: "GET", padding } as const;
        const long = {
          path: `/v1/accounts/${"a".repeat(64)}/chain?after=12`,
          body,
          method: "POST",
          padding,
        } as const;
        for (const request of [short, long])
          expect(await connector.request(origin, request)).toEqual({
            ok: true,
            value: { status: 200, body },
          });
        expect(seen.map(({ url }) => url?.length)).toEqual([HTTP_PATH_CHARS, HTTP_PATH_CHARS]);
        expect(seen.map(({ bytes }) => bytes)).toEqual([0, paddedFrameLength(body.length, padding)]);
      },
    );

    test("an answer that is padded otherwise is none; one that is not of a directory comes as it is", async () => {
      const { origin } = await serve((request, response) => {
        const [, kind] = /^\/v1\/(\w+)/.exec(request.url ?? "") ?? [];
        if (kind === "other") response.setHeader("content-type", "application/cbor; padding=padme");
        else
          response.setHeader("content-type", kind === "page" ? "text/html" : (request.headers.accept ?? ""));
        response.end(kind === "other" ? padFrame(body, "padme") : body);
      });
      const ask = (path: string) => connector.request(origin, { ...get(path), padding: "fixed" });
      for (const path of ["/v1/other", "/v1/bare"])
        expect(await ask(path)).toMatchObject({ error: { detail: "bad-padding" } });
      expect(await ask("/v1/page")).toEqual({ ok: true, value: { status: 200, body } });
    });
  });

  test("end with one word when nobody listens", async () => {
    const server = createServer();
    const port = await portOf(server);
    await new Promise((resolve) => server.close(resolve));
    const origin = `http://127.0.0.1:${port}`;
    expect(await connector.request(origin, get("/v1/server"))).toEqual({
      ok: false,
      error: { type: "ServerUnreachable", origin, detail: "ECONNREFUSED" },
    });
  });

  test("end in time when nobody answers, or not to the end", async () => {
    const { origin } = await serve((request, response) => {
      if (request.url === "/v1/half") response.write("half");
    });
    for (const path of ["/v1/never", "/v1/half"]) {
      expect(await hasty.request(origin, get(path))).toMatchObject({ error: { detail: "timeout" } });
    }
  });

  test("take an answer of the largest size and none larger", async () => {
    const { origin } = await serve((request, response) =>
      response.end(Buffer.alloc(request.url === "/v1/max" ? RESPONSE_BYTES_MAX : RESPONSE_BYTES_MAX + 1)),
    );
    expect(await connector.request(origin, get("/v1/max"))).toMatchObject({ ok: true });
    expect(await connector.request(origin, get("/v1/over"))).toMatchObject({
      error: { detail: "answer-too-large" },
    });
  });

  test("follow nobody to another address", async () => {
    const { origin } = await serve((request, response) => {
      if (request.url !== "/v1/there") response.writeHead(302, { location: "/v1/there" });
      response.end();
    });
    expect(await connector.request(origin, get("/v1/here"))).toMatchObject({ ok: false });
  });

  test.each([
    "http://chat.example.org",
    "http://192.168.1.7:8787",
    "http://127.0.0.1.example.org",
    "ftp://x",
    "https://x/path",
  ])("do not go to %s", async (origin) => {
    const refused = { ok: false, error: { detail: "http-off-loopback" } };
    expect(await connector.request(origin, get("/v1/server"))).toMatchObject(refused);
    expect(await connector.connect(origin, ignore)).toMatchObject(refused);
  });
});

describe("the gateway", () => {
  test("carries binary frames both ways, in order, and tells its end once", async () => {
    const { origin, gateway } = await serveGateway(GATEWAY_SUBPROTOCOL);
    const frames: number[][] = [];
    const closed = Promise.withResolvers<void>();
    let closes = 0;
    const opened = await connector.connect(origin, {
      onFrame: (frame) => {
        frames.push([...frame]);
        if (frames.length === 3) for (const socket of gateway.clients) socket.close();
      },
      onClose: () => {
        closes += 1;
        closed.resolve();
      },
    });
    if (!opened.ok) throw new Error(opened.error.detail);
    for (const byte of [1, 2, 3]) opened.value.send(Uint8Array.of(byte));
    await closed.promise;
    expect(frames).toEqual([[1], [2], [3]]);
    opened.value.send(Uint8Array.of(4));
    opened.value.close();
    expect(closes).toBe(1);
  });

  test("of something that is no Dovetail server is not used", async () => {
    const { origin } = await serveGateway("chat");
    expect(await connector.connect(origin, ignore)).toMatchObject({ ok: false });
    const plain = await serve((_, response) => response.end("hello"));
    expect(await connector.connect(plain.origin, ignore)).toMatchObject({
      error: { type: "ServerUnreachable" },
    });
  });

  test("is given up in time when the server takes the connection and says nothing", async () => {
    const silent = createTcpServer((socket) => socket.on("error", () => {}));
    const port = await portOf(silent);
    closing.push(() => silent.close());
    expect(await hasty.connect(`http://127.0.0.1:${port}`, ignore)).toMatchObject({
      error: { detail: "timeout" },
    });
  });

  test("ends when the server sends text, which no frame is", async () => {
    const { origin, gateway } = await serveGateway(GATEWAY_SUBPROTOCOL);
    gateway.on("connection", (socket) => socket.send("text"));
    const closed = Promise.withResolvers<void>();
    const frames: Uint8Array[] = [];
    await connector.connect(origin, { onFrame: (frame) => frames.push(frame), onClose: closed.resolve });
    await closed.promise;
    expect(frames).toEqual([]);
  });
});

describe("a pulled cable", () => {
  test("ends what is open and lets nothing through until it is back", async () => {
    const { origin } = await serveGateway(GATEWAY_SUBPROTOCOL);
    const network = createNetworkSwitch(connector);
    const closed = Promise.withResolvers<void>();
    const opened = await network.connector.connect(origin, { onFrame: () => {}, onClose: closed.resolve });
    expect(opened.ok).toBe(true);
    network.setOn(false);
    await closed.promise;
    expect(await network.connector.connect(origin, ignore)).toMatchObject({
      error: { detail: "cable-pulled" },
    });
    expect(await network.connector.request(origin, get("/"))).toMatchObject({
      error: { detail: "cable-pulled" },
    });
    network.setOn(true);
    expect(await network.connector.request(origin, get("/"))).toMatchObject({ ok: true });
  });
});
