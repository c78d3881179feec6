/** A connection to a server's gateway that counts what passes, where somebody asks. */
import type { LogId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import type { PlacedEntry } from "../../protocol/entry.ts";
import type { ServerFrame } from "../../protocol/server-frame.ts";
import type { ClientMeter } from "../client-meter.ts";
import { connectGateway, type Gateway, type GatewayDeps, type ServerError } from "./gateway.ts";

/** What `connectMetered` needs; null counts nothing. */
export interface MeteredDeps extends GatewayDeps {
  readonly meter: ClientMeter | null;
}

/** `connectGateway`, counted by `deps.meter`. */
export async function connectMetered(
  deps: MeteredDeps,
  origin: string,
): Promise<Result<Gateway, ServerError>> {
  const gateway = await connectGateway(deps, origin);
  return gateway.ok && deps.meter !== null ? ok(meterGateway(gateway.value, deps.meter)) : gateway;
}

type Request = Parameters<Gateway["call"]>[1];

/** `gateway`, with all that passes through it counted. */
export function meterGateway(gateway: Gateway, meter: ClientMeter): Gateway {
  const readByChannel = new Map<number, number>();
  const received = (entries: readonly PlacedEntry[]): void => {
    for (const { sealed } of entries) meter.entry("received", sealed.length);
  };

  const countRequest = (request: Request): void => {
    if (request.type === "append")
      for (const { sealed } of request.entries) meter.entry("sent", sealed.length);
    else if (request.type === "appendAndRekey") meter.entry("sent", request.entry.sealed.length);
  };

  const countAnswer = (request: Request, answered: Result<ServerFrame, ServerError>): void => {
    if (!answered.ok) {
      // Who ends the connection refuses once, however much waited on it.
      if (answered.error.type === "Refused" && gateway.goodbye() === null) meter.refused(answered.error.code);
      return;
    }
    const frame = answered.value;
    if (frame.type === "appended") {
      for (const result of frame.results) if (result.type === "refused") meter.refused(result.code);
    } else if (frame.type === "entries" && request.type === "read") {
      received(frame.entries);
      const read = (readByChannel.get(request.channel) ?? 0) + frame.entries.length;
      const isAtHead = (frame.entries.at(-1)?.seq ?? frame.head.seq) >= frame.head.seq;
      if (isAtHead) meter.replayed(read);
      readByChannel.set(request.channel, isAtHead ? 0 : read);
    } else if (frame.type === "ids") received(frame.kept);
    else if (request.type === "ack") meter.acked();
  };

  void gateway.whenClosed.then(() => {
    const code = gateway.goodbye();
    if (code !== null) meter.refused(code);
  });
  return {
    ...gateway,
    async call(answer, request) {
      countRequest(request);
      const answered = await gateway.call(answer, request);
      countAnswer(request, answered);
      return answered;
    },
    onDeliver: (logId: LogId, handler) =>
      gateway.onDeliver(logId, (entries) => {
        received(entries);
        handler(entries);
      }),
  };
}
