/**
 * The linking code that the existing device shows, as a QR or to paste. Rules LK1-LK4.
 *
 * `dovetail-link:` + base64url of `[version, mode, key, psk, rendezvousId, origin]`. It holds no key of the account:
 * it only lets one device answer the one that showed it, once, within five minutes.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { RendezvousId } from "../../base/ids.ts";
import { SERVER_ORIGIN_CHARS_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { parseServerOrigin, type ServerOrigin } from "../../base/server-origin.ts";
import { bytes, decode, encode, id, integer, struct, text } from "../../codec/shape.ts";
import { isAgreementPublicKey } from "../../crypto/verify.ts";
import { formatCode, LINK_SCHEME, parseCode } from "../code-text.ts";
import { AGREEMENT_PUBLIC_KEY_BYTES } from "../link.ts";

export const LINK_CODE_VERSION = 1;
/** The existing device shows, the new one scans: the only direction in which a scan can give nothing away. */
export const MODE_EXISTING_SHOWS = 1;
export const LINK_PSK_BYTES = 16;

export interface LinkCode {
  /** Ephemeral X25519 key of the device that shows it. */
  readonly key: Bytes;
  /** Shared by whoever sees the code. */
  readonly psk: Bytes;
  readonly rendezvousId: RendezvousId;
  readonly origin: ServerOrigin;
}

/** What the text of a linking code holds. */
export const linkCodeShape = struct({
  version: integer(1, 255),
  mode: integer(1, 255),
  key: bytes(AGREEMENT_PUBLIC_KEY_BYTES),
  psk: bytes(LINK_PSK_BYTES),
  rendezvousId: id("rendezvous"),
  origin: text(SERVER_ORIGIN_CHARS_MAX),
});

export type LinkCodeError =
  /** It is somebody's contact link: it links no device. */
  | { readonly type: "ContactLinkIsNotALinkCode" }
  | { readonly type: "NotALinkCode" }
  | { readonly type: "MalformedLinkCode" }
  | { readonly type: "UnsupportedLinkCode"; readonly version: number; readonly mode: number };

/** The text to show. - Secrets: it carries `psk`; it is not logged and not kept. */
export function formatLinkCode(code: LinkCode): string {
  const fields = { version: LINK_CODE_VERSION, mode: MODE_EXISTING_SHOWS, ...code };
  return formatCode(LINK_SCHEME, encode(linkCodeShape, fields));
}

/** Linking code of exactly this text. */
export function parseLinkCode(text: string): Result<LinkCode, LinkCodeError> {
  const payload = parseCode(LINK_SCHEME, text);
  if (!payload.ok) {
    switch (payload.error.type) {
      case "OtherCode":
        return err({ type: "ContactLinkIsNotALinkCode" }); // LK2
      case "UnknownCode":
        return err({ type: "NotALinkCode" });
      case "MalformedCode":
        return err({ type: "MalformedLinkCode" });
    }
  }
  const decoded = decode(linkCodeShape, payload.value);
  if (!decoded.ok) return err({ type: "MalformedLinkCode" });
  const { version, mode, key, psk, rendezvousId } = decoded.value;
  // LK3
  if (version !== LINK_CODE_VERSION || mode !== MODE_EXISTING_SHOWS) {
    return err({ type: "UnsupportedLinkCode", version, mode });
  }
  const origin = parseServerOrigin(decoded.value.origin);
  if (!origin.ok || !isAgreementPublicKey(key)) return err({ type: "MalformedLinkCode" });
  return ok({ key, psk, rendezvousId, origin: origin.value });
}
