/**
 * The first change of every document, the same bytes on every device.
 *
 * Documents that begin apart merge into conflicting roots and one side vanishes from view, so all begin with this
 * change: actor all zero, time 0, no message, and every map the kind has. The bytes are constants and not made at run
 * time, so that a later Automerge that encodes differently starts no second root. Rules DC1, DC2.
 *
 * A map that a kind gains later cannot be added here: it comes in a second, equally fixed change.
 */
import { type Bytes, fromHex } from "../../base/bytes.ts";
import { Automerge } from "../automerge.ts";
import type { DocumentKind } from "./document-kind.ts";

const GENESIS_HEX: Readonly<Record<DocumentKind, string>> = {
  inbox:
    "856f4a837644b529015f001000000000000000000000000000000000010100000005153634014202560270027907636f6e74616374086172636869766564056d7574656408726561645570546f07737461727265640674616767656405647261667407070007000700",
  contacts:
    "856f4a83f572d8540199010010000000000000000000000000000000000101000000051570340142025602700274057374617465077065746e616d65056e6f746573066f726967696e0668616e646c650670696e6e65640c766572696669656441744d730a6f776e496e626f756e640c7468656972496e626f756e640c636f6e766572736174696f6e09676976656e4e616d6509616464656441744d730c0c000c000c00",
  tags: "856f4a83b04b5ae90147001000000000000000000000000000000000010100000005151e34014202560270027c046e616d6506636f6c6f75720472756c650b72756c65456e61626c656404040004000400",
  groups:
    "856f4a8394e789a80131001000000000000000000000000000000000010100000005150834014202560270027f0667726f757073017f007f007f00",
  settings:
    "856f4a8358fb428b013d001000000000000000000000000000000000010100000005151434014202560270027e0770726f66696c650a6465766963654e616d6502020002000200",
  deletions:
    "856f4a83627a0d130145001000000000000000000000000000000000010100000005151c34014202560270027d0772656d6f76656407636c65617265640a67656e65726174696f6e03030003000300",
  bucket:
    "856f4a833cd3a2d4012e001000000000000000000000000000000000010100000005150534014202560270027f036f7073017f007f007f00",
  app: "856f4a83450587350118001000000000000000000000000000000000010100000000",
};

/** The maps each kind's root begins with, in the order their operations have in the genesis change. */
export const GENESIS_MAPS: Readonly<Record<DocumentKind, readonly string[]>> = {
  inbox: ["contact", "archived", "muted", "readUpTo", "starred", "tagged", "draft"],
  contacts: [
    "state",
    "petname",
    "notes",
    "origin",
    "handle",
    "pinned",
    "verifiedAtMs",
    "ownInbound",
    "theirInbound",
    "conversation",
    "givenName",
    "addedAtMs",
  ],
  tags: ["name", "colour", "rule", "ruleEnabled"],
  groups: ["groups"],
  settings: ["profile", "deviceName"],
  deletions: ["removed", "cleared", "generation"],
  bucket: ["ops"],
  app: [],
};

const hashByKind = new Map<DocumentKind, string>();

/** The genesis change of a kind. */
export function genesisChange(kind: DocumentKind): Bytes {
  return fromHex(GENESIS_HEX[kind]);
}

/** The hash of the genesis change of a kind. `automergeReady` comes first. */
export function genesisHash(kind: DocumentKind): string {
  const known = hashByKind.get(kind);
  if (known !== undefined) return known;
  const { hash } = Automerge.decodeChange(genesisChange(kind));
  hashByKind.set(kind, hash);
  return hash;
}
