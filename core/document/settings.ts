/** The settings document: what the account says of itself, and the names of its devices. Rule DC37. */
import type { DeviceId } from "../base/ids.ts";
import { DEVICE_NAME_BYTES_MAX, DISPLAY_NAME_BYTES_MAX } from "../base/limits.ts";
import type { DocumentSchema, FieldFault } from "./document-schema.ts";
import { idKey, textScalar, wordKey } from "./field-codec.ts";
import { readField, type StateField } from "./state-field.ts";

export interface Settings {
  readonly displayName: string | null;
  readonly handle: string | null;
  /** 32 hexadecimal digits: the ticket that replaced the first one; null while that stands. */
  readonly ticket: string | null;
  readonly deviceNamesById: ReadonlyMap<DeviceId, string>;
}

export type ProfileWord = "displayName" | "handle" | "ticket";

/** The fields; each is set by `setField`. */
export const SETTINGS = {
  profile: {
    map: "profile",
    key: wordKey("displayName", "handle", "ticket"),
    value: textScalar(DISPLAY_NAME_BYTES_MAX),
  } satisfies StateField<ProfileWord, string>,
  deviceName: {
    map: "deviceName",
    key: idKey("device"),
    value: textScalar(DEVICE_NAME_BYTES_MAX),
  } satisfies StateField<DeviceId, string>,
};

/** Reads a settings document. */
export const settingsSchema: DocumentSchema<Settings> = {
  kind: "settings",
  decode(view) {
    const faults: FieldFault[] = [];
    const profile = new Map(readField(view, SETTINGS.profile, faults).map(({ key, value }) => [key, value]));
    const deviceNamesById = new Map(
      readField(view, SETTINGS.deviceName, faults).map(({ key, value }) => [key, value]),
    );
    return {
      value: {
        displayName: profile.get("displayName") ?? null,
        handle: profile.get("handle") ?? null,
        ticket: profile.get("ticket") ?? null,
        deviceNamesById,
      },
      faults,
    };
  },
};
