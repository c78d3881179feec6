/** What a person does with the shared documents of a room, over the engine. Rules SD13-SD15. */
import { toUtf8 } from "../../../base/bytes.ts";
import type { ConversationId } from "../../../base/ids.ts";
import {
  SHARED_ITEM_BYTES_MAX,
  SHARED_NOTE_BYTES_MAX,
  SHARED_TITLE_BYTES_MAX,
} from "../../../base/limits.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import type { DocumentRoot } from "../../../document/document-loader.ts";
import { editList, type ListEdit, setText } from "../../../document/shared/shared-forms.ts";
import { memberOf } from "../../../messenger/room/room-context.ts";
import type { Client } from "../../client.ts";
import type { RoomDocumentEdit, RoomDocumentView } from "../../views/room-view.ts";
import type { ClientError, RoomDocumentRule } from "../../client-error.ts";
import type { Engine } from "../../engine.ts";

type RoomDocumentActs = Pick<
  Client,
  "roomDocuments" | "createRoomDocument" | "editRoomDocument" | "removeRoomDocument"
>;

export function createRoomDocumentActs(engine: Engine): RoomDocumentActs {
  const { context, rooms, roomDocuments, emit } = engine;
  const { serial, identity, times } = context;

  /** Whether this account may write in a room now, as far as is known here. */
  async function checkWriter(roomId: ConversationId): Promise<Result<void, ClientError>> {
    const record = await rooms.book.get(roomId);
    if (!record.ok) return record;
    if (record.value === null) return err({ type: "UnknownRoom" });
    if (record.value.standing.standing !== "joined") return err({ type: "NotInRoom" });
    const room = await rooms.contextOf(roomId);
    if (!room.ok) return room;
    const mutedUntilMs = room.value === null ? null : memberOf(room.value, identity.accountId)?.mutedUntilMs;
    // SD15: what others leave out would leave out all that follows it.
    const isMuted = typeof mutedUntilMs === "number" && times.earliestMs() < mutedUntilMs;
    return isMuted ? err({ type: "RoomDocumentRefused", rule: "muted" }) : ok();
  }

  /** Something that changes a room's documents, by one who may. */
  function change<T>(
    roomId: ConversationId,
    act: () => Promise<Result<T, ClientError>>,
  ): Promise<Result<T, ClientError>> {
    return serial.run(async () => {
      const allowed = await checkWriter(roomId);
      if (!allowed.ok) return allowed;
      const done = await act();
      if (done.ok) emit({ type: "state" });
      return done;
    });
  }

  return {
    async roomDocuments(roomId) {
      const room = await serial.run(() => rooms.book.get(roomId));
      if (!room.ok) return room;
      return room.value === null ? err({ type: "UnknownRoom" }) : roomDocuments.all(roomId, serial.run);
    },
    async createRoomDocument(roomId, form, title) {
      const rule = judgeText(title, SHARED_TITLE_BYTES_MAX, { mayBeEmpty: false });
      if (rule !== null) return err({ type: "RoomDocumentRefused", rule });
      return change(roomId, () => roomDocuments.create(roomId, { form, title }));
    },
    async editRoomDocument(roomId, documentId, edit, since) {
      return change(roomId, async (): Promise<Result<RoomDocumentView, ClientError>> => {
        const now = await roomDocuments.get(roomId, documentId);
        if (!now.ok) return now;
        const act = actOf(edit, now.value.form);
        if (typeof act === "string") return err({ type: "RoomDocumentRefused", rule: act });
        const place = since === undefined ? { roomId, documentId } : { roomId, documentId, since };
        return roomDocuments.edit(place, act);
      });
    },
    removeRoomDocument: (roomId, documentId) =>
      change(roomId, () => roomDocuments.remove(roomId, documentId)),
  };
}

/** What an edit does to a document of a form, or why it does not. SD13 */
function actOf(
  edit: RoomDocumentEdit,
  form: string,
): ((draft: DocumentRoot) => RoomDocumentRule | null) | RoomDocumentRule {
  const { type, text = "" } = edit;
  if (type === "title" || type === "text") {
    if (type === "text" && form !== "note") return "form";
    const bytesMax = type === "title" ? SHARED_TITLE_BYTES_MAX : SHARED_NOTE_BYTES_MAX;
    const rule = judgeText(text, bytesMax, { mayBeEmpty: type === "text" });
    if (rule !== null) return rule;
    return (draft) => {
      setText(draft, type, text);
      return null;
    };
  }
  if (form !== "list") return "form";
  const isWritten = type === "add" || type === "item-text";
  const rule = isWritten ? judgeText(text, SHARED_ITEM_BYTES_MAX, { mayBeEmpty: false }) : null;
  if (rule !== null) return rule;
  return (draft) => (editList(draft, listEditOf(edit)) ? null : "item");
}

function listEditOf({ type, text = "", item = "" }: RoomDocumentEdit): ListEdit {
  if (type === "add") return { type: "add", text, before: item };
  if (type === "item-text") return { type: "text", id: item, text };
  if (type === "remove") return { type: "remove", id: item };
  return { type: "done", id: item, isDone: type === "check" };
}

function judgeText(
  text: string,
  bytesMax: number,
  { mayBeEmpty }: { readonly mayBeEmpty: boolean },
): RoomDocumentRule | null {
  if (!text.isWellFormed()) return "content";
  if (text.trim() === "" && !mayBeEmpty) return "empty";
  return toUtf8(text).length > bytesMax ? "too-long" : null;
}
