/** @signalapp/libsignal-client (AGPL-3.0-only; installed by --peers, never shipped) as a contender of ../ratchet.ts. */
import {
  IdentityChange,
  IdentityKeyPair,
  IdentityKeyStore,
  KEMKeyPair,
  KyberPreKeyRecord,
  KyberPreKeyStore,
  PreKeyBundle,
  PreKeyRecord,
  PreKeySignalMessage,
  PreKeyStore,
  PrivateKey,
  ProtocolAddress,
  processPreKeyBundle,
  SessionStore,
  SignalMessage,
  SignedPreKeyRecord,
  SignedPreKeyStore,
  signalDecrypt,
  signalDecryptPreKey,
  signalEncrypt,
} from "@signalapp/libsignal-client";

class Sessions extends SessionStore {
  records = new Map();
  async saveSession(address, record) {
    this.records.set(address.toString(), record);
  }
  async getSession(address) {
    return this.records.get(address.toString()) ?? null;
  }
  async getExistingSessions(addresses) {
    return addresses.map((address) => this.records.get(address.toString()));
  }
}

class Identities extends IdentityKeyStore {
  pair = IdentityKeyPair.generate();
  known = new Map();
  async getIdentityKey() {
    return this.pair.privateKey;
  }
  async getIdentityKeyPair() {
    return this.pair;
  }
  async getLocalRegistrationId() {
    return 5;
  }
  async saveIdentity(address, key) {
    this.known.set(address.toString(), key);
    return IdentityChange.NewOrUnchanged;
  }
  async isTrustedIdentity() {
    return true;
  }
  async getIdentity(address) {
    return this.known.get(address.toString()) ?? null;
  }
}

class OneTime extends PreKeyStore {
  records = new Map();
  async savePreKey(id, record) {
    this.records.set(id, record);
  }
  async getPreKey(id) {
    return this.records.get(id);
  }
  async removePreKey(id) {
    this.records.delete(id);
  }
}

class Signed extends SignedPreKeyStore {
  records = new Map();
  async saveSignedPreKey(id, record) {
    this.records.set(id, record);
  }
  async getSignedPreKey(id) {
    return this.records.get(id);
  }
}

class Kyber extends KyberPreKeyStore {
  records = new Map();
  async saveKyberPreKey(id, record) {
    this.records.set(id, record);
  }
  async getKyberPreKey(id) {
    return this.records.get(id);
  }
  async markKyberPreKeyUsed() {}
}

let nextName = 0;

function createDevice() {
  return {
    address: ProtocolAddress.new(`device-${nextName++}`, 1),
    sessions: new Sessions(),
    identities: new Identities(),
    oneTime: new OneTime(),
    signed: new Signed(),
    kyber: new Kyber(),
  };
}

async function createBundle(device, id) {
  const key = device.identities.pair;
  const preKey = PrivateKey.generate();
  const signedKey = PrivateKey.generate();
  const kem = KEMKeyPair.generate();
  const signedSignature = key.privateKey.sign(signedKey.getPublicKey().serialize());
  const kemSignature = key.privateKey.sign(kem.getPublicKey().serialize());
  await device.oneTime.savePreKey(id, PreKeyRecord.new(id, preKey.getPublicKey(), preKey));
  await device.signed.saveSignedPreKey(
    id,
    SignedPreKeyRecord.new(id, 0, signedKey.getPublicKey(), signedKey, signedSignature),
  );
  await device.kyber.saveKyberPreKey(id, KyberPreKeyRecord.new(id, 0, kem, kemSignature));
  return PreKeyBundle.new(
    5,
    1,
    id,
    preKey.getPublicKey(),
    id,
    signedKey.getPublicKey(),
    signedSignature,
    key.publicKey,
    id,
    kem.getPublicKey(),
    kemSignature,
  );
}

const encrypt = (from, to, text) =>
  signalEncrypt(text, to.address, from.address, from.sessions, from.identities);

const decrypt = (at, from, bytes) =>
  signalDecrypt(SignalMessage.deserialize(bytes), from.address, at.address, at.sessions, at.identities);

const decryptFirst = (at, from, bytes) =>
  signalDecryptPreKey(
    PreKeySignalMessage.deserialize(bytes),
    from.address,
    at.address,
    at.sessions,
    at.identities,
    at.oneTime,
    at.signed,
    at.kyber,
  );

const start = (from, to, bundle) =>
  processPreKeyBundle(bundle, to.address, from.address, from.sessions, from.identities);

/** Two devices that have answered each other. */
async function createPair(text) {
  const [a, b] = [createDevice(), createDevice()];
  await start(a, b, await createBundle(b, 1));
  await decryptFirst(b, a, (await encrypt(a, b, text)).serialize());
  await decrypt(a, b, (await encrypt(b, a, text)).serialize());
  return [a, b];
}

/** What ../ratchet.ts measures, each as a preparation that gives the work to time. */
export async function createContender(text) {
  const [a, b] = await createPair(text);
  await decrypt(b, a, (await encrypt(a, b, text)).serialize());
  return {
    name: "libsignal-client 0.103.0",
    works: {
      encrypt: async (count) => async () => {
        for (let i = 0; i < count; i++) (await encrypt(a, b, text)).serialize();
      },
      decrypt: async (count) => {
        const [from, to] = await createPair(text);
        const messages = [];
        for (let i = 0; i < count; i++) messages.push((await encrypt(from, to, text)).serialize());
        return async () => {
          for (const message of messages) await decrypt(to, from, message);
        };
      },
      pingPong: async (count) => {
        const [from, to] = await createPair(text);
        return async () => {
          for (let i = 0; i < count; i += 2) {
            await decrypt(to, from, (await encrypt(from, to, text)).serialize());
            await decrypt(from, to, (await encrypt(to, from, text)).serialize());
          }
        };
      },
      startInitiator: async (count) => {
        const starts = [];
        for (let i = 0; i < count; i++) {
          const to = createDevice();
          starts.push({ from: createDevice(), to, bundle: await createBundle(to, 1) });
        }
        return async () => {
          for (const { from, to, bundle } of starts) {
            await start(from, to, bundle);
            (await encrypt(from, to, text)).serialize();
          }
        };
      },
      startResponder: async (count) => {
        const firsts = [];
        for (let i = 0; i < count; i++) {
          const [from, to] = [createDevice(), createDevice()];
          await start(from, to, await createBundle(to, 1));
          firsts.push({ from, to, message: (await encrypt(from, to, text)).serialize() });
        }
        return async () => {
          for (const { from, to, message } of firsts) await decryptFirst(to, from, message);
        };
      },
    },
  };
}
