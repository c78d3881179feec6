/** The pinned chain: what our builders make of fixed seeds. `test/vectors/sigchain.test.ts` says what is checked of it. */
import { present } from "../../core/base/assert.ts";
import { type Bytes, toHex } from "../../core/base/bytes.ts";
import { idFromBytes, type SignerId } from "../../core/base/ids.ts";
import { recoveryAt } from "../../core/sigchain/chain-state.ts";
import { formatContactLink } from "../../core/sigchain/contact/contact-link.ts";
import { safetyNumber } from "../../core/sigchain/contact/safety-number.ts";
import { accountLogId, accountRoot } from "../../core/sigchain/epoch/epoch-secret.ts";
import { type RecoveryKeys, recoveryKeysFrom, recoveryWords } from "../../core/sigchain/keys/recovery-key.ts";
import { parseLink } from "../../core/sigchain/link.ts";
import { linkDigits, linkTranscript } from "../../core/sigchain/linking/channel.ts";
import { parseLinkCode } from "../../core/sigchain/linking/link-code.ts";
import { createOffer } from "../../core/sigchain/linking/offer.ts";
import { boxesOf, type ChainWorld, must, secretOf, stateOf, worldOfEveryType } from "./chain-world.ts";
import { createLinkingWorld } from "./linking-world.ts";

export const RECOVERY_KEY: Bytes = new Uint8Array(32).fill(5);
export const NEW_KEY: Bytes = new Uint8Array(32).fill(9);
export const EXISTING_NONCE: Bytes = new Uint8Array(32).fill(1);
export const NEW_NONCE: Bytes = new Uint8Array(32).fill(2);
export const OTHER_ACCOUNT: Bytes = new Uint8Array(32).fill(7);

/** What `test/vectors/known/sigchain.json` holds; bytes are hexadecimal. */
export interface KnownSigchain {
  readonly accountId: string;
  readonly links: readonly {
    readonly type: string;
    readonly hash: string;
    readonly bytes: string;
    readonly signers: readonly string[];
  }[];
  readonly devices: readonly string[];
  readonly epochs: readonly {
    readonly secret: string;
    readonly commit: string;
    readonly boxesHash: string;
    readonly boxes: string;
    /** Seed of the X-Wing key that the recovery key in force opens its box with. */
    readonly recoverySeed: string;
  }[];
  readonly cuts: readonly {
    readonly epoch: number;
    readonly logId: string;
    readonly incarnation: number;
    readonly seq: number;
    readonly chain: string;
    readonly salt: string;
    readonly commitment: string;
  }[];
  readonly accountLogId: string;
  readonly words: string;
  readonly recoveryId: string;
  readonly backupKey: string;
  readonly linkCode: string;
  readonly linkTyped: string;
  readonly linkOffer: string;
  readonly linkTranscript: string;
  readonly linkDigits: string;
  readonly contactLink: string;
  readonly safetyNumber: string;
}

/** The chain, epochs and codes of fixed seeds. */
export function knownSigchain(): KnownSigchain {
  const world = worldOfEveryType("known sigchain");
  const state = stateOf(world);
  const linking = createLinkingWorld("known linking");
  const code = must(parseLinkCode(linking.existing.text));
  const transcript = linkTranscript(code, NEW_KEY);
  const other = idFromBytes("account", OTHER_ACCOUNT);
  const origin = present(state.service, "a home").origin;
  return {
    accountId: state.accountId,
    links: world.links.map((bytes) => {
      const { hash, body, signatures } = must(parseLink(bytes));
      const signers = signatures.map((signature) => signature.signerId);
      return { type: body.payload.type, hash, bytes: toHex(bytes), signers };
    }),
    devices: [...state.devicesById.keys()],
    epochs: state.epochs.map((epoch) => ({
      recoverySeed: toHex(recoveryOf(world, recoveryAt(state, epoch.seq).id).kem.secretKey),
      secret: toHex(secretOf(world, epoch.number).secret),
      commit: toHex(epoch.commit),
      boxesHash: toHex(epoch.boxesHash),
      boxes: toHex(boxesOf(world, epoch.number)),
    })),
    cuts: state.cuts.map((cut) => {
      const { chain, salt, ...rest } = present(world.cuts.get(cut.seq), "a cut");
      return {
        ...rest,
        epoch: cut.epoch,
        chain: toHex(chain),
        salt: toHex(salt),
        commitment: toHex(cut.commitment),
      };
    }),
    accountLogId: accountLogId(accountRoot(secretOf(world, 1).secret)),
    words: recoveryWords(RECOVERY_KEY).join(" "),
    recoveryId: recoveryKeysFrom(RECOVERY_KEY).signerId,
    backupKey: toHex(recoveryKeysFrom(RECOVERY_KEY).backupKey),
    linkCode: linking.existing.text,
    linkTyped: linking.existing.typed,
    linkOffer: toHex(createOffer(code)),
    linkTranscript: toHex(transcript),
    linkDigits: linkDigits(transcript, EXISTING_NONCE, NEW_NONCE),
    contactLink: formatContactLink({
      accountId: state.accountId,
      origin,
      ticket: new Uint8Array(16).fill(3),
    }),
    safetyNumber: safetyNumber(state.accountId, other).join(" "),
  };
}

function recoveryOf(world: ChainWorld, id: SignerId): RecoveryKeys {
  return present(
    world.recoveries.find((recovery) => recovery.signerId === id),
    "the world made this recovery key",
  );
}
