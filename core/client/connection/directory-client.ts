/**
 * Requests to a server's directory over HTTP. None of them is signed in; see core/protocol/directory.ts.
 *
 * What comes back is untrusted: chains and prekeys are verified by whoever uses them.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { AccountId, DeviceId, RendezvousId } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Padding } from "../../crypto/padding.ts";
import { decode, encode, type Shape } from "../../codec/shape.ts";
import {
  type AppendLink,
  appendLinkShape,
  type ChainPage,
  type ClaimedKeyPackages,
  type ClaimedPreKeys,
  chainPageShape,
  claimedKeyPackagesShape,
  claimedPreKeysShape,
  claimPreKeysShape,
  doneShape,
  handleAnswerShape,
  httpFailureShape,
  type Register,
  type RendezvousState,
  registerShape,
  rendezvousPutShape,
  rendezvousStateShape,
  type ServerInfo,
  type Staged,
  type StageLink,
  serverInfoShape,
  stagedShape,
  stageLinkShape,
} from "../../protocol/directory.ts";
import type { HttpRequest, ServerConnector } from "../../transport/server-connector.ts";
import type { ClientMeter } from "../client-meter.ts";
import type { ServerError } from "./gateway.ts";

export interface DirectoryClient {
  serverInfo(): Promise<Result<ServerInfo, ServerError>>;
  register(registration: Register): Promise<Result<void, ServerError>>;
  /** Links after `seq` (0 for all), one page. */
  chain(accountId: AccountId, afterSeq: number): Promise<Result<ChainPage, ServerError>>;
  appendLink(accountId: AccountId, link: AppendLink): Promise<Result<void, ServerError>>;
  /** Brings the next link of a chain that is put back; the answer says how far it is there. */
  stageLink(accountId: AccountId, link: StageLink): Promise<Result<Staged, ServerError>>;
  claimPreKeys(
    accountId: AccountId,
    devices: readonly DeviceId[],
  ): Promise<Result<ClaimedPreKeys, ServerError>>;
  claimKeyPackages(
    accountId: AccountId,
    devices: readonly DeviceId[],
  ): Promise<Result<ClaimedKeyPackages, ServerError>>;
  /** Account of a handle, or null. The claim is the server's; the chain of the account has to be fetched and verified. */
  lookUpHandle(handle: string): Promise<Result<AccountId | null, ServerError>>;
  putRendezvous(
    id: RendezvousId,
    expectedVersion: number,
    message: Bytes,
  ): Promise<Result<RendezvousState, ServerError>>;
  getRendezvous(id: RendezvousId, afterVersion: number): Promise<Result<RendezvousState, ServerError>>;
}

export interface DirectoryOptions {
  /** Counts what the server refuses. */
  readonly meter?: Pick<ClientMeter, "refused"> | null;
  /** As the device is set; as it is at first where there is no device yet. */
  readonly padding?: () => Padding;
}

/** The directory of the server at `origin`. */
export function createDirectoryClient(
  connector: ServerConnector,
  origin: string,
  { meter, padding = () => "padme" }: DirectoryOptions = {},
): DirectoryClient {
  const exchange = async <T>(
    request: Omit<HttpRequest, "padding">,
    answer: Shape<T>,
  ): Promise<Result<T, ServerError>> => {
    const response = await connector.request(origin, { ...request, padding: padding() });
    if (!response.ok) return response;
    const { status, body } = response.value;
    if (status >= 400) {
      const failure = decode(httpFailureShape, body);
      if (!failure.ok)
        return err({ type: "ServerMisbehaved", why: `answered status ${status} without a reason` });
      const { code, retryAfterMs } = failure.value;
      meter?.refused(code);
      return err(retryAfterMs === null ? { type: "Refused", code } : { type: "Refused", code, retryAfterMs });
    }
    const decoded = decode(answer, body);
    return decoded.ok
      ? decoded
      : err({ type: "ServerMisbehaved", why: `sent a malformed answer (${decoded.error.type})` });
  };
  const get = <T>(path: string, answer: Shape<T>) => exchange({ method: "GET", path, body: null }, answer);
  const done = async (path: string, body: Bytes): Promise<Result<void, ServerError>> => {
    const answer = await exchange({ method: "POST", path, body }, doneShape);
    return answer.ok ? ok() : answer;
  };
  return {
    serverInfo: () => get("/v1/server", serverInfoShape),
    register: (registration) => done("/v1/accounts", encode(registerShape, registration)),
    chain: (accountId, afterSeq) => get(`/v1/accounts/${accountId}/chain?after=${afterSeq}`, chainPageShape),
    appendLink: (accountId, link) => done(`/v1/accounts/${accountId}/links`, encode(appendLinkShape, link)),
    stageLink: (accountId, link) =>
      exchange(
        {
          method: "POST",
          path: `/v1/accounts/${accountId}/staged-links`,
          body: encode(stageLinkShape, link),
        },
        stagedShape,
      ),
    claimPreKeys: (accountId, devices) =>
      exchange(
        {
          method: "POST",
          path: `/v1/accounts/${accountId}/prekeys`,
          body: encode(claimPreKeysShape, { devices }),
        },
        claimedPreKeysShape,
      ),
    claimKeyPackages: (accountId, devices) =>
      exchange(
        {
          method: "POST",
          path: `/v1/accounts/${accountId}/key-packages`,
          body: encode(claimPreKeysShape, { devices }),
        },
        claimedKeyPackagesShape,
      ),
    lookUpHandle: async (handle) => {
      const answer = await get(`/v1/handles/${encodeURIComponent(handle)}`, handleAnswerShape);
      return answer.ok ? ok(answer.value.isFound ? answer.value.accountId : null) : answer;
    },
    putRendezvous: (id, expectedVersion, message) =>
      exchange(
        {
          method: "PUT",
          path: `/v1/rendezvous/${id}`,
          body: encode(rendezvousPutShape, { expectedVersion, message }),
        },
        rendezvousStateShape,
      ),
    getRendezvous: (id, afterVersion) =>
      get(`/v1/rendezvous/${id}?after=${afterVersion}`, rendezvousStateShape),
  };
}
