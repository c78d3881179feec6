/**
 * mlswg/mls-implementations: the MLS library on our crypto, for the one cipher suite our groups use (3).
 *
 * What concerns no suite (codecs, tree arithmetic) runs whole.
 */
import { beforeAll, expect, test } from "vitest";
import { decodeAuthenticatedContent } from "ts-mls/authenticatedContent.js";
import { createConfirmationTag } from "ts-mls/framedContent.js";
import { ciphersuites } from "ts-mls/crypto/ciphersuite.js";
import { refhash } from "ts-mls/crypto/hash.js";
import { decryptWithLabel, encryptWithLabel } from "ts-mls/crypto/hpke.js";
import { deriveSecret, deriveTreeSecret, expandWithLabel } from "ts-mls/crypto/kdf.js";
import { signWithLabel, verifyWithLabel } from "ts-mls/crypto/signature.js";
import { decodeGroupContext, encodeGroupContext } from "ts-mls/groupContext.js";
import { makeKeyPackageRef } from "ts-mls/keyPackage.js";
import { initializeEpoch, mlsExporter } from "ts-mls/keySchedule.js";
import { decodeMlsMessage, encodeMlsMessage } from "ts-mls/message.js";
import { unprotectPrivateMessage } from "ts-mls/messageProtection.js";
import { computePskSecret, decodePskId, encodePskId, type PreSharedKeyID } from "ts-mls/presharedkey.js";
import { decodeRatchetTree, encodeRatchetTree, resolution } from "ts-mls/ratchetTree.js";
import { createSecretTree, deriveKey, deriveNonce, ratchetUntil } from "ts-mls/secretTree.js";
import { expandSenderDataKey, expandSenderDataNonce } from "ts-mls/sender.js";
import { createConfirmedHash, createInterimHash } from "ts-mls/transcriptHash.js";
import { treeHash } from "ts-mls/treeHash.js";
import * as treeMath from "ts-mls/treemath.js";
import { verifyParentHashes } from "ts-mls/parentHash.js";
import { applyUpdatePath, decodeUpdatePath } from "ts-mls/updatePath.js";
import { decryptGroupInfo, decryptGroupSecrets } from "ts-mls/welcome.js";
import { verifyGroupInfoConfirmationTag, verifyGroupInfoSignature } from "ts-mls/groupInfo.js";
import { determineLength } from "ts-mls/codec/variableLength.js";
import { fromHex, toHex } from "../../core/base/bytes.ts";
import { createPlatformRandom } from "../../core/base/random.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { createGroupCrypto, GROUP_CIPHER_SUITE } from "../../core/group/crypto-provider.ts";
import { isTreeSound } from "../../core/group/check-tree.ts";
import { createRatchets, openRatchet } from "../../core/group/ratchets.ts";
import { rootHash, treeHashes } from "../../core/group/tree-hashes.ts";
import { followPath, placePath } from "../../core/group/update-path.ts";
import type { GroupContext, PrivateKeyPath, RatchetTree } from "ts-mls";
import { describeVectors } from "../support/shared-data.ts";
import type { VectorSet } from "../support/vector-set.ts";

type Fields = { readonly [name: string]: unknown };

const SUITE = ciphersuites[GROUP_CIPHER_SUITE];
let crypto: ReturnType<typeof createGroupCrypto>;

beforeAll(async () => {
  await cryptoReady();
  crypto = createGroupCrypto(createPlatformRandom());
});

function fieldsOf(value: unknown): Fields {
  if (typeof value !== "object" || value === null) throw new Error("a vector is an object");
  return value as Fields;
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error("a vector's list is a list");
  return value;
}

function hex(fields: Fields, name: string): Uint8Array {
  return fromHex(text(fields, name));
}

function text(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string") throw new Error(`${name} is text`);
  return value;
}

function number(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== "number") throw new Error(`${name} is a number`);
  return value;
}

function nested(fields: Fields, name: string): Fields {
  return fieldsOf(fields[name]);
}

/** The cases of our suite; there must be some. */
function ofOurSuite(set: VectorSet, file: string): readonly Fields[] {
  const cases = listOf(set.json(file))
    .map(fieldsOf)
    .filter((one) => one.cipher_suite === SUITE);
  expect(cases.length).toBeGreaterThan(0);
  return cases;
}

