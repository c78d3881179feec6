/** The invitation that a server's link or QR code opens the page with. */
import { describe, expect, test } from "vitest";
import { keepInvitation, keptInvitation } from "../../../app/ui/first-run/invitation-link.ts";

const INVITATION = "4q8d-0w1n-4q8d-0w1n-4q8d-0w1n";

/** What is used of a page: its address and its history. */
function pageAt(hash: string, state: unknown = null) {
  const page = {
    location: { hash, pathname: "/" },
    history: {
      state,
      replaceState(next: unknown, _title: string, address: string) {
        page.history.state = next;
        page.location.hash = address.slice(1);
      },
    },
  };
  return page;
}

describe("an invitation in the address", () => {
  test("goes from it, and is there when the page is loaded again", () => {
    const page = pageAt(`#invitation=${INVITATION}`);
    keepInvitation(page);
    expect(page.location.hash).toBe("");
    expect(keptInvitation(page)).toBe(INVITATION);
    keepInvitation(page);
    expect(keptInvitation(page)).toBe(INVITATION);
  });

  test.each(["", "#/inbox", "#invitation=", `#invitation=${"a".repeat(65)}`, "#invitation=<b>"])(
    "is not seen in %j, which stays as it is",
    (hash) => {
      const page = pageAt(hash, { conversationId: "one" });
      keepInvitation(page);
      expect(page).toMatchObject({ location: { hash }, history: { state: { conversationId: "one" } } });
      expect(keptInvitation(page)).toBeNull();
    },
  );
});
