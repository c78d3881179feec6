/** What opens the account for a device that has just come to it. */
import { INSTANCE_BYTES } from "../../protocol/client-frame.ts";
import { ok, type Result } from "../../base/result.ts";
import type { TxStore } from "../../store/tx-store.ts";
import { createChainStore } from "../contacts/chain-store.ts";
import type { ClientError } from "../client-error.ts";
import { deviceIdentity, type Profile } from "../devices/device-identity.ts";
import { createDirectoryClient } from "../connection/directory-client.ts";
import { connectGateway } from "../connection/gateway.ts";
import { signIn } from "../connection/home-link.ts";
import { loadOwnAccount } from "./own-account.ts";
import type { Platform } from "../platform.ts";
import { createTables } from "../tables.ts";

/** A new device has keys and a chain; the secrets come sealed to it from the server, once. */
export async function fetchFirstEpochs(
  platform: Platform,
  store: TxStore,
  profile: Profile,
): Promise<Result<void, ClientError>> {
  const tables = createTables(store);
  const identity = deviceIdentity(profile);
  const own = await loadOwnAccount({ store, tables, chains: createChainStore(store, tables), identity });
  if (!own.ok) return own;
  if (own.value.epochSecret(1) !== null) return ok();
  const instance = platform.random.bytes(INSTANCE_BYTES);
  const gateway = await connectGateway(platform, profile.origin);
  if (!gateway.ok) return gateway;
  const signedIn = await signIn({ identity, instance, raise: () => {} }, gateway.value, {
    resumeToken: null,
  });
  const fetched = signedIn.ok
    ? await own.value.refresh(gateway.value, createDirectoryClient(platform.connector, profile.origin))
    : signedIn;
  gateway.value.close();
  return fetched;
}
