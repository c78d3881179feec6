/**
 * A key from the person's passkey: WebAuthn's PRF extension, asked in the page, because workers cannot.
 *
 * The 32 bytes pass through here on their way to the worker and are erased. The passkey signs in to nothing; the server
 * never hears of it.
 */
import { createPlatformRandom, err, ok, type Result } from "@dovetail/core";
import type { EngineError } from "./engine.ts";
import type { PasskeyAnswer, RecoveryQuestion } from "./engine-service.ts";

const CHALLENGE_BYTES = 32;
const SALT_BYTES = 32;
const USER_ID_BYTES = 16;
const TIMEOUT_MS = 120_000;
/** Ed25519, ES256, RS256: what authenticators have. Nobody checks a signature of theirs. */
const ALGORITHMS = [-8, -7, -257] as const;

/** Whether this browser may have passkeys with a key in them; only asking one tells for sure. */
export async function mayHavePasskeys(): Promise<boolean> {
  // Passkeys belong to a domain; an address of numbers is none.
  if (typeof PublicKeyCredential === "undefined" || /^[\d.]+$|^\[/.test(location.hostname)) return false;
  const capabilities = await PublicKeyCredential.getClientCapabilities?.().catch(() => null);
  return capabilities?.["extension:prf"] ?? true;
}

/** Makes a passkey named for the person, and gets its key for `input`, or for a salt of its own. */
export async function createPasskey(
  displayName: string,
  input: Uint8Array | null = null,
): Promise<Result<PasskeyAnswer, EngineError>> {
  const random = createPlatformRandom();
  const salt = owned(input ?? random.bytes(SALT_BYTES));
  const created = await attempt(() =>
    navigator.credentials.create({
      publicKey: {
        rp: { name: "Dovetail" },
        user: { id: owned(random.bytes(USER_ID_BYTES)), name: displayName, displayName },
        challenge: owned(random.bytes(CHALLENGE_BYTES)),
        pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: "public-key", alg })),
        authenticatorSelection: { residentKey: "required", userVerification: "required" },
        attestation: "none",
        timeout: TIMEOUT_MS,
        extensions: { prf: { eval: { first: salt } } },
      },
    }),
  );
  if (!created.ok) return created;
  const { credential, key } = created.value;
  const credentialId = new Uint8Array(credential.rawId);
  if (key !== null) return ok({ credentialId, salt, key });
  // Many give the key only when they are asked the next time.
  return askPasskey({ credentialId, salt });
}

/** Asks the person's passkey for its key; without an id the person chooses which. */
export async function askPasskey(question: RecoveryQuestion): Promise<Result<PasskeyAnswer, EngineError>> {
  const { credentialId, salt } = question;
  const asked = await attempt(() =>
    navigator.credentials.get({
      publicKey: {
        challenge: owned(createPlatformRandom().bytes(CHALLENGE_BYTES)),
        ...(credentialId === null
          ? {}
          : { allowCredentials: [{ type: "public-key", id: owned(credentialId) }] }),
        userVerification: "required",
        timeout: TIMEOUT_MS,
        extensions: { prf: { eval: { first: owned(salt) } } },
      },
    }),
  );
  if (!asked.ok) return asked;
  const { key, credential } = asked.value;
  const answered = new Uint8Array(credential.rawId);
  return key === null
    ? err({ type: "PasskeyUnavailable", why: "no-key" })
    : ok({ credentialId: answered, salt, key });
}

async function attempt(
  request: () => Promise<Credential | null>,
): Promise<
  Result<{ readonly credential: PublicKeyCredential; readonly key: Uint8Array | null }, EngineError>
> {
  if (typeof PublicKeyCredential === "undefined")
    return err({ type: "PasskeyUnavailable", why: "unsupported" });
  try {
    const credential = await request();
    if (!(credential instanceof PublicKeyCredential))
      return err({ type: "PasskeyUnavailable", why: "unsupported" });
    const first = credential.getClientExtensionResults().prf?.results?.first;
    return ok({ credential, key: first === undefined ? null : bytesOf(first) });
  } catch (thrown) {
    const isDismissed = thrown instanceof DOMException && thrown.name === "NotAllowedError";
    return err({ type: "PasskeyUnavailable", why: isDismissed ? "dismissed" : "unsupported" });
  }
}

/** Bytes in memory of their own, as the browser's types want them. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

function bytesOf(source: BufferSource): Uint8Array {
  return source instanceof ArrayBuffer
    ? new Uint8Array(source)
    : new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
}