/** What a decoder reads of all of `bytes`. */
function decoded<T>(
  decode: (bytes: Uint8Array, offset: number) => [T, number] | undefined,
  bytes: Uint8Array,
): T {
  const read = decode(bytes, 0);
  if (read === undefined) throw new Error("the vector decodes");
  expect(read[1]).toBe(bytes.length);
  return read[0];
}

describeVectors("mls", "deserialization.json", (set) => {
  test("headers of variable length say how many bytes follow", () => {
    for (const one of listOf(set.json("deserialization.json")).map(fieldsOf)) {
      const header = hex(one, "vlbytes_header");
      expect(determineLength(header)).toMatchObject({
        length: number(one, "length"),
        lengthFieldSize: header.length,
      });
    }
  });
});

describeVectors("mls", "tree-math.json", (set) => {
  test("root, children, parents and siblings", () => {
    for (const one of listOf(set.json("tree-math.json")).map(fieldsOf)) {
      const leaves = number(one, "n_leaves");
      const nodes = number(one, "n_nodes");
      expect(treeMath.nodeWidth(leaves)).toBe(nodes);
      expect(treeMath.root(leaves)).toBe(number(one, "root"));
      for (let node = 0; node < nodes; node++) {
        const index = treeMath.toNodeIndex(node);
        const expected = (name: string): unknown => listOf(one[name])[node];
        if (expected("left") !== null) expect(treeMath.left(index)).toBe(expected("left"));
        if (expected("right") !== null) expect(treeMath.right(index)).toBe(expected("right"));
        if (expected("parent") !== null) expect(treeMath.parent(index, leaves)).toBe(expected("parent"));
        if (expected("sibling") !== null) expect(treeMath.sibling(index, leaves)).toBe(expected("sibling"));
      }
    }
  });
});

describeVectors("mls", "crypto-basics.json", (set) => {
  test("hashes, derivations, signatures and HPKE of our suite", async () => {
    for (const one of ofOurSuite(set, "crypto-basics.json")) {
      const ref = nested(one, "ref_hash");
      expect(toHex(await refhash(text(ref, "label"), hex(ref, "value"), crypto.hash))).toBe(ref.out);
      const expand = nested(one, "expand_with_label");
      const expanded = await expandWithLabel(
        hex(expand, "secret"),
        text(expand, "label"),
        hex(expand, "context"),
        number(expand, "length"),
        crypto.kdf,
      );
      expect(toHex(expanded)).toBe(expand.out);
      const derive = nested(one, "derive_secret");
      const derived = await deriveSecret(hex(derive, "secret"), text(derive, "label"), crypto.kdf);
      expect(toHex(derived)).toBe(derive.out);
      const tree = nested(one, "derive_tree_secret");
      const treeSecret = await deriveTreeSecret(
        hex(tree, "secret"),
        text(tree, "label"),
        number(tree, "generation"),
        number(tree, "length"),
        crypto.kdf,
      );
      expect(toHex(treeSecret)).toBe(tree.out);
      await expectSignatures(nested(one, "sign_with_label"));
      await expectEncryption(nested(one, "encrypt_with_label"));
    }
  });

  async function expectSignatures(one: Fields): Promise<void> {
    const { signature } = crypto;
    const verify = (made: Uint8Array, content: Uint8Array): Promise<boolean> =>
      verifyWithLabel(hex(one, "pub"), text(one, "label"), content, made, signature);
    const content = hex(one, "content");
    expect(await verify(hex(one, "signature"), content)).toBe(true);
    const made = await signWithLabel(hex(one, "priv"), text(one, "label"), content, signature);
    expect(toHex(made)).toBe(one.signature);
    content[0] = (content[0] ?? 0) ^ 1;
    expect(await verify(hex(one, "signature"), content)).toBe(false);
    for (const length of [0, 1, 16, 31, 63])
      expect(await verify(made.subarray(0, length), hex(one, "content"))).toBe(false);
  }

  async function expectEncryption(one: Fields): Promise<void> {
    const { hpke } = crypto;
    const privateKey = await hpke.importPrivateKey(hex(one, "priv"));
    const [label, context, plaintext] = [text(one, "label"), hex(one, "context"), hex(one, "plaintext")];
    const open = (enc: Uint8Array, ct: Uint8Array): Promise<Uint8Array> =>
      decryptWithLabel(privateKey, label, context, enc, ct, hpke);
    expect(toHex(await open(hex(one, "kem_output"), hex(one, "ciphertext")))).toBe(one.plaintext);
    const made = await encryptWithLabel(
      await hpke.importPublicKey(hex(one, "pub")),
      label,
      context,
      plaintext,
      hpke,
    );
    expect(toHex(await open(made.enc, made.ct))).toBe(one.plaintext);
    const bent = hex(one, "ciphertext");
    bent[0] = (bent[0] ?? 0) ^ 1;
    await expect(open(hex(one, "kem_output"), bent)).rejects.toThrow("HpkeFailure");
    await expect(open(new Uint8Array(32), hex(one, "ciphertext"))).rejects.toThrow("HpkeFailure");
  }
});

