/** @matrix-org/olm as a contender of ../ratchet.ts. Its session start is not hybrid, so that is not compared. */
import Olm from "@matrix-org/olm";

function createAccount() {
  const account = new Olm.Account();
  account.create();
  return account;
}

/** Two sessions that have answered each other. */
function createPair(text) {
  const [a, b] = [createAccount(), createAccount()];
  b.generate_one_time_keys(1);
  const [oneTime] = Object.values(JSON.parse(b.one_time_keys()).curve25519);
  const from = new Olm.Session();
  from.create_outbound(a, JSON.parse(b.identity_keys()).curve25519, oneTime);
  const first = from.encrypt(text);
  const to = new Olm.Session();
  to.create_inbound(b, first.body);
  to.decrypt(first.type, first.body);
  const reply = to.encrypt(text);
  from.decrypt(reply.type, reply.body);
  a.free();
  b.free();
  return [from, to];
}

/** What ../ratchet.ts measures, each as a preparation that gives the work to time. */
export async function createContender(bytes) {
  await Olm.init();
  const text = String.fromCharCode(...bytes.map((byte) => 97 + (byte % 26)));
  const [sender] = createPair(text);
  return {
    name: "olm 3.2.15",
    works: {
      encrypt: async (count) => () => {
        for (let i = 0; i < count; i++) sender.encrypt(text);
      },
      decrypt: async (count) => {
        const [from, to] = createPair(text);
        const messages = Array.from({ length: count }, () => from.encrypt(text));
        return () => {
          for (const message of messages) to.decrypt(message.type, message.body);
        };
      },
      pingPong: async (count) => {
        const [from, to] = createPair(text);
        return () => {
          for (let i = 0; i < count; i += 2) {
            const there = from.encrypt(text);
            to.decrypt(there.type, there.body);
            const back = to.encrypt(text);
            from.decrypt(back.type, back.body);
          }
        };
      },
    },
  };
}
