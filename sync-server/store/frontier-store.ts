/** Port: what each device last said of itself to its siblings. Same promises as `LogStore`. Rules FR9, FR10. */
import type { Bytes } from "@dovetail/core/base/bytes.ts";
import type { AccountId, DeviceId } from "@dovetail/core/base/ids.ts";
import type { Result } from "@dovetail/core/base/result.ts";
import type { Refusal } from "./refusal.ts";

/** Opaque to the server. */
export interface StoredFrontier {
  readonly device: DeviceId;
  readonly frontier: Bytes;
}

export interface FrontierStore {
  /** Takes the place of the device's last one. - Fails: `unknown-account`; `revoked-device`. */
  putFrontier(accountId: AccountId, deviceId: DeviceId, frontier: Bytes): Promise<Result<void, Refusal>>;
  /** Of active devices only, in the order of their ids. - Fails: `unknown-account`. */
  readFrontiers(accountId: AccountId): Promise<Result<readonly StoredFrontier[], Refusal>>;
}