describeVectors("mls", "key-schedule.json", (set) => {
  test("every secret of every epoch", async () => {
    for (const one of ofOurSuite(set, "key-schedule.json")) {
      let initSecret = hex(one, "initial_init_secret");
      for (const epoch of listOf(one.epochs).map(fieldsOf)) {
        const context = decoded(decodeGroupContext, hex(epoch, "group_context"));
        expect(toHex(encodeGroupContext(context))).toBe(epoch.group_context);
        const made = await initializeEpoch(
          initSecret,
          hex(epoch, "commit_secret"),
          context,
          hex(epoch, "psk_secret"),
          crypto.kdf,
        );
        const { keySchedule } = made;
        const secrets: readonly (readonly [Uint8Array, string])[] = [
          [made.joinerSecret, "joiner_secret"],
          [made.welcomeSecret, "welcome_secret"],
          [made.encryptionSecret, "encryption_secret"],
          [keySchedule.initSecret, "init_secret"],
          [keySchedule.senderDataSecret, "sender_data_secret"],
          [keySchedule.exporterSecret, "exporter_secret"],
          [keySchedule.epochAuthenticator, "epoch_authenticator"],
          [keySchedule.externalSecret, "external_secret"],
          [keySchedule.confirmationKey, "confirmation_key"],
          [keySchedule.membershipKey, "membership_key"],
          [keySchedule.resumptionPsk, "resumption_psk"],
        ];
        for (const [secret, name] of secrets) expect([name, toHex(secret)]).toEqual([name, epoch[name]]);
        const exporter = nested(epoch, "exporter");
        const exported = await mlsExporter(
          keySchedule.exporterSecret,
          text(exporter, "label"),
          hex(exporter, "context"),
          number(exporter, "length"),
          crypto,
        );
        expect(toHex(exported)).toBe(exporter.secret);
        const external = await crypto.hpke.deriveKeyPair(keySchedule.externalSecret);
        expect(toHex(await crypto.hpke.exportPublicKey(external.publicKey))).toBe(epoch.external_pub);
        initSecret = new Uint8Array(keySchedule.initSecret);
      }
    }
  });
});

/** Wide enough for every generation the vectors name. */
const RETENTION = {
  retainKeysForGenerations: 100,
  retainKeysForEpochs: 4,
  maximumForwardRatchetSteps: 1_000,
};

