/** Notices as a face sees them. */
import type { AccountId } from "../../base/ids.ts";
import { directConversationId } from "../../messenger/op.ts";
import type { DeviceNoticeView } from "../views/alarm-view.ts";
import type { DeviceNotice } from "./chain-notices.ts";

/** A notice as a face sees it. */
export function noticeView(self: AccountId, notice: DeviceNotice): DeviceNoticeView {
  const { contact, device, seq, isRecovery, wasVerified, atMs } = notice;
  return {
    id: `${seq}/${device}`,
    contact,
    conversationId: directConversationId(self, contact),
    device,
    how: isRecovery ? "recovered" : "linked",
    atMs,
    wasVerified,
  };
}
