/** Keys: what is answered to writes and lists of them. Values are bytes, and have no schema. */
import { z } from 'zod';
import { count, cursor, expiresAt, keyName, members, modRevision, revision, version } from './common.ts';

export const putAnswer = members({ key: keyName, revision, version }).meta({
  id: 'KeyWritten',
  description: 'The revision is that of the write, and its entity tag.',
});

export const deleteAnswer = members({ key: keyName, revision }).meta({ id: 'KeyDeleted' });

export const deleteRangeAnswer = members({
  deleted: count.meta({ description: 'How many keys there were.', example: 3 }),
  revision,
}).meta({ id: 'KeysDeleted' });

export const size = count.meta({ description: 'In bytes.', example: 5 });
/** Of a value that may be shown, in one of two forms. */
export const shownValue = {
  contentType: z.string().max(256).meta({ description: 'As whoever wrote it said.', example: 'text/plain' }),
  size,
  expiresAt: z.exactOptional(expiresAt),
  value: z.exactOptional(z.string().meta({ description: 'The value, where it is UTF-8.', example: 'world' })),
  valueBase64: z.exactOptional(z.string().meta({ description: 'The value in base64, where it is no UTF-8.' })),
};

export const listedKey = members({
  key: keyName,
  modRevision,
  version,
  ...shownValue,
}).meta({
  id: 'ListedKey',
  description: 'A key with its value, in one of two forms; without one where only keys were asked for.',
});

export const listAnswer = members({ revision, items: z.array(listedKey), cursor }).meta({
  id: 'KeyList',
  description: 'Keys in the order of their bytes, all as they were at one revision.',
});

export type PutAnswer = z.output<typeof putAnswer>;
export type DeleteAnswer = z.output<typeof deleteAnswer>;
export type DeleteRangeAnswer = z.output<typeof deleteRangeAnswer>;
export type ListedKey = z.output<typeof listedKey>;
export type ListAnswer = z.output<typeof listAnswer>;
