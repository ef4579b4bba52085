/** The OpenAPI document, made of the table of operations. */
import { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiResponseObject } from 'zod-openapi';
import { problem } from '../schemas/problem.ts';
import {
  type AnswerShape,
  type Content,
  type Fields,
  joined,
  type Operation,
  type Problems,
  tags,
} from './operation.ts';
import { everywhere, guarded } from './parts.ts';

/** As JSON. `version`: of Bazar. */
export function openApiDocument(operations: readonly Operation[], version: string): object {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describe(operation) };
  }
  return createDocument(
    {
      openapi: '3.1.0',
      info: {
        title: 'Bazar',
        version,
        description: introduction,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
      tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
      paths,
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    },
    { allowEmptySchema: { custom: true, unknown: true } },
  );
}

const introduction = [
  'A replicated key-value store with collections of JSON documents. Every path with GET answers HEAD as well.',
  'Members and parameters that are not named here are refused.',
  'An error is application/problem+json with a stable `code`, and for writes an `outcome`.',
  'Where the gateway has tokens, `read`, `write` and `admin` are the roles a token may have; each may do what those before it may.',
].join(' ');

function describe(operation: Operation): ZodOpenApiOperationObject {
  const { id, tag, need, summary, description, body, answers } = operation;
  const { pathParameters = {}, query = {}, headers = {}, furtherQuery } = operation;
  const problems = joined(everywhere, need === 'public' ? {} : guarded, operation.problems);
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(need === 'public' ? {} : { security: [{}, { token: [need] }] }),
    requestParams: { path: z.object(pathParameters), query: z.object(query), header: z.object(headers) },
    ...(furtherQuery === undefined ? {} : { parameters: [furtherParameter(furtherQuery)] }),
    ...(body === undefined ? {} : { requestBody: { required: body.isRequired, content: contentOf(body.content) } }),
    responses: { ...answersOf(answers), ...problemsOf(problems, answers) },
  };
}

function furtherParameter(description: string) {
  return {
    name: 'conditions',
    in: 'query',
    style: 'form',
    explode: true,
    description,
    schema: { type: 'object', additionalProperties: { type: 'string' } },
  } as const;
}

function contentOf(content: Content): Record<string, { readonly schema?: z.ZodType }> {
  return Object.fromEntries(
    Object.entries(content).map(([mediaType, schema]) => [mediaType, schema === null ? {} : { schema }]),
  );
}

type Responses = Record<`${1 | 2 | 3 | 4 | 5}${string}`, ZodOpenApiResponseObject>;

function answersOf(answers: Readonly<Record<number, AnswerShape>>): Responses {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { description, content, headers }]) => [
      status,
      {
        description,
        ...(content === undefined ? {} : { content: contentOf(content) }),
        ...(headers === undefined ? {} : { headers: z.object(headers satisfies Fields) }),
      },
    ]),
  );
}

/** A status may stand for an answer as well. */
function problemsOf(problems: Problems, answers: Readonly<Record<number, AnswerShape>>): Responses {
  return Object.fromEntries(
    Object.entries(problems)
      .filter(([status]) => answers[Number(status)] === undefined)
      .map(([status, codes]) => [
        status,
        { description: codes.join(', '), content: { 'application/problem+json': { schema: problem } } },
      ]),
  );
}
