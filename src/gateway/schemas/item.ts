/** Documents of a collection, and searches for them. */
import { z } from 'zod';
import {
  collectionName,
  count,
  cursor,
  documentId,
  expiresAt,
  jsonObject,
  members,
  modRevision,
  revision,
  version,
} from './common.ts';

/** A document: under the collection's id field stands its id, a text. */
export const documentBody = jsonObject.meta({
  id: 'Document',
  description: 'A JSON object, at most 1 MiB and 32 deep, with its id, a text, under the id field of the collection.',
  example: { id: '1', title: 'RPCs for Noobs', topic: 'distributed systems', price: 5000 },
});

export const mergePatchBody = jsonObject.meta({
  id: 'MergePatch',
  description: 'RFC 7396: members replace those of the document, null takes them away.',
  example: { price: 4500, note: null },
});

export const documentWritten = members({ collection: collectionName, id: documentId, revision, version }).meta({
  id: 'DocumentWritten',
  description: 'The revision is that of the write, and its entity tag.',
});

export const documentDeleted = members({ collection: collectionName, id: documentId, revision }).meta({
  id: 'DocumentDeleted',
});

const foundDocument = members({
  id: documentId,
  /** Where `fields` were asked for, what every write to the document changes is left out. */
  modRevision: z.exactOptional(modRevision),
  version: z.exactOptional(version),
  expiresAt: z.exactOptional(expiresAt),
  document: jsonObject.meta({ description: 'Whole, or of the fields that were asked for.', example: { id: '1' } }),
}).meta({ id: 'FoundDocument' });

export const searchAnswer = members({
  revision,
  items: z.array(foundDocument),
  cursor,
  count: z.exactOptional(count.meta({ description: 'How many documents fit, on all pages.', example: 1 })),
  countIsExact: z.exactOptional(z.boolean().meta({ description: 'false: there are at least so many.', example: true })),
}).meta({ id: 'SearchAnswer', description: 'What fits, as it was at one revision.' });

export type DocumentWritten = z.output<typeof documentWritten>;
export type DocumentDeleted = z.output<typeof documentDeleted>;
export type FoundDocument = z.output<typeof foundDocument>;
export type SearchAnswer = z.output<typeof searchAnswer>;
