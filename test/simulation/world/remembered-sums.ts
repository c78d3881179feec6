/**
 * Sums of libsodium that come out the same for the same input, done once a process: checks of signatures and of public keys,
 * and the key pairs of seeds.
 *
 * Worlds of one kind begin with the same people, and all of their devices check the same chains at every start. What was
 * not seen before is computed as ever; nothing that draws random bytes, agrees on a secret or encrypts is remembered.
 */
import { hash } from "node:crypto";
import { sodium } from "../../../core/crypto/sodium.ts";

/** Then all is forgotten, so that a long run does not grow. */
const REMEMBERED_MAX = 20_000;

/** Puts the memory between the engine and libsodium. `cryptoReady` comes first. */
export function rememberSums(): void {
  const { crypto_sign_verify_detached: verify, crypto_core_ed25519_is_valid_point: isPoint } = sodium;
  const { crypto_sign_seed_keypair: signPair, crypto_kem_xwing_seed_keypair: kemPair } = sodium;
  const { crypto_scalarmult_base: agreementKey } = sodium;
  // Whoever is given a key may wipe it.
  const copyPair = <P extends { readonly publicKey: unknown; readonly privateKey: unknown }>(pair: P): P => ({
    ...pair,
    publicKey: copyOf(pair.publicKey),
    privateKey: copyOf(pair.privateKey),
  });
  Object.assign(sodium, {
    crypto_sign_verify_detached: remembered(verify, same),
    crypto_core_ed25519_is_valid_point: remembered(isPoint, same),
    crypto_sign_seed_keypair: remembered(signPair, copyPair),
    crypto_kem_xwing_seed_keypair: remembered(kemPair, copyPair),
    crypto_scalarmult_base: remembered(agreementKey, (key) => key.slice()),
  });
}

function copyOf<V>(value: V): V {
  return value instanceof Uint8Array ? (value.slice() as typeof value) : value;
}

function same<V>(value: V): V {
  return value;
}

function remembered<A extends readonly unknown[], V>(compute: (...args: A) => V, copy: (value: V) => V) {
  const known = new Map<string, V>();
  return (...args: A): V => {
    const key = args.map(keyOf).join("/");
    const before = known.get(key);
    if (before !== undefined) return copy(before);
    const value = compute(...args);
    if (known.size >= REMEMBERED_MAX) known.clear();
    known.set(key, copy(value));
    return value;
  };
}

/** A short name of what is long; what throws does so again. */
function keyOf(arg: unknown): string {
  if (!(arg instanceof Uint8Array)) return String(arg);
  return arg.length > 64 ? hash("sha256", arg, "base64") : Buffer.from(arg).toString("latin1");
}
