/** What the handlers of frames share. */
import type { Clock } from "@dovetail/core/base/clock.ts";
import type { DeviceId } from "@dovetail/core/base/ids.ts";
import type { Logger } from "@dovetail/core/base/logger.ts";
import type { Random } from "@dovetail/core/base/random.ts";
import type { ClientFrame } from "@dovetail/core/protocol/client-frame.ts";
import type { AccountDirectory } from "../directory/account-directory.ts";
import type { ServerMetrics } from "../metrics/server-metrics.ts";
import type { RateLimits } from "../rate-limits.ts";
import type { ServerStore } from "../store/server-store.ts";
import type { Connection } from "./connection.ts";
import type { ResumeTokens } from "./resume-tokens.ts";
import type { Subscriptions } from "./subscriptions.ts";

export interface GatewayContext {
  readonly store: ServerStore;
  readonly directory: AccountDirectory;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: ServerMetrics;
  /** What clients may dial and sign for. */
  readonly origins: readonly string[];
  readonly workBits: number;
  readonly resumeTtlMs: number;
  readonly rates: RateLimits;
  readonly subscriptions: Subscriptions;
  readonly resumeTokens: ResumeTokens;
  /** Signed-in connections by device; a revocation ends them. */
  readonly connectionsByDevice: Map<DeviceId, Set<Connection>>;
}

/** The frame of one type. */
export type FrameOf<T extends ClientFrame["type"]> = Extract<ClientFrame, { readonly type: T }>;
