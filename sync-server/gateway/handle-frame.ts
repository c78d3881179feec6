/** From received bytes to the handler of the frame. Rules GW1-GW2. */
import { unreachable } from "@dovetail/core/base/assert.ts";
import type { Bytes } from "@dovetail/core/base/bytes.ts";
import { decode } from "@dovetail/core/codec/shape.ts";
import { type ClientFrame, clientFrameShape } from "@dovetail/core/protocol/client-frame.ts";
import { unpadFrame } from "@dovetail/core/protocol/frame-padding.ts";
import { BEFORE_AUTH_FRAME_BYTES_MAX } from "../limits.ts";
import { handleAppend, handleAppendAndRekey } from "./append-frame.ts";
import type { Connection } from "./connection.ts";
import {
  handleDeleteAccount,
  handleKeyPackageCounts,
  handlePreKeyCounts,
  handlePublishKeyPackages,
  handlePublishPreKeys,
  handleReadBoxes,
} from "./device-frames.ts";
import { handlePutFrontier, handleReadFrontiers } from "./frontier-frames.ts";
import type { GatewayContext } from "./gateway-context.ts";
import {
  handleAck,
  handleCloseChannel,
  handleCloseLog,
  handleCreateLog,
  handleHeads,
  handleLookup,
  handleRead,
  handleReleaseLog,
  handleSetLogKey,
  handleSetTickets,
  handleSubscribe,
  handleUnsubscribe,
} from "./log-frames.ts";
import { handleOpenLog } from "./open-log-frame.ts";
import {
  handleEndorse,
  handlePutBlobs,
  handlePutSnapshot,
  handleReadBlobs,
  handleReadIds,
  handleReadSnapshots,
} from "./snapshot-frames.ts";
import { handleReseedLog } from "./reseed-frame.ts";
import { handleHello, handleResume, handleSignIn, handleSignInRecovery } from "./sign-in-frames.ts";

/** Handles one received frame; a promise is there while frames after it must wait. */
export function handleFrame(
  context: GatewayContext,
  connection: Connection,
  bytes: Bytes,
): Promise<void> | undefined {
  const unpadded = unpadFrame(bytes, connection.padding);
  if (unpadded.ok && !connection.isProven && unpadded.value.length > BEFORE_AUTH_FRAME_BYTES_MAX) {
    connection.goodbye("not-signed-in");
    return undefined;
  }
  const frame = unpadded.ok ? decode(clientFrameShape, unpadded.value) : unpadded;
  if (!frame.ok) {
    connection.goodbye("malformed");
    return undefined;
  }
  // GW1: the client's nonce comes first, everything after it may be signed with it.
  if ((frame.value.type === "hello") !== (connection.clientNonce === null)) {
    connection.goodbye("malformed");
    return undefined;
  }
  return dispatch(context, connection, frame.value);
}

/** Handles one frame that was read; a promise is there while frames after it must wait. */
export function dispatch(
  context: GatewayContext,
  connection: Connection,
  frame: ClientFrame,
): Promise<void> | undefined {
  switch (frame.type) {
    case "append":
      return handleAppend(context, connection, frame);
    case "hello":
      return handleHello(connection, frame);
    case "signIn":
      return handleSignIn(context, connection, frame);
    case "signInRecovery":
      return handleSignInRecovery(context, connection, frame);
    case "resume":
      return handleResume(context, connection, frame);
    case "createLog":
      return handleCreateLog(context, connection, frame);
    case "openLog":
      return handleOpenLog(context, connection, frame);
    case "closeChannel":
      return handleCloseChannel(context, connection, frame);
    case "lookup":
      return handleLookup(context, connection, frame);
    case "read":
      return handleRead(context, connection, frame);
    case "subscribe":
      return handleSubscribe(context, connection, frame);
    case "unsubscribe":
      return handleUnsubscribe(context, connection, frame);
    case "ack":
      return handleAck(context, connection, frame);
    case "heads":
      return handleHeads(context, connection, frame);
    case "appendAndRekey":
      return handleAppendAndRekey(context, connection, frame);
    case "setLogKey":
      return handleSetLogKey(context, connection, frame);
    case "releaseLog":
      return handleReleaseLog(context, connection, frame);
    case "closeLog":
      return handleCloseLog(context, connection, frame);
    case "setTickets":
      return handleSetTickets(context, connection, frame);
    case "publishPreKeys":
      return handlePublishPreKeys(context, connection, frame);
    case "preKeyCounts":
      return handlePreKeyCounts(context, connection, frame);
    case "publishKeyPackages":
      return handlePublishKeyPackages(context, connection, frame);
    case "keyPackageCounts":
      return handleKeyPackageCounts(context, connection, frame);
    case "readBoxes":
      return handleReadBoxes(context, connection, frame);
    case "putBlobs":
      return handlePutBlobs(context, connection, frame);
    case "readBlobs":
      return handleReadBlobs(context, connection, frame);
    case "putSnapshot":
      return handlePutSnapshot(context, connection, frame);
    case "readSnapshots":
      return handleReadSnapshots(context, connection, frame);
    case "endorse":
      return handleEndorse(context, connection, frame);
    case "readIds":
      return handleReadIds(context, connection, frame);
    case "reseedLog":
      return handleReseedLog(context, connection, frame);
    case "putFrontier":
      return handlePutFrontier(context, connection, frame);
    case "readFrontiers":
      return handleReadFrontiers(context, connection, frame);
    case "deleteAccount":
      return handleDeleteAccount(context, connection, frame);
    case "ping":
      connection.reply({ type: "pong", requestId: frame.requestId });
      return undefined;
    default:
      return unreachable(frame);
  }
}
