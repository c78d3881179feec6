/** What members of a room and its server send: entries, contexts, key packages, Welcomes, commits and messages of the group. */
import { present } from "../../../core/base/assert.ts";
import { type Bytes, concatBytes, toUtf8 } from "../../../core/base/bytes.ts";
import { idBytes, idFromBytes } from "../../../core/base/ids.ts";
import { ROOM_LIFETIME_MS_MIN } from "../../../core/base/limits.ts";
import { encodeCbor } from "../../../core/codec/cbor.ts";
import { LABEL } from "../../../core/crypto/labels.ts";
import { pad } from "../../../core/crypto/padding.ts";
import { seal } from "../../../core/crypto/seal.ts";
import { decodeGroup, encodeGroup } from "../../../core/group/group-codec.ts";
import { claimedEpoch, openGroupMessage, sealGroupMessage } from "../../../core/group/group-message.ts";
import { joinGroup, welcomedKeyPackages } from "../../../core/group/join-group.ts";
import { verifyPublishedKeyPackage } from "../../../core/group/key-package.ts";
import { receiveCommit } from "../../../core/group/receive-commit.ts";
import {
  encodeRoomContext,
  parseRoomContext,
  type RoomContext,
} from "../../../core/messenger/room/room-context.ts";
import { openRoomEntry, roomBodyShape } from "../../../core/messenger/room/room-entry.ts";
import { must } from "../../support/chain-world.ts";
import { createGroupWorld, NOW_MS } from "../../support/group-world.ts";
import { accountOf, filled, logOf } from "../../support/messages.ts";
import { type FuzzTarget, verdictOf, verdictOfNullable } from "../fuzz-target.ts";
import { generatorOf } from "../generate-shape.ts";

const rooms: FuzzTarget = {
  name: "rooms",
  about: "entries of a room under its key, with any body, and contexts that say who is in it",
  prepare(random) {
    const roomKey = filled(4);
    const place = { logId: logOf(1), header: random.bytes(20) };
    const context = {
      key: roomKey,
      label: LABEL.sealRoomEntry,
      aad: concatBytes(idBytes(place.logId), place.header),
    };
    const generate = present(generatorOf(roomBodyShape.print), "a room's body prints itself");
    const bodies = Array.from({ length: 12 }, () => encodeCbor(generate(random)));
    const room: RoomContext = {
      name: "room",
      about: "",
      keysSince: 0,
      lifetimeMs: null,
      history: null,
      members: [1, 2, 3].map((number) => ({
        accountId: accountOf(number),
        name: "ada",
        origin: "https://dove.example",
        role: number === 1 ? "owner" : "member",
        sinceEpoch: 0,
        seq: 1,
        head: idFromBytes("link", filled(number)),
        mutedUntilMs: null,
      })),
    };
    const open = (sealed: Bytes) => verdictOfNullable(openRoomEntry(roomKey, place, sealed));
    return {
      seeds: [
        ...bodies.map((body) => ({
          bytes: body,
          form: "cbor" as const,
          feed: (input: Bytes) => open(seal(random, context, pad(input))),
        })),
        { bytes: seal(random, context, pad(present(bodies[0], "a body"))), form: "bytes", feed: open },
        ...[{}, { lifetimeMs: ROOM_LIFETIME_MS_MIN }, { history: { days: 7, since: 1, former: [] } }].map(
          (more) => ({
            bytes: encodeRoomContext({ ...room, ...more }),
            form: "cbor" as const,
            feed: (input: Bytes) => verdictOf(parseRoomContext(input)),
          }),
        ),
      ],
    };
  },
};

const groups: FuzzTarget = {
  name: "groups",
  about: "key packages, Welcomes, commits and messages of a group, and stored groups",
  async prepare() {
    const world = createGroupWorld("fuzz groups");
    const { deps, suite } = world;
    const [ada, ben, carl] = ["ada", "ben", "carl"].map((name) => world.device(name, "one"));
    if (ada === undefined || ben === undefined || carl === undefined) throw new Error("three devices");
    const [adas, bens] = await world.groupOf(ada, ben);
    if (adas === undefined || bens === undefined) throw new Error("two groups");
    const package_ = await world.keyPackage(carl);
    const added = await world.commit(adas, {
      add: [await world.verified(package_)],
      context: toUtf8("next"),
    });
    const welcome = present(added.welcome, "who is added is welcomed");
    const message = must(
      await sealGroupMessage(deps, adas, { plaintext: toUtf8("hello"), authenticatedData: toUtf8("data") }),
    );
    const stored = encodeGroup(bens);
    return {
      seeds: [
        {
          bytes: package_.published,
          form: "bytes",
          feed: async (input) =>
            verdictOf(await verifyPublishedKeyPackage(suite, input, { ...deps, nowMs: NOW_MS })),
        },
        {
          bytes: welcome,
          form: "bytes",
          async feed(input) {
            await welcomedKeyPackages(input);
            return verdictOf(await joinGroup(deps, input, package_, toUtf8("next")));
          },
        },
        {
          bytes: added.commit,
          form: "bytes",
          feed: async (input) =>
            verdictOf(await receiveCommit(deps, bens, input, world.judgeOf(added.commit))),
        },
        {
          bytes: message.sealed,
          form: "bytes",
          async feed(input) {
            await claimedEpoch(input);
            return verdictOf(await openGroupMessage(deps, bens, input));
          },
        },
        {
          bytes: stored.epoch,
          form: "cbor",
          feed: async (input) => verdictOf(await decodeGroup(deps, { ...stored, epoch: input })),
        },
        {
          bytes: present([...(stored.ratchets.get(1)?.values() ?? [])][0], "ratchets of the epoch"),
          form: "cbor",
          feed: async (input) =>
            verdictOf(
              await decodeGroup(deps, { ...stored, ratchets: new Map([[1, new Map([[1, input]])]]) }),
            ),
        },
      ],
    };
  },
};

export const ROOM_TARGETS: readonly FuzzTarget[] = [rooms, groups];
