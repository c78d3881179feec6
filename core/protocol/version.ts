/**
 * The version both sides of the wire speak.
 *
 * Labels carry the major version, so two versions never accept each other's signatures. A change of any structure of
 * this folder changes the hash pinned by the architecture test and needs a new number here.
 */

/** The protocol this code speaks. */
export const PROTOCOL_VERSION = 1;

/** The oldest protocol this code still understands. */
export const PROTOCOL_VERSION_MIN = 1;

/** WebSocket subprotocol of the gateway. */
export const GATEWAY_SUBPROTOCOL = "dovetail.v1";

/** Path of the gateway under a server's origin, as `wss://` or `ws://`. */
export const GATEWAY_PATH = "/v1/gateway";
