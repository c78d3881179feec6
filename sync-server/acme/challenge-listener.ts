/**
 * The port an authority dials (RFC 8555, section 8.3): answers its challenges, and sends everybody else to the server's
 * address, which is what a person gets who types the name alone.
 */
import { createServer } from "node:http";
import { err, ok, type Result } from "@dovetail/core/base/result.ts";
import type { ListenAddress } from "../config/setting.ts";
import { HTTP_HEADER_BYTES_MAX, HTTP_HEADERS_TIMEOUT_MS, HTTP_REQUEST_TIMEOUT_MS } from "../limits.ts";
import type { ListenError } from "../server.ts";
import type { Challenge } from "./authority.ts";

export interface ChallengeListener {
  /** Answers `challenge` until the returned function is called. */
  serve(challenge: Challenge): () => void;
  close(): Promise<void>;
}

const PREFIX = "/.well-known/acme-challenge/";

/** Listens at `address`; whoever asks for no challenge is sent to `origin`. */
export function listenForChallenges(
  { host, port }: ListenAddress,
  origin: string,
): Promise<Result<ChallengeListener, ListenError>> {
  const answers = new Map<string, string>();
  const server = createServer(
    {
      maxHeaderSize: HTTP_HEADER_BYTES_MAX,
      requestTimeout: HTTP_REQUEST_TIMEOUT_MS,
      headersTimeout: HTTP_HEADERS_TIMEOUT_MS,
    },
    ({ method, url = "/" }, response) => {
      if (method !== "GET" && method !== "HEAD") return void response.writeHead(405).end();
      const answer = url.startsWith(PREFIX) ? answers.get(url.slice(PREFIX.length)) : undefined;
      if (answer !== undefined)
        return void response.writeHead(200, { "content-type": "application/octet-stream" }).end(answer);
      if (url.startsWith(PREFIX)) return void response.writeHead(404).end();
      // No path goes along: none of ours is for anybody who came without TLS.
      response.writeHead(308, { location: `${origin}/` }).end();
    },
  );
  return new Promise((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      resolve(err({ type: "ListenError", port, detail: error.code ?? error.name })),
    );
    server.listen(port, host, () =>
      resolve(
        ok({
          serve({ token, keyAuthorization }) {
            answers.set(token, keyAuthorization);
            return () => void answers.delete(token);
          },
          close: () =>
            new Promise<void>((closed) => {
              server.close(() => closed());
              server.closeAllConnections();
            }),
        }),
      ),
    );
  });
}