describeVectors("mls", "secret-tree.json", (set) => {
  test("sender data, and keys and nonces of every leaf and generation", async () => {
    for (const one of ofOurSuite(set, "secret-tree.json")) {
      const sender = nested(one, "sender_data");
      const [secret, ciphertext] = [hex(sender, "sender_data_secret"), hex(sender, "ciphertext")];
      expect(toHex(await expandSenderDataKey(crypto, secret, ciphertext))).toBe(sender.key);
      expect(toHex(await expandSenderDataNonce(crypto, secret, ciphertext))).toBe(sender.nonce);
      const leaves = listOf(one.leaves);
      const tree = await createSecretTree(leaves.length, hex(one, "encryption_secret"), crypto.kdf);
      for (const [leaf, generations] of leaves.entries()) {
        const node = tree[treeMath.leafToNodeIndex(treeMath.toLeafIndex(leaf))];
        if (node === undefined) throw new Error("every leaf has secrets");
        for (const generation of listOf(generations).map(fieldsOf)) {
          for (const kind of ["application", "handshake"] as const) {
            const at = number(generation, "generation");
            const [ratcheted] = await ratchetUntil(node[kind], at, RETENTION, crypto.kdf);
            const key = await deriveKey(ratcheted.secret, at, crypto);
            const nonce = await deriveNonce(ratcheted.secret, at, crypto);
            expect(toHex(key)).toBe(generation[`${kind}_key`]);
            expect(toHex(nonce)).toBe(generation[`${kind}_nonce`]);
          }
        }
      }
    }
  });

  test("our ratchets, opened leaf by leaf in any order, are those", async () => {
    for (const one of ofOurSuite(set, "secret-tree.json")) {
      const leafCount = listOf(one.leaves).length;
      const secret = hex(one, "encryption_secret");
      const tree = await createSecretTree(leafCount, secret, crypto.kdf);
      let ratchets = createRatchets(leafCount, secret);
      for (let step = 0; step < leafCount; step++) {
        const leaf = (step * 7 + 3) % leafCount;
        const opened = await openRatchet(ratchets, leaf, crypto.kdf);
        expect(opened?.secretTree[2 * leaf]).toEqual(tree[2 * leaf]);
        ratchets = opened?.put(opened.secretTree) ?? ratchets;
      }
      expect(await openRatchet(ratchets, leafCount, crypto.kdf)).toBeNull();
    }
  });
});

describeVectors("mls", "psk_secret.json", (set) => {
  test("any number of external keys", async () => {
    for (const one of ofOurSuite(set, "psk_secret.json")) {
      const keys = listOf(one.psks).map(fieldsOf);
      const named = keys.map((key): [PreSharedKeyID, Uint8Array] => {
        const id: PreSharedKeyID = {
          psktype: "external",
          pskId: hex(key, "psk_id"),
          pskNonce: hex(key, "psk_nonce"),
        };
        expect(decoded(decodePskId, encodePskId(id))).toEqual(id);
        return [id, hex(key, "psk")];
      });
      expect(toHex(await computePskSecret(named, crypto))).toBe(one.psk_secret);
    }
  });
});

describeVectors("mls", "transcript-hashes.json", (set) => {
  test("confirmation tag, confirmed and interim hash", async () => {
    for (const one of ofOurSuite(set, "transcript-hashes.json")) {
      const { wireformat, content, auth } = decoded(
        decodeAuthenticatedContent,
        hex(one, "authenticated_content"),
      );
      if (content.contentType !== "commit" || auth.contentType !== "commit") throw new Error("a commit");
      const confirmed = await createConfirmedHash(
        hex(one, "interim_transcript_hash_before"),
        { wireformat, content, signature: auth.signature },
        crypto.hash,
      );
      expect(toHex(confirmed)).toBe(one.confirmed_transcript_hash_after);
      const tag = await createConfirmationTag(hex(one, "confirmation_key"), confirmed, crypto.hash);
      expect(toHex(tag)).toBe(toHex(auth.confirmationTag));
      const interim = await createInterimHash(confirmed, auth.confirmationTag, crypto.hash);
      expect(toHex(interim)).toBe(one.interim_transcript_hash_after);
    }
  });
});

describeVectors("mls", "welcome.json", (set) => {
  test("group secrets and group info open and are authentic", async () => {
    for (const one of ofOurSuite(set, "welcome.json")) {
      const message = decoded(decodeMlsMessage, hex(one, "welcome"));
      const packed = decoded(decodeMlsMessage, hex(one, "key_package"));
      if (message.wireformat !== "mls_welcome" || packed.wireformat !== "mls_key_package")
        throw new Error("a welcome and a key package");
      const ref = await makeKeyPackageRef(packed.keyPackage, crypto.hash);
      const key = await crypto.hpke.importPrivateKey(hex(one, "init_priv"));
      const secrets = await decryptGroupSecrets(key, ref, message.welcome, crypto.hpke);
      if (secrets === undefined) throw new Error("the secrets open");
      const noPsk = new Uint8Array(crypto.kdf.size);
      const info = await decryptGroupInfo(message.welcome, secrets.joinerSecret, noPsk, crypto);
      if (info === undefined) throw new Error("the group info opens");
      expect(await verifyGroupInfoSignature(info, hex(one, "signer_pub"), crypto.signature)).toBe(true);
      expect(await verifyGroupInfoConfirmationTag(info, secrets.joinerSecret, noPsk, crypto)).toBe(true);
    }
  });
});

