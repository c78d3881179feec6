/** The settings document: what the account says of itself, and what its devices are. Rule DC37. */
import type { DeviceId } from "../../base/ids.ts";
import { DEVICE_NAME_BYTES_MAX, DISPLAY_NAME_BYTES_MAX } from "../../base/limits.ts";
import type { DocumentSchema, FieldFault } from "./document-schema.ts";
import { idKey, type KeyCodec, pairKey, textScalar, wordKey } from "./field-codec.ts";
import { readField, type StateField } from "./state-field.ts";

/** What a device is: a browser on a computer, a phone, a tablet; or the command line. */
export const DEVICE_KINDS = ["browser", "phone", "tablet", "command-line"] as const;
export type DeviceKind = (typeof DEVICE_KINDS)[number];

export interface Settings {
  readonly displayName: string | null;
  readonly handle: string | null;
  /** 32 hexadecimal digits: the ticket that replaced the first one; null while that stands. */
  readonly ticket: string | null;
  readonly deviceNamesById: ReadonlyMap<DeviceId, string>;
  /** As each device says of itself. One of a kind that is not known here has none. */
  readonly deviceKindsById: ReadonlyMap<DeviceId, DeviceKind>;
}

export type ProfileWord = "displayName" | "handle" | "ticket";

/** What is said of a device. */
export interface DeviceFact {
  readonly device: DeviceId;
  readonly fact: "name" | "kind";
}

const deviceId = idKey("device");
const deviceAndKind = pairKey(deviceId, wordKey("kind"));

/** A name stands under the id alone, as it did before there were kinds. */
const deviceFactKey: KeyCodec<DeviceFact> = {
  print: ({ device, fact }) =>
    fact === "name" ? deviceId.print(device) : deviceAndKind.print([device, fact]),
  parse(text) {
    const named = deviceId.parse(text);
    if (named !== null) return { device: named, fact: "name" };
    const pair = deviceAndKind.parse(text);
    return pair === null ? null : { device: pair[0], fact: pair[1] };
  },
};

/** The fields; each is set by `setField`. */
export const SETTINGS = {
  profile: {
    map: "profile",
    key: wordKey("displayName", "handle", "ticket"),
    value: textScalar(DISPLAY_NAME_BYTES_MAX),
  } satisfies StateField<ProfileWord, string>,
  device: {
    map: "deviceName",
    key: deviceFactKey,
    value: textScalar(DEVICE_NAME_BYTES_MAX),
  } satisfies StateField<DeviceFact, string>,
};

/** Reads a settings document. */
export const settingsSchema: DocumentSchema<Settings> = {
  kind: "settings",
  decode(view) {
    const faults: FieldFault[] = [];
    const profile = new Map(readField(view, SETTINGS.profile, faults).map(({ key, value }) => [key, value]));
    const deviceNamesById = new Map<DeviceId, string>();
    const deviceKindsById = new Map<DeviceId, DeviceKind>();
    for (const { key, value } of readField(view, SETTINGS.device, faults)) {
      const kind = DEVICE_KINDS.find((one) => one === value);
      if (key.fact === "name") deviceNamesById.set(key.device, value);
      else if (kind !== undefined) deviceKindsById.set(key.device, kind);
    }
    return {
      value: {
        displayName: profile.get("displayName") ?? null,
        handle: profile.get("handle") ?? null,
        ticket: profile.get("ticket") ?? null,
        deviceNamesById,
        deviceKindsById,
      },
      faults,
    };
  },
};
