/** Collections: how they are defined, and what is said of them. */
import { z } from 'zod';
import { expected } from './check.ts';
import { collectionName, count, fieldName, members, modRevision, revision } from './common.ts';

export const indexKind = z.enum(['term', 'words', 'number']).meta({
  description: 'term: the whole text, or each text of an array. words: each word of it. number: each number.',
  example: 'term',
});

const indexDefinition = members({ field: fieldName, kind: indexKind }).meta({ id: 'IndexDefinition' });

const indexesExpected = 'an array of at most 32 indexes, each with field and kind';

export const collectionBody = members({
  idField: fieldName.default('id').meta({ description: 'The field that is the id of a document.', example: 'id' }),
  indexes: z
    .array(indexDefinition, expected(indexesExpected))
    .max(32, expected(indexesExpected))
    .superRefine((indexes, context) => {
      const seen = new Set<string>();
      for (const [position, { field, kind }] of indexes.entries()) {
        const both = `${kind} ${field}`;
        if (seen.has(both)) {
          const message = `there is an index of kind ${kind} on this field already: leave one out`;
          context.addIssue({ code: 'custom', path: [position], message, input: indexes });
        }
        seen.add(both);
      }
    })
    .default([])
    .meta({ description: 'What it can be searched by. At most 32, no two of one kind on one field.' }),
}).meta({
  id: 'CollectionDefinition',
  example: {
    idField: 'id',
    indexes: [
      { field: 'topic', kind: 'term' },
      { field: 'title', kind: 'words' },
      { field: 'price', kind: 'number' },
    ],
  },
});

export const definedAnswer = members({
  name: collectionName,
  revision: revision.meta({ description: 'Of the definition, and its entity tag.', example: 7 }),
}).meta({ id: 'CollectionDefined' });

export const droppedAnswer = members({ name: collectionName, revision }).meta({ id: 'CollectionDropped' });

const indexView = members({
  field: fieldName,
  kind: indexKind,
  state: z.enum(['ready', 'building']).meta({
    description: 'While it is being built, searches that need it are refused.',
    example: 'ready',
  }),
  builtTo: z.string().nullable().meta({
    description: 'While it is being built: documents with ids up to this one are in it.',
    example: null,
  }),
}).meta({ id: 'CollectionIndex' });

const collectionMembers = {
  name: collectionName,
  modRevision: modRevision.meta({ description: 'Of the definition.', example: 7 }),
  idField: fieldName.meta({ description: 'The field that is the id of a document.', example: 'id' }),
  documents: count.meta({ description: 'How many there are.', example: 11 }),
  indexes: z.array(indexView),
};

export const collectionAnswer = members({ revision, ...collectionMembers }).meta({ id: 'Collection' });

export const collectionsAnswer = members({
  revision,
  collections: z.array(members(collectionMembers).meta({ id: 'ListedCollection' })),
}).meta({ id: 'Collections' });

/** As it is sent, and with what was left out. */
export type CollectionInput = z.input<typeof collectionBody>;
export type CollectionBody = z.output<typeof collectionBody>;
export type DefinedAnswer = z.output<typeof definedAnswer>;
export type DroppedAnswer = z.output<typeof droppedAnswer>;
export type CollectionAnswer = z.output<typeof collectionAnswer>;
export type CollectionsAnswer = z.output<typeof collectionsAnswer>;
