/**
 * Messages of automerge-repo's adapters, looked at before they reach it: whom they name, and their outer form.
 *
 * The library believes a message's `senderId`. Here it has to be the device the channel was made with. Rule DS10.
 */
import { cbor } from "@automerge/automerge-repo/slim";
import type { Bytes } from "../../base/bytes.ts";
import { err, ok, type Result } from "../../base/result.ts";

/** What two devices need of each other. What the library would pass on for a third is not taken. */
const TYPES = ["join", "peer", "sync", "request", "doc-unavailable"];
const DOCUMENT_ID_CHARS_MAX = 64;

export interface RepoMessageHead {
  readonly type: string;
  /** automerge-repo's form of a document id; null for messages that are about none. */
  readonly documentId: string | null;
}

export interface BadRepoMessage {
  readonly type: "BadRepoMessage";
  readonly why: "form" | "sender" | "target";
}

/** - Fails: `BadRepoMessage`; the library must not see it. */
export function parseRepoMessage(
  message: Bytes,
  { sender, target }: { readonly sender: string; readonly target: string },
): Result<RepoMessageHead, BadRepoMessage> {
  const fields = decodeFields(message);
  if (fields === null) return err({ type: "BadRepoMessage", why: "form" });
  const { type, senderId, targetId, documentId, data } = fields;
  if (senderId !== sender) return err({ type: "BadRepoMessage", why: "sender" }); // DS10
  if (targetId !== target && !(type === "join" && targetId === undefined))
    return err({ type: "BadRepoMessage", why: "target" });
  const isKnown = typeof type === "string" && TYPES.includes(type);
  const isAboutDocument = typeof documentId === "string" && documentId.length <= DOCUMENT_ID_CHARS_MAX;
  if (!isKnown || (documentId !== undefined && !isAboutDocument))
    return err({ type: "BadRepoMessage", why: "form" });
  const isData = data instanceof Uint8Array && data.length > 0;
  if (data !== undefined && !isData) return err({ type: "BadRepoMessage", why: "form" });
  return ok({ type, documentId: isAboutDocument ? documentId : null });
}

function decodeFields(message: Bytes): Readonly<Record<string, unknown>> | null {
  try {
    const decoded: unknown = cbor.decode(message);
    return typeof decoded === "object" && decoded !== null && !Array.isArray(decoded) ? { ...decoded } : null;
  } catch {
    return null;
  }
}
