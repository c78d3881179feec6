/** Alarms as they are stored. */
import {
  flag,
  id,
  integer,
  list,
  nullable,
  type Shape,
  type ShapeOf,
  struct,
  text,
  variants,
} from "../../codec/shape.ts";
import { ALARM_RULES_MAX, ALARM_SEQS_MAX } from "../../base/limits.ts";
import type { LogFault } from "../../log/log-reader.ts";
import type { Alarm } from "../client-error.ts";

const WORD_BYTES_MAX = 64;
const rule = text(WORD_BYTES_MAX);

const logFaultShape: Shape<LogFault> = variants({
  LogGap: [1, { expectedSeq: integer(0), seq: integer(0) }],
  LogRolledBack: [2, { seenSeq: integer(0), headSeq: integer(0) }],
  LogForked: [3, { seq: integer(0) }],
  LogIncarnationChanged: [4, { seen: integer(0), incarnation: integer(0) }],
  LogWithheld: [5, { seenSeq: integer(0), headSeq: integer(0) }],
  LogWriterAhead: [6, { written: integer(0), counted: integer(0) }],
});

/** An alarm without what it is about in words: ids, seqs and the rule that was broken. */
export const alarmShape: Shape<Alarm> = variants({
  LogDistrusted: [1, { logId: id("log"), fault: logFaultShape }],
  ChainDistrusted: [2, { accountId: id("account"), rule }],
  ChainsDisagree: [3, { accountId: id("account") }],
  EntryRefused: [4, { logId: id("log"), seq: integer(0), rule }],
  SnapshotDistrusted: [5, { rule }],
  DocumentDamaged: [6, { documentKind: rule }],
  DeviceRevoked: [7, {}],
  DeviceRolledBack: [8, { logId: id("log") }],
  FrontierDistrusted: [9, { device: id("device"), rule }],
  DevicesDiffer: [10, { device: id("device") }],
  RowsMended: [11, { rows: integer(0) }],
  ClockDiffers: [12, { hours: integer(0), isAhead: flag }],
  DeviceClockWrong: [13, { device: id("device") }],
  DeviceDoubled: [14, {}],
  HistoryForged: [15, { roomId: id("conversation"), accountId: id("account") }],
  RoomGone: [16, { roomId: id("conversation"), isOurs: flag }],
});

/**
 * `seenAtMs`: when it was last found; a fault that goes on is one alarm. `latest` is the last of `count` alarms of one group, of
 * which `alarm` was the first; `rules` are those they broke, the first of them; `seqs` the last entries that were refused. AL6
 */
export const alarmRow = struct({
  alarm: alarmShape,
  latest: alarmShape,
  count: integer(1),
  rules: list(rule, ALARM_RULES_MAX),
  seqs: list(integer(0), ALARM_SEQS_MAX),
  raisedAtMs: integer(0),
  seenAtMs: integer(0),
  acknowledgedAtMs: nullable(integer(0)),
  resolvedAtMs: nullable(integer(0)),
});
export type AlarmRow = ShapeOf<typeof alarmRow>;
