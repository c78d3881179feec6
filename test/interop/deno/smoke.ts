/**
 * Runs under Deno and prints what core computes there, as one line of JSON. `deno-core.test.ts` compares it with Node's.
 *
 * The sources are imported as they are: no build, no shims.
 */
import { toHex, toUtf8 } from "../../../core/base/bytes.ts";
import { encodeCbor } from "../../../core/codec/cbor.ts";
import { hash } from "../../../core/crypto/hash.ts";
import { LABEL } from "../../../core/crypto/labels.ts";
import { seal, unseal } from "../../../core/crypto/seal.ts";
import { sign, signKeyPairFromSeed } from "../../../core/crypto/sign.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { kemKeyPairFromSeed } from "../../../core/crypto/xwing.ts";

await cryptoReady();

const seed = new Uint8Array(32).fill(7);
const message = toUtf8("gleiche Bytes überall");
const countingRandom = { bytes: (length: number) => Uint8Array.from({ length }, (_, index) => index) };
const context = { key: seed, label: LABEL.sealBody, aad: message };
const sealed = seal(countingRandom, context, message);
const opened = unseal(context, sealed);

console.log(
  JSON.stringify({
    cbor: toHex(encodeCbor([1, -1, "ä", seed, [true, false, null], 2 ** 53 - 1])),
    hash: toHex(hash(LABEL.entryId, seed, message)),
    signature: toHex(sign(signKeyPairFromSeed(seed), LABEL.signLink, message)),
    kemPublicKey: toHex(hash(LABEL.bodyHash, kemKeyPairFromSeed(seed).publicKey)),
    sealed: toHex(sealed),
    opened: opened.ok ? toHex(opened.value) : opened.error.type,
  }),
);
