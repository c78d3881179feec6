/** The page that other sites frame: an engine with a profile of its own, and the layout for one conversation. Rules WB40 to WB44. */
import { openEngine } from "../engine/open-engine.ts";
import { showEmbed, showEmbedRefused } from "../ui/embed/dt-embed.ts";

/** Never the one of Dovetail itself, also where a browser keeps both in one place. */
const PROFILE = "embed";

void open();

async function open(): Promise<void> {
  // Outside of a frame Dovetail itself is there.
  if (window.parent === window) location.replace("/");
  else if (!(await mayKeep())) showEmbedRefused(window);
  // A site's page has not let the frame ask for passkeys.
  else showEmbed(window, { ...openEngine(PROFILE), hasPasskeys: () => Promise.resolve(false) });
}

/** Some browsers, and private windows of most, let a frame of another site keep nothing, and refuse what an engine cannot do without. */
async function mayKeep(): Promise<boolean> {
  try {
    await Promise.all([
      navigator.locks.request(`dovetail/${PROFILE}/may-keep`, () => {}),
      indexedDB.databases(),
    ]);
    return true;
  } catch {
    return false;
  }
}
