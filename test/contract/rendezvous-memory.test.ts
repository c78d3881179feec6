/** The in-memory rendezvous keeps the contract. */
import { createMemoryRendezvous } from "../support/memory-rendezvous.ts";
import { rendezvousContract } from "./rendezvous.ts";

rendezvousContract("memory", async () => {
  const memory = createMemoryRendezvous();
  return {
    rendezvous: memory.port,
    advance: (ms) => {
      memory.nowMs += ms;
    },
  };
});
