import { describe, expect, test } from "vitest";
import {
  compareFingerprints,
  compareOrder,
  compareTexts,
  compareTranscripts,
  type DeviceState,
} from "../../../cli/demo/compare-devices.ts";

function message(id: string, author: string, text: string, device = `${author}-1`) {
  return { id, author, device, text, isStarred: false };
}

const TRANSCRIPT = [message("1", "ada", "one"), message("2", "ben", "two"), message("3", "ada", "three")];
const FINGERPRINT = { headsByKind: { inbox: "a", bucket: "b" }, ops: "c", opCount: 3, view: "d" };
const EXPECTED = TRANSCRIPT.map(({ author, text }) => ({ author, text }));

function device(name: string, changes: Partial<DeviceState> = {}): DeviceState {
  return { name, fingerprint: FINGERPRINT, transcript: TRANSCRIPT, ...changes };
}

describe("comparing devices", () => {
  test("equal ones give nothing", () => {
    const devices = [device("laptop"), device("phone")];
    expect(compareFingerprints(devices)).toEqual([]);
    expect(compareTranscripts(devices)).toEqual([]);
    expect(compareTexts(device("phone"), EXPECTED)).toEqual([]);
    expect(compareOrder(device("phone"), new Map([["ada-1", ["one", "three"]]]))).toEqual([]);
  });

  test.each([
    [{ ...FINGERPRINT, headsByKind: { inbox: "x", bucket: "b" } }, "inbox documents"],
    [{ ...FINGERPRINT, headsByKind: { bucket: "b" } }, "inbox documents"],
    [{ ...FINGERPRINT, ops: "x", opCount: 4 }, "ops (3 and 4)"],
    [{ ...FINGERPRINT, view: "x" }, "the view"],
  ])("a differing fingerprint is named", (fingerprint, part) => {
    expect(compareFingerprints([device("laptop"), device("phone", { fingerprint })])).toEqual([
      `laptop and phone differ in ${part}`,
    ]);
  });

  test("a missing, a swapped and a changed message are named", () => {
    const [one, two, three] = TRANSCRIPT;
    if (one === undefined || two === undefined || three === undefined) throw new Error("three messages");
    const against = (transcript: typeof TRANSCRIPT) =>
      compareTranscripts([device("laptop"), device("phone", { transcript })]);
    expect(against([one, two])).toEqual(["laptop shows 3 messages and phone 2"]);
    expect(against([two, one, three])).toEqual(["laptop and phone show different messages at place 1 of 3"]);
    expect(against([one, two, { ...three, text: "tree" }])).toEqual([
      "laptop and phone show different messages at place 3 of 3",
    ]);
  });

  test("a lost text, one too many and one by the wrong author are named", () => {
    const twice = device("phone", { transcript: [...TRANSCRIPT, message("4", "ada", "one")] });
    expect(compareTexts(twice, EXPECTED)).toEqual(['phone shows 1 texts nobody sent, or twice: "ada one"']);
    const less = device("phone", { transcript: TRANSCRIPT.slice(1) });
    expect(compareTexts(less, EXPECTED)).toEqual(['phone lacks 1 of 3 texts: "ada one"']);
    const forged = device("phone", { transcript: [message("1", "ben", "one"), ...TRANSCRIPT.slice(1)] });
    expect(compareTexts(forged, EXPECTED)).toHaveLength(2);
  });

  test("texts of one device out of order are named", () => {
    expect(compareOrder(device("phone"), new Map([["ada-1", ["three", "one"]]]))).toEqual([
      "phone shows the texts of device ada-1 in another order from its 1. on",
    ]);
  });
});
