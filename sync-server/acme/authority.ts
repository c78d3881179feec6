/**
 * Certificates from an authority over ACME (RFC 8555), by its http-01 challenge.
 *
 * The library does the protocol. It is loaded when it is needed, so a server without ACME holds none of it.
 */
import { err, ok, type Result } from "@dovetail/core/base/result.ts";
import {
  ACME_ANSWER_BYTES_MAX,
  ACME_ORDER_TIMEOUT_MS,
  ACME_POLL_MAX_MS,
  ACME_POLL_MIN_MS,
  ACME_POLLS_MAX,
  ACME_REQUEST_RETRIES_MAX,
  ACME_REQUEST_TIMEOUT_MS,
} from "../limits.ts";

/** Why an order gave no certificate. `detail` is the authority's or the system's word, for the operator alone. */
export type AcmeFault =
  | { readonly type: "AcmeUnreachable"; readonly detail: string }
  | { readonly type: "AcmeRefused"; readonly detail: string }
  | { readonly type: "AcmeTimedOut"; readonly detail: string };

/** One answer to whoever asks for `/.well-known/acme-challenge/<token>`. */
export interface Challenge {
  readonly token: string;
  readonly keyAuthorization: string;
}

export interface AcmeOrder {
  /** Key of the account at the authority, PEM. An account is made for a key that has none. */
  readonly accountKey: string;
  /** DNS names the certificate is for. */
  readonly names: readonly string[];
  /** Serves a challenge until the returned function is called. */
  serve(challenge: Challenge): () => void;
}

export interface IssuedCertificate {
  /** The chain, the server's own certificate first, PEM. */
  readonly chain: string;
  /** Its new private key, PEM. */
  readonly key: string;
}

export interface Authority {
  /** A new account key, PEM. */
  makeAccountKey(): Promise<string>;
  order(order: AcmeOrder): Promise<Result<IssuedCertificate, AcmeFault>>;
}

/** The authority whose directory is at `directoryUrl`. */
export function createAuthority(directoryUrl: string): Authority {
  const load = async () => {
    const acme = await import("acme-client");
    // By itself it reads without end, waits for as long as the authority says, and goes by whatever proxy the environment names.
    Object.assign(acme.axios.defaults, {
      timeout: ACME_REQUEST_TIMEOUT_MS,
      maxContentLength: ACME_ANSWER_BYTES_MAX,
      maxRedirects: 0,
      proxy: false,
    });
    Object.assign(acme.axios.defaults, {
      acmeSettings: { retryMaxAttempts: ACME_REQUEST_RETRIES_MAX, retryDefaultDelay: 1 },
    });
    return acme;
  };

  const issue = async ({ accountKey, names, serve }: AcmeOrder): Promise<IssuedCertificate> => {
    const acme = await load();
    const client = new acme.Client({
      directoryUrl,
      accountKey,
      backoffAttempts: ACME_POLLS_MAX,
      backoffMin: ACME_POLL_MIN_MS,
      backoffMax: ACME_POLL_MAX_MS,
    });
    const [key, csr] = await acme.crypto.createCsr(
      { altNames: [...names] },
      await acme.crypto.createPrivateEcdsaKey("P-256"),
    );
    const ends = new Map<string, () => void>();
    const chain = await client.auto({
      csr,
      termsOfServiceAgreed: true,
      challengePriority: ["http-01"],
      // Where the server stands its own name often leads elsewhere.
      skipChallengeVerification: true,
      challengeCreateFn: async (_authorization, { type, token }, keyAuthorization) => {
        if (type !== "http-01") throw new Error(`the authority offers no http-01 challenge, only ${type}`);
        ends.set(token, serve({ token, keyAuthorization }));
      },
      challengeRemoveFn: async (_authorization, { token }) => ends.get(token)?.(),
    });
    return { chain, key: key.toString() };
  };

  return {
    makeAccountKey: async () => (await (await load()).crypto.createPrivateEcdsaKey("P-256")).toString(),
    async order(order) {
      const over = Promise.withResolvers<never>();
      const timer = setTimeout(() => over.reject(new OrderTimeout()), ACME_ORDER_TIMEOUT_MS);
      try {
        const unreachable = await findObstacle(directoryUrl);
        if (unreachable !== null) return err(unreachable);
        return ok(await Promise.race([issue(order), over.promise]));
      } catch (error) {
        return err(faultOf(error));
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

class OrderTimeout extends Error {}

/** Why the directory cannot be read. The library loses the reason of a connection that fails. */
async function findObstacle(directoryUrl: string): Promise<AcmeFault | null> {
  try {
    const signal = AbortSignal.timeout(ACME_REQUEST_TIMEOUT_MS);
    const answered = await fetch(directoryUrl, { method: "HEAD", redirect: "manual", signal });
    await answered.body?.cancel();
    return null;
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    const detail =
      cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "no answer";
    return { type: "AcmeUnreachable", detail };
  }
}

/** The library throws the authority's sentence; where a connection fails in the middle, an error of its own code. */
function faultOf(error: unknown): AcmeFault {
  if (error instanceof OrderTimeout) return { type: "AcmeTimedOut", detail: "" };
  if (!(error instanceof Error)) return { type: "AcmeRefused", detail: "unknown" };
  if ("code" in error && typeof error.code === "string")
    return { type: "AcmeUnreachable", detail: error.code };
  return error instanceof TypeError
    ? { type: "AcmeUnreachable", detail: "no answer" }
    : { type: "AcmeRefused", detail: asLine(error.message) };
}

const DETAIL_CHARS_MAX = 400;

/** A stranger's sentence, fit for a terminal. */
function asLine(text: string): string {
  return text.replace(/\p{C}+/gu, " ").slice(0, DETAIL_CHARS_MAX);
}
