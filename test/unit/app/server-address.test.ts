import { expect, test } from "vitest";
import { serverAddress } from "../../../app/ui/parts/server-address.ts";

test("an address is taken as people type it, and nothing else", () => {
  expect(serverAddress(" chat.example.org ")).toBe("https://chat.example.org");
  expect(serverAddress("https://Chat.Example.org:443/inbox?x#y")).toBe("https://chat.example.org");
  expect(serverAddress("http://127.0.0.1:8080")).toBe("http://127.0.0.1:8080");
  expect(serverAddress("chat.example.org:8443")).toBe("https://chat.example.org:8443");
  for (const typed of [
    "",
    "not an address",
    "javascript:alert(1)",
    "ftp://chat.example.org",
    "https://a@b.example",
  ])
    expect(serverAddress(typed), typed).toBe(null);
});
