import { z } from 'zod';
import { versionAnswer } from '../schemas/meta.ts';
import type { Operation } from './operation.ts';
import { etag, flag, jsonAnswer, notModified, preconditionProblems } from './parts.ts';

const verbose = { verbose: flag('A line for each check.') };
const checks = { 'text/plain': z.string().meta({ example: 'ok\n' }) };
const common = { method: 'get', tag: 'Meta', need: 'public', query: verbose, problems: {} } as const;

const page = (path: string, id: string, summary: string, type: string): Operation => ({
  method: 'get',
  path,
  id,
  tag: 'Bookstore',
  need: 'public',
  summary,
  answers: {
    200: { description: 'A file.', content: { [type]: z.string() }, headers: { ETag: etag } },
    304: notModified,
  },
  problems: preconditionProblems,
});

export const metaOperations: readonly Operation[] = [
  {
    ...common,
    path: '/livez',
    id: 'livez',
    summary: 'Tells whether this process is alive',
    answers: { 200: { description: 'It is.', content: checks } },
  },
  {
    ...common,
    path: '/readyz',
    id: 'readyz',
    summary: 'Tells whether this gateway can serve',
    answers: {
      200: { description: 'It can.', content: checks },
      503: { description: 'No leader is known, or no replica answers.', content: checks },
    },
  },
  {
    ...common,
    path: '/metrics',
    id: 'metrics',
    summary: 'Counters for Prometheus',
    answers: { 200: { description: 'In its text format.', content: { 'text/plain': z.string() } } },
  },
  {
    ...common,
    path: '/version',
    id: 'version',
    summary: 'Tells which version this is',
    answers: { 200: jsonAnswer('Of Bazar, and of what it runs on.', versionAnswer) },
  },
  {
    ...common,
    path: '/openapi.json',
    id: 'openapi',
    summary: 'This document',
    query: {},
    answers: {
      200: {
        description: 'OpenAPI 3.1.',
        content: { 'application/json': z.looseObject({ openapi: z.string() }) },
        headers: { ETag: etag },
      },
      304: notModified,
    },
    problems: preconditionProblems,
  },
  page('/', 'page', 'The bookstore as a page for browsers', 'text/html'),
  page('/style.css', 'pageStyle', 'How the page looks', 'text/css'),
  page('/page.js', 'pageScript', 'What the page does', 'text/javascript'),
  page('/icon.svg', 'pageIcon', 'Its icon', 'image/svg+xml'),
];
