/**
 * What the demo says to a device process, and what it hears: one JSON object a line.
 *
 * Both ends are this program, in one version, on one machine.
 */
import type {
  Alarm,
  ClientError,
  ContactView,
  ConversationView,
  LinkingError,
  StateFingerprint,
  SyncReport,
  TagView,
} from "@dovetail/core";

export interface TranscriptMessage {
  readonly id: string;
  readonly author: string;
  readonly device: string;
  readonly text: string;
  readonly isStarred: boolean;
}

/** Parameters and answers by method. */
export interface DeviceMethods {
  createAccount: {
    params: { origin: string; handle: string; displayName: string; deviceName: string };
    value: { accountId: string; deviceId: string; recoveryWords: string };
  };
  join: { params: { code: string; deviceName: string }; value: { accountName: string } };
  acceptJoin: { params: object; value: { digits: string } };
  finishJoin: { params: object; value: { deviceId: string } };
  hostLink: { params: object; value: { code: string } };
  awaitAnswer: { params: object; value: { deviceName: string } };
  confirmLink: { params: { digits: string }; value: { deviceId: string } };
  setNetwork: { params: { isOn: boolean }; value: null };
  sync: { params: object; value: SyncReport };
  contactLink: { params: object; value: string };
  addContact: { params: { address: string; petname: string; greeting: string }; value: ContactView };
  contacts: { params: object; value: readonly ContactView[] };
  acceptContact: { params: { accountId: string }; value: ContactView };
  setPetname: { params: { accountId: string; petname: string }; value: null };
  safetyNumber: { params: { accountId: string }; value: string };
  conversations: { params: object; value: readonly ConversationView[] };
  /** Sends one after the other; each is durable before the next. */
  sendTexts: { params: { conversationId: string; texts: readonly string[] }; value: { sent: number } };
  /** All of a conversation, oldest first. */
  transcript: { params: { conversationId: string }; value: readonly TranscriptMessage[] };
  star: { params: { conversationId: string; messageId: string }; value: null };
  setArchived: { params: { conversationId: string; isArchived: boolean }; value: null };
  markRead: { params: { conversationId: string }; value: null };
  createTag: { params: { name: string }; value: TagView };
  tags: { params: object; value: readonly TagView[] };
  setTagged: { params: { conversationId: string; tagId: string }; value: null };
  createTagRule: { params: { accountId: string; tagId: string }; value: null };
  fingerprint: { params: object; value: StateFingerprint };
  stop: { params: object; value: null };
}

export type DeviceMethod = keyof DeviceMethods;
export type DeviceParams<M extends DeviceMethod> = DeviceMethods[M]["params"];
export type DeviceValue<M extends DeviceMethod> = DeviceMethods[M]["value"];

export interface DeviceRequest<M extends DeviceMethod = DeviceMethod> {
  readonly id: number;
  readonly method: M;
  readonly params: DeviceParams<M>;
}

export type DeviceFailure =
  | ClientError
  | LinkingError
  | { readonly type: "DeviceBroken"; readonly detail: string };

export type DeviceLine =
  | { readonly type: "answer"; readonly id: number; readonly value: unknown }
  | { readonly type: "failure"; readonly id: number; readonly error: DeviceFailure }
  | { readonly type: "alarm"; readonly alarm: Alarm }
  /** The process is up. */
  | { readonly type: "ready" };
