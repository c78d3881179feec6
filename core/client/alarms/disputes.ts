/**
 * Contacts' devices that see other chains than this one does. While there is one, nothing is sent to its contact. AL2-AL4
 *
 * A letter quotes both chains as its device sees them. Chains are hash-linked: a device that agrees at a later link agrees
 * on all before, so what it disputed is over. So it is once its own account has removed the device.
 */
import type { AccountId, DeviceId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { type ChainState, isActive } from "../../sigchain/chain-state.ts";
import { rowKeyParts } from "../../store/row-key.ts";
import type { StoreError, WriteOp } from "../../store/tx-store.ts";
import type { RowsStep } from "../account-log/rows-step.ts";
import type { Tables } from "../tables.ts";

/** What a device of a contact said of both chains, compared with what this one sees. */
export interface ChainsQuote {
  readonly contact: AccountId;
  readonly device: DeviceId;
  /** Up to which link of our chain, and whether it is the same. */
  readonly ownSeq: number;
  readonly isOwnSame: boolean;
  /** The same of their chain. */
  readonly theirSeq: number;
  readonly isTheirsSame: boolean;
}

export interface Disputes {
  start(): Promise<Result<void, StoreError>>;
  /** Takes quotes over, in order. */
  quote(quotes: readonly ChainsQuote[]): RowsStep;
  /** A contact's chain as it was verified just now: devices that are not active on it dispute nothing. */
  settle(contact: AccountId, chain: ChainState): RowsStep;
  of(contact: AccountId): readonly ChainsQuote[];
}

export interface DisputesDeps {
  readonly tables: Tables;
  readonly onDisputed: (contact: AccountId) => void;
  readonly onSettled: (contact: AccountId) => void;
}

export function createDisputes({ tables, onDisputed, onSettled }: DisputesDeps): Disputes {
  const open = new Map<string, ChainsQuote>();
  const keyOf = ({ contact, device }: Pick<ChainsQuote, "contact" | "device">) => `${contact}/${device}`;
  const of = (contact: AccountId) => [...open.values()].filter((quote) => quote.contact === contact);

  /** `changes`: the quote to keep of a device, or null for none. */
  function step(
    changes: ReadonlyMap<string, { readonly quote: ChainsQuote; readonly isOpen: boolean }>,
  ): RowsStep {
    const writes = [...changes.values()].map(({ quote, isOpen }): WriteOp => {
      const { contact, device, ...row } = quote;
      return isOpen ? tables.dispute.put([contact, device], row) : tables.dispute.remove(contact, device);
    });
    return {
      writes,
      commit() {
        for (const [key, { quote, isOpen }] of changes) {
          if (isOpen) open.set(key, quote);
          else open.delete(key);
        }
        for (const contact of new Set([...changes.values()].map(({ quote }) => quote.contact))) {
          if (of(contact).length > 0) onDisputed(contact);
          else onSettled(contact);
        }
      },
    };
  }

  return {
    async start() {
      const rows = await tables.dispute.scan();
      if (!rows.ok) return rows;
      for (const { key, value } of rows.value) {
        const [, contact, device] = rowKeyParts(key);
        const quote = { contact: contact as AccountId, device: device as DeviceId, ...value };
        open.set(keyOf(quote), quote);
      }
      return ok();
    },
    quote(quotes) {
      const changes = new Map<string, { readonly quote: ChainsQuote; readonly isOpen: boolean }>();
      for (const quote of quotes) {
        const key = keyOf(quote);
        if (!quote.isOwnSame || !quote.isTheirsSame) {
          changes.set(key, { quote, isOpen: true }); // AL2
          continue;
        }
        const changed = changes.get(key);
        const before = changed === undefined ? open.get(key) : changed.isOpen ? changed.quote : undefined;
        if (before === undefined) continue;
        // AL3: an older letter that comes late says nothing about what was disputed since.
        const isLater = quote.ownSeq >= before.ownSeq && quote.theirSeq >= before.theirSeq;
        if (isLater) changes.set(key, { quote, isOpen: false });
      }
      return step(changes);
    },
    settle(contact, chain) {
      const gone = of(contact).filter(({ device }) => !isActive(chain, device)); // AL4
      return step(new Map(gone.map((quote) => [keyOf(quote), { quote, isOpen: false }])));
    },
    of,
  };
}
