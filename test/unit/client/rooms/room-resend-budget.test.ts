/** How much is sent again for one account. */
import { expect, test } from "vitest";
import { ROOM_RESENT_OPS_MAX } from "../../../../core/base/limits.ts";
import { createResendBudget } from "../../../../core/client/rooms/room-resend-budget.ts";

test("[RM24] an account is sent so many ops again in an hour and no more, whatever others were sent", () => {
  let nowMs = 0;
  const budget = createResendBudget(() => nowMs);
  expect(budget.take("room ben", ROOM_RESENT_OPS_MAX - 1)).toBe(true);
  expect(budget.take("room ben", 2)).toBe(false);
  expect(budget.take("room ben", 1)).toBe(true);
  expect(budget.take("room ben", 1)).toBe(false);
  expect(budget.take("room cara", ROOM_RESENT_OPS_MAX)).toBe(true);
  nowMs = 3_600_000 - 1;
  expect(budget.take("room ben", 1)).toBe(false);
  nowMs += 1;
  expect(budget.take("room ben", ROOM_RESENT_OPS_MAX + 1)).toBe(false);
  expect(budget.take("room ben", ROOM_RESENT_OPS_MAX)).toBe(true);
  // A clock that is set back holds nobody up for ever.
  nowMs = -3_600_000;
  expect(budget.take("room ben", 1)).toBe(true);
});
