/** Alarms and notices as a face sees them, and the one thing it can do: say that a person has read an alarm. */
import { err, ok } from "../../base/result.ts";
import type { Client } from "../client.ts";
import type { AlarmView, ChainDisagreement } from "../views/alarm-view.ts";
import type { Engine } from "../engine.ts";
import type { StoredAlarm } from "./alarm-book.ts";
import type { ChainsQuote } from "./disputes.ts";
import { noticeView } from "./notice-view.ts";

export function createAlarmActs({
  findings,
  contacts,
  views,
  context,
  emit,
}: Engine): Pick<Client, "alarms" | "acknowledgeAlarm" | "deviceNotices"> {
  const { serial, clock, identity } = context;

  async function alarmView(stored: StoredAlarm) {
    const { number, alarm, ...times } = stored;
    const about = "accountId" in alarm ? alarm.accountId : null;
    const record = about === null ? ok(null) : await contacts.get(about);
    if (!record.ok) return record;
    const quotes = alarm.type === "ChainsDisagree" ? findings.disputes.of(alarm.accountId) : [];
    return ok<AlarmView>({
      id: String(number),
      alarm,
      contact: record.value === null ? null : views.contact(record.value),
      disagreements: stored.resolvedAtMs === null ? quotes.flatMap(disagreementsOf) : [],
      ...times,
    });
  }

  return {
    alarms: () =>
      serial.run(async () => {
        const all: AlarmView[] = [];
        for (const stored of findings.book.all()) {
          const view = await alarmView(stored);
          if (!view.ok) return view;
          all.push(view.value);
        }
        return ok(all);
      }),
    acknowledgeAlarm: async (id) => {
      const number = /^[1-9][0-9]{0,14}$/.test(id) ? Number(id) : null;
      if (number === null) return err({ type: "UnknownAlarm" });
      const read = await findings.book.acknowledge(number, Math.max(0, clock.nowMs()));
      if (!read.ok) return read;
      emit({ type: "state" });
      return ok();
    },
    deviceNotices: (accountId) =>
      serial.run(async () => {
        const notices = await findings.notices.of(accountId);
        return notices.ok ? ok(notices.value.map((one) => noticeView(identity.accountId, one))) : notices;
      }),
  };
}

function disagreementsOf(quote: ChainsQuote): readonly ChainDisagreement[] {
  const { device } = quote;
  const own: readonly ChainDisagreement[] = quote.isOwnSame
    ? []
    : [{ device, chain: "own", seq: quote.ownSeq }];
  return quote.isTheirsSame ? own : [...own, { device, chain: "theirs", seq: quote.theirSeq }];
}
