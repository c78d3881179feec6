/** Before the interop project: installs its Deno once, because files that run at the same time would install over each other. */
import { ensureDeno } from "./runtimes.ts";

/** Called by vitest once, before the first worker starts. */
export function setup(): void {
  ensureDeno();
}
