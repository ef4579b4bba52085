/** Watches: the answer of one that ends, and the events of one that goes on. */
import { z } from 'zod';
import { collectionName, documentId, expiresAt, jsonObject, keyName, members, revision, version } from './common.ts';
import { shownValue, size } from './kv.ts';

const position = z.string().regex(/^\d+(:\d+)?$/);
const id = position.meta({ description: 'Whoever has seen the change goes on from here.', example: '42' });
const createRevision = revision.meta({ description: 'Of the write that created it.', example: 42 });
const expired = z.exactOptional(z.literal(true).meta({ description: 'Its lifetime was over; nobody deleted it.' }));

/** Beside it stand the event's name and id. */
export const keyPut = members({
  key: keyName,
  revision,
  createRevision,
  version,
  ...shownValue,
});
export const keyDelete = members({ key: keyName, revision, expired });

export const documentPut = members({
  collection: collectionName,
  documentId,
  revision,
  createRevision,
  version,
  size,
  expiresAt: z.exactOptional(expiresAt),
  document: jsonObject,
});
export const documentDelete = members({ collection: collectionName, documentId, revision, expired });
export const collectionDrop = members({ collection: collectionName, revision }).meta({
  description: 'The collection is gone, and all that was in it.',
});

const put = { event: z.literal('put'), id };
const deleted = { event: z.literal('delete'), id };
const dropped = { event: z.literal('drop'), id };
const through = {
  revision: revision.meta({ description: 'Everything up to this one has been looked at.', example: 42 }),
  cursor: position.meta({ description: 'For the next question: send it as `from`.', example: '42' }),
};
const description = 'What has changed, in order, each change once; nothing if the time was up.';

export const keyChangesAnswer = members({
  changes: z.array(z.union([keyPut.extend(put), keyDelete.extend(deleted)])),
  ...through,
}).meta({ id: 'KeyChanges', description });

export const documentChangesAnswer = members({
  changes: z.array(z.union([documentPut.extend(put), documentDelete.extend(deleted), collectionDrop.extend(dropped)])),
  ...through,
}).meta({ id: 'DocumentChanges', description });

export type KeyPut = z.output<typeof keyPut>;
export type KeyDelete = z.output<typeof keyDelete>;
export type DocumentPut = z.output<typeof documentPut>;
export type DocumentDelete = z.output<typeof documentDelete>;
export type CollectionDrop = z.output<typeof collectionDrop>;
export type KeyChangesAnswer = z.output<typeof keyChangesAnswer>;
export type DocumentChangesAnswer = z.output<typeof documentChangesAnswer>;
