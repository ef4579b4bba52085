/** One method of one path as the document tells of it. What routes do with it is theirs; a test holds the two together. */
import type { ZodType } from 'zod';
import type { Need } from '../access/needs.ts';

export type Method = 'get' | 'put' | 'post' | 'patch' | 'delete';

export const tags = {
  Keys: 'Values under keys, their bytes as they are.',
  Collections: 'JSON documents with indexes, and searches for them.',
  Transactions: 'Compare, then do all of one list or all of another.',
  Watches: 'What changes, in order, each change once.',
  Bookstore: 'Books and orders, and the short forms of both.',
  Employees: 'A list that every replica has alike.',
  Cluster: 'Replicas, gateways, and what gateways keep.',
  Meta: 'For machines that watch over this one.',
} as const;
export type Tag = keyof typeof tags;

/** By name. Those of a query and headers are optional where the schema is. */
export type Fields = Readonly<Record<string, ZodType>>;

/** By media type; null: bytes, of whatever form. */
export type Content = Readonly<Record<string, ZodType | null>>;

export interface AnswerShape {
  readonly description: string;
  readonly content?: Content;
  readonly headers?: Fields;
}

/** Codes of problems by their status. */
export type Problems = Readonly<Record<number, readonly string[]>>;

export interface Operation {
  readonly method: Method;
  /** With its parameters in braces. */
  readonly path: string;
  readonly id: string;
  readonly tag: Tag;
  readonly need: Need;
  readonly summary: string;
  readonly description?: string;
  readonly pathParameters?: Fields;
  readonly query?: Fields;
  /** Whatever else may stand in the query, as texts; says what it means. */
  readonly furtherQuery?: string;
  readonly headers?: Fields;
  readonly body?: { readonly isRequired: boolean; readonly content: Content };
  readonly answers: Readonly<Record<number, AnswerShape>>;
  readonly problems: Problems;
}

/** Codes of several tables, each once. */
export function joined(...all: readonly Problems[]): Problems {
  const statuses = new Set(all.flatMap((problems) => Object.keys(problems).map(Number)));
  return Object.fromEntries(
    [...statuses].map((status) => [status, [...new Set(all.flatMap((problems) => problems[status] ?? []))]]),
  );
}
