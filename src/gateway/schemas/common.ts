/** What the schemas of several resources have in common. */
import { z } from 'zod';
import { expected, expectedMembers } from './check.ts';

/** An object with these members and no others. */
export function members<Shape extends z.core.$ZodLooseShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape, expectedMembers(Object.keys(shape)));
}

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [field: string]: Json;
}

/** Taken as it is: how deep and how large it may be has been looked at when it was parsed. */
export const jsonObject = z
  .custom<JsonObject>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    expected('a JSON object'),
  )
  .meta({ override: { type: 'object', additionalProperties: true } });

export const json = z
  .custom<Json>((value) => value !== undefined, expected('a JSON value'))
  .meta({ override: {}, description: 'Any JSON value.' });

const name = (what: string, bytesMax: number) =>
  z
    .string(expected(what))
    .min(1, expected(what))
    .refine((text) => text.isWellFormed() && Buffer.byteLength(text) <= bytesMax, expected(what));

export const keyName = name('a key: a text of 1 to 1024 bytes', 1024).meta({
  description: 'A key: 1 to 1024 bytes of UTF-8.',
  example: 'books/1',
});

export const collectionName = name('the name of a collection: a text of 1 to 128 bytes', 128).meta({
  description: 'The name of a collection: 1 to 128 bytes of UTF-8.',
  example: 'books',
});

export const documentId = name('the id of a document: a text of 1 to 512 bytes', 512).meta({
  description: 'The id of a document: a text of 1 to 512 bytes of UTF-8.',
  example: '1',
});

export const fieldName = name('the name of a field: a text of 1 to 128 bytes', 128).meta({
  description: 'A field at the top level: 1 to 128 bytes of UTF-8.',
  example: 'title',
});

/** Empty: all keys. */
export const prefix = z
  .string(expected('the beginning of keys, a text of at most 1024 bytes'))
  .refine(
    (text) => text.isWellFormed() && Buffer.byteLength(text) <= 1024,
    expected('the beginning of keys, a text of at most 1024 bytes'),
  )
  .meta({ description: 'The beginning of keys; empty for all.', example: 'books/' });

const durationExpected = 'a duration such as 500ms, 30s, 5m, 24h or 7d';

export const duration = z
  .string(expected(durationExpected))
  .regex(/^\d{1,9}(ms|s|m|h|d)$/, expected(durationExpected))
  .meta({ description: 'A whole number and ms, s, m, h or d.', example: '30s' });

export const revision = z.int().min(0).meta({
  description: 'How far the log has come: it grows with every write, and is the same on all replicas.',
  example: 42,
});

export const modRevision = z.int().min(1).meta({ description: 'The revision of the last write to it.', example: 42 });

export const version = z.int().min(1).meta({
  description: 'How often it has been written since it was created: 1, 2, …',
  example: 1,
});

export const expiresAt = z.iso.datetime().meta({
  description: 'When its lifetime ends, by the clock of the cluster. Absent: never.',
  example: '2026-01-31T12:00:00.000Z',
});

export const cursor = z
  .string()
  .nullable()
  .meta({ description: 'For the next page: send it as `cursor`. null: this is the last.', example: null });

export const count = z.int().min(0);
