/** What commands that change a room share: find it, change it, tell what became of it. */
import { type Client, ok, type Result, type RoomView } from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome } from "../../command-runner.ts";
import type { CliError } from "../../errors/command-error.ts";
import { reportChange } from "../../send-off.ts";
import { findRoom } from "../find-things.ts";

/** What the argument that names a room takes. */
export const ROOM_ARGUMENT = "a room's name, or the start of its id";

/** Finds a room and changes something in it. */
export function changeRoom(
  context: CommandContext,
  query: string,
  act: (client: Client, room: RoomView) => ReturnType<Client["acceptRoom"]>,
  done: string,
): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const room = await findRoom(client, query);
    if (!room.ok) return room;
    const changed = await act(client, room.value);
    return changed.ok ? reportRoom(context, client, room.value, `${done}.`) : changed;
  });
}

/** What became of a change once it had its chance to go out, as the room is now. */
export async function reportRoom(
  context: CommandContext,
  client: Client,
  { id }: RoomView,
  message: string,
): Promise<Result<Outcome, CliError>> {
  const reported = await reportChange(context, client, { json: {}, message });
  if (!reported.ok) return reported;
  const rooms = await client.rooms();
  if (!rooms.ok) return rooms;
  const room = rooms.value.find((one) => one.id === id);
  const waits = room !== undefined && room.pending.length > 0;
  const hint = waits ? ["It has not happened yet: it waits for the server, or for somebody's devices."] : [];
  return ok({
    ...reported.value,
    json: { ...reported.value.json, room },
    messages: waits && !context.isOffline ? hint : (reported.value.messages ?? []),
  });
}