describeVectors("mls", "tree-operations.json", (set) => {
  test("trees are read and written as they are, and hash as they should (SHA-256, as in our suite)", async () => {
    const cases = listOf(set.json("tree-operations.json")).map(fieldsOf);
    expect(cases.length).toBeGreaterThan(0);
    for (const one of cases) {
      for (const when of ["before", "after"]) {
        const tree = decoded(decodeRatchetTree, hex(one, `tree_${when}`));
        expect(toHex(encodeRatchetTree(tree))).toBe(one[`tree_${when}`]);
        const root = treeMath.root(treeMath.leafWidth(tree.length));
        expect(toHex(await treeHash(tree, root, crypto.hash))).toBe(one[`tree_hash_${when}`]);
      }
    }
  });
});

describeVectors("mls", "tree-validation.json", (set) => {
  test("hashes and resolutions of every node, parent hashes of every tree", async () => {
    for (const one of ofOurSuite(set, "tree-validation.json")) {
      const tree = decoded(decodeRatchetTree, hex(one, "tree"));
      for (const [node, expected] of listOf(one.tree_hashes).entries())
        expect(toHex(await treeHash(tree, treeMath.toNodeIndex(node), crypto.hash))).toBe(expected);
      for (const [node, expected] of listOf(one.resolutions).entries())
        expect(resolution(tree, treeMath.toNodeIndex(node))).toEqual(expected);
      expect(await verifyParentHashes(tree, crypto.hash)).toBe(true);
    }
  });

  test("our own hashes of every node are those, and every tree is sound, with one byte changed in any node it is not", async () => {
    for (const one of ofOurSuite(set, "tree-validation.json")) {
      const tree = decoded(decodeRatchetTree, hex(one, "tree"));
      expect(treeHashes(tree).map(toHex)).toEqual(listOf(one.tree_hashes));
      const claim = { groupId: hex(one, "group_id"), treeHash: rootHash(tree) };
      expect(await isTreeSound(tree, claim, crypto.signature)).toBe(true);
      for (const [at, node] of tree.entries()) {
        if (node?.nodeType !== "parent") continue;
        const parentHash = node.parent.parentHash.slice();
        if (parentHash.length > 0) parentHash[0] = (parentHash[0] ?? 0) ^ 1;
        const hpkePublicKey = Uint8Array.from(node.parent.hpkePublicKey, (byte, index) =>
          index === 9 ? byte ^ 1 : byte,
        );
        for (const parent of [
          { ...node.parent, parentHash },
          { ...node.parent, hpkePublicKey },
        ]) {
          if (parent.parentHash.length === 0 && parent.hpkePublicKey === node.parent.hpkePublicKey) continue;
          const bent = tree.with(at, { nodeType: "parent", parent });
          // The claim is made to fit, so that what refuses is the parent hash of the nodes around.
          const fitting = { ...claim, treeHash: rootHash(bent) };
          expect(await isTreeSound(bent, fitting, crypto.signature)).toBe(false);
        }
      }
    }
  });
});

