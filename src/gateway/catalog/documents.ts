/** What stands there of a document, for whoever is about to write it. */
import type { Document, StoreClient, Target } from '../../store/client.ts';
import { noDirectives } from '../cache-control.ts';
import type { StoreReader } from '../store.ts';

export type DocumentTarget = Extract<Target, { readonly type: 'document' }>;

export interface FoundDocument {
  readonly type: 'found';
  readonly hasCollection: boolean;
  readonly document: Document | null;
}

export interface Documents {
  /** As it stands now, or as a copy has it that is proven to be current. Never rejects. */
  find(
    target: DocumentTarget,
    options: { readonly withJson: boolean; readonly timeoutMs: number },
  ): Promise<FoundDocument | { readonly type: 'unavailable' }>;
}

/** What is kept is as good as any, and what is asked for is not kept: it is about to be another. */
export function documentsOf(reader: Pick<StoreReader, 'atOnce'>, client: Pick<StoreClient, 'read'>): Documents {
  return {
    async find({ collection, id }, { withJson, timeoutMs }) {
      const query = { type: 'document', collection, id, withJson } as const;
      const kept = reader.atOnce(query, { timeoutMs, directives: noDirectives });
      const outcome = kept?.outcome ?? (await client.read(query, { timeoutMs }));
      if (outcome.type !== 'done') return { type: 'unavailable' };
      const { result } = outcome;
      if (result.type !== 'document') throw new Error(`a document was asked for, and a ${result.type} came`);
      return { type: 'found', hasCollection: result.hasCollection, document: result.document };
    },
  };
}
