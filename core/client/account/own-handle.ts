/** The account's handle: every device has it in the settings; the profile of the one that made the account has its first. */
import { HANDLE_CHARS_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { SETTINGS, settingsSchema } from "../../document/schema/settings.ts";
import { setField } from "../../document/schema/state-field.ts";
import type { ClientError } from "../client-error.ts";
import type { Engine } from "../engine.ts";

/** The handle this account has at its home; null when it has none. */
export async function ownHandle(engine: Engine): Promise<Result<string | null, ClientError>> {
  const settings = await engine.documents.read(engine.log.ref({ type: "settings" }), settingsSchema);
  return settings.ok ? ok(settings.value.handle ?? engine.context.identity.handle) : settings;
}

/**
 * The handle to register at `origin`: the one asked for, also by an attempt that ended early, else the present one. What is asked
 * for is remembered until `settleHandle`. - Fails: `bad-handle` for one that is too long.
 */
export async function handleFor(
  engine: Engine,
  origin: string,
  asked: string | undefined,
): Promise<Result<string | null, ClientError>> {
  const { tables, store } = engine.context;
  if (asked !== undefined) {
    if (asked.length > HANDLE_CHARS_MAX) return err({ type: "Refused", code: "bad-handle" });
    const kept = await store.batch([tables.moving.put([], { origin, handle: asked })]);
    return kept.ok ? ok(asked) : kept;
  }
  const before = await tables.moving.get();
  if (!before.ok) return before;
  return before.value?.origin === origin ? ok(before.value.handle) : ownHandle(engine);
}

/** Notes for all own devices which handle the account has at its home now: `handle`, or one that the home knew it by before. */
export async function settleHandle(
  engine: Engine,
  handle: string | null,
): Promise<Result<void, ClientError>> {
  const { tables, store, identity, directory, serial } = engine.context;
  const present = await ownHandle(engine);
  if (!present.ok) return present;
  for (const one of new Set([handle, present.value, identity.handle])) {
    if (one === null) continue;
    const found = await directory(identity.origin).lookUpHandle(one);
    if (!found.ok) return found;
    if (found.value !== identity.accountId) continue;
    const noted =
      one === present.value
        ? ok()
        : await serial.run(() =>
            engine.log.edit({ type: "settings" }, (draft) =>
              setField(draft, SETTINGS.profile, "handle", one),
            ),
          );
    return noted.ok ? store.batch([tables.moving.remove()]) : noted;
  }
  return store.batch([tables.moving.remove()]);
}