describeVectors("mls", "treekem.json", (set) => {
  test("an update path makes the tree it should", async () => {
    for (const one of ofOurSuite(set, "treekem.json")) {
      const tree = decoded(decodeRatchetTree, hex(one, "ratchet_tree"));
      for (const update of listOf(one.update_paths).map(fieldsOf)) {
        const path = decoded(decodeUpdatePath, hex(update, "update_path"));
        const sender = treeMath.toLeafIndex(number(update, "sender"));
        const updated = await applyUpdatePath(tree, sender, path, crypto.hash);
        const root = treeMath.root(treeMath.leafWidth(updated.length));
        expect(toHex(await treeHash(updated, root, crypto.hash))).toBe(update.tree_hash_after);
      }
    }
  });

  test("every member comes by the path to the tree and the secret it should", async () => {
    for (const one of ofOurSuite(set, "treekem.json")) {
      const tree = decoded(decodeRatchetTree, hex(one, "ratchet_tree"));
      const members = await Promise.all(
        listOf(one.leaves_private)
          .map(fieldsOf)
          .map((member) => privatePathOf(tree, member)),
      );
      for (const update of listOf(one.update_paths).map(fieldsOf)) {
        const path = decoded(decodeUpdatePath, hex(update, "update_path"));
        const committer = number(update, "sender");
        const context: GroupContext = {
          version: "mls10",
          cipherSuite: GROUP_CIPHER_SUITE,
          groupId: hex(one, "group_id"),
          epoch: BigInt(number(one, "epoch")),
          treeHash: new Uint8Array(0),
          confirmedTranscriptHash: hex(one, "confirmed_transcript_hash"),
          extensions: [],
        };
        const place = { tree, committer, added: [], context };
        const placed = placePath(place, path);
        for (const privatePath of members) {
          if (privatePath.leafIndex === committer) continue;
          const followed = await followPath(crypto, placed, privatePath);
          expect(toHex(rootHash(followed.tree, tree))).toBe(update.tree_hash_after);
          expect(toHex(followed.commitSecret)).toBe(update.commit_secret);
        }
      }
    }
  });

  async function privatePathOf(tree: RatchetTree, member: Fields): Promise<PrivateKeyPath> {
    const leafIndex = number(member, "index");
    const privateKeys: Record<number, Uint8Array> = { [2 * leafIndex]: hex(member, "encryption_priv") };
    for (const known of listOf(member.path_secrets).map(fieldsOf)) {
      const secret = await deriveSecret(hex(known, "path_secret"), "node", crypto.kdf);
      const { privateKey } = await crypto.hpke.deriveKeyPair(secret);
      privateKeys[number(known, "node")] = await crypto.hpke.exportPrivateKey(privateKey);
    }
    expect(tree[2 * leafIndex]?.nodeType).toBe("leaf");
    return { leafIndex, privateKeys };
  }
});

describeVectors("mls", "message-protection.json", (set) => {
  test("private messages open to what was protected", async () => {
    for (const one of ofOurSuite(set, "message-protection.json")) {
      const groupContext = {
        version: "mls10" as const,
        cipherSuite: GROUP_CIPHER_SUITE,
        groupId: hex(one, "group_id"),
        epoch: BigInt(number(one, "epoch")),
        treeHash: hex(one, "tree_hash"),
        confirmedTranscriptHash: hex(one, "confirmed_transcript_hash"),
        extensions: [],
      } as const;
      for (const [name, read] of [
        ["application_priv", "applicationData"],
        ["proposal_priv", "proposal"],
        ["commit_priv", "commit"],
      ] as const) {
        const message = decoded(decodeMlsMessage, hex(one, name));
        if (message.wireformat !== "mls_private_message") throw new Error("a private message");
        const opened = await unprotectPrivateMessage(
          hex(one, "sender_data_secret"),
          message.privateMessage,
          await createSecretTree(2, hex(one, "encryption_secret"), crypto.kdf),
          [],
          { ...groupContext, extensions: [] },
          RETENTION,
          crypto,
          hex(one, "signature_pub"),
        );
        expect(Object.keys(opened.content.content)).toContain(read);
        if (opened.content.content.contentType === "application")
          expect(toHex(opened.content.content.applicationData)).toBe(one.application);
      }
    }
  });
});

describeVectors("mls", "messages.json", (set) => {
  test("MLSMessages are read and written as they are", () => {
    const names = ["mls_welcome", "mls_group_info", "mls_key_package", "private_message"];
    let count = 0;
    for (const one of listOf(set.json("messages.json")).map(fieldsOf)) {
      for (const name of names) {
        const bytes = hex(one, name);
        expect(toHex(encodeMlsMessage(decoded(decodeMlsMessage, bytes)))).toBe(one[name]);
        count++;
      }
    }
    expect(count).toBeGreaterThan(1_000);
  });
});
