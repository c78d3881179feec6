/** One account, one device in Node and one in Deno, each a process with its own files: they link, converge, and write. */
import { afterAll, expect, test } from "vitest";
import { createDemoProcesses, type DemoDevice } from "../../cli/demo/demo-processes.ts";
import { DENO } from "../support/runtimes.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const folder = createTemporaryFolder();
const processes = createDemoProcesses(folder.path);

afterAll(() => {
  processes.endAll();
  folder.discard();
});

async function syncAll(...devices: readonly DemoDevice[]): Promise<void> {
  for (let round = 0; round < 3; round++) for (const device of devices) await device.call("sync", {});
}

async function textsOf(device: DemoDevice): Promise<readonly string[]> {
  const [conversation] = await device.call("conversations", {});
  if (conversation === undefined) throw new Error("there is a conversation");
  return (await device.call("transcript", { conversationId: conversation.id })).map(
    (message) => message.text,
  );
}

test("Node and Deno hold the same account: linked, edited apart, written from both", async () => {
  const server = await processes.startServer();
  const node = await processes.startDevice("node", "laptop");
  const deno = await processes.startDevice("deno", "box", [DENO, "run", "--allow-all", "--no-remote"]);
  const ben = await processes.startDevice("ben", "Ben");
  const { origin } = server;
  await node.call("createAccount", { origin, handle: "ada", displayName: "Ada", deviceName: "laptop" });
  await ben.call("createAccount", { origin, handle: "ben", displayName: "Ben", deviceName: "desktop" });
  await syncAll(node, ben);

  const { code } = await node.call("hostLink", {});
  await deno.call("join", { code, deviceName: "box" });
  const { digits } = await deno.call("acceptJoin", {});
  await node.call("awaitAnswer", {});
  await node.call("confirmLink", { digits });
  await deno.call("finishJoin", {});
  await syncAll(deno, node);

  // Edits on both without a connection, contacts and messages from either.
  await deno.call("setNetwork", { isOn: false });
  await deno.call("createTag", { name: "made in Deno" });
  await node.call("createTag", { name: "made in Node" });
  await deno.call("setNetwork", { isOn: true });
  await deno.call("addContact", {
    address: await ben.call("contactLink", {}),
    petname: "Ben",
    greeting: "from Deno",
  });
  await syncAll(deno, ben);
  const [ada] = await ben.call("contacts", {});
  if (ada === undefined) throw new Error("Ben has a request");
  await ben.call("acceptContact", { accountId: ada.accountId });
  await syncAll(ben, node, deno);
  await node.call("sendTexts", { conversationId: ada.conversationId, texts: ["from Node"] });
  await syncAll(node, ben, deno);
  await ben.call("sendTexts", { conversationId: ada.conversationId, texts: ["to both"] });
  await syncAll(ben, node, deno, node);

  expect(await deno.call("fingerprint", {})).toEqual(await node.call("fingerprint", {}));
  expect((await deno.call("tags", {})).map((tag) => tag.name)).toEqual(["made in Deno", "made in Node"]);
  for (const device of [node, deno, ben]) {
    expect(await textsOf(device)).toEqual(["from Deno", "from Node", "to both"]);
    expect(device.alarms).toEqual([]);
  }
  for (const device of [node, deno, ben]) await device.stop();
  await server.stop();
}, 120_000);
