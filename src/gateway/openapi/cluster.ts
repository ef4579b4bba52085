import { z } from 'zod';
import { purgeAnswer } from '../schemas/cache.ts';
import { clusterAnswer, clusterHashAnswer, clusterMetricsAnswer } from '../schemas/cluster.ts';
import { cacheInvalidateBody } from '../schemas/order.ts';
import { joined, type Operation } from './operation.ts';
import { flag, jsonAnswer, jsonBody, jsonProblems, text, timeout } from './parts.ts';

const scope = z.enum(['cluster', 'this']).optional().meta({
  description: 'this: only the gateway that is asked.',
  example: 'cluster',
});
const purged = { 200: jsonAnswer('Gone from all of them.', purgeAnswer) };
const purgeProblems = {
  403: ['foreign_page'],
  429: ['overloaded'],
  502: ['gateway_refused'],
  504: ['gateway_silent'],
};

export const clusterOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/v1/cluster',
    id: 'getCluster',
    tag: 'Cluster',
    need: 'read',
    summary: 'Tells what this gateway knows of the cluster',
    answers: { 200: jsonAnswer('Nobody was asked for it.', clusterAnswer) },
    problems: {},
  },
  {
    method: 'get',
    path: '/v1/cluster/metrics',
    id: 'getClusterMetrics',
    tag: 'Cluster',
    need: 'read',
    summary: 'Adds up what the gateways have counted',
    query: { scope },
    answers: { 200: jsonAnswer('Of all that were reached.', clusterMetricsAnswer) },
    problems: {},
  },
  {
    method: 'get',
    path: '/v1/cluster/hash',
    id: 'getClusterHash',
    tag: 'Cluster',
    need: 'read',
    summary: 'Tells whether all replicas are equal at one revision',
    query: { timeout },
    answers: { 200: jsonAnswer('What was found within the time.', clusterHashAnswer) },
    problems: { 429: ['overloaded'] },
  },
  {
    method: 'delete',
    path: '/v1/cache',
    id: 'purgeCache',
    tag: 'Cluster',
    need: 'admin',
    summary: 'Throws answers out of the caches of all gateways',
    description:
      'Exactly one of key, prefix, tag, collection and all. Nobody has to: what is kept is never out of date.',
    query: {
      key: text('The answer to this key, and the lists it may be in.', 'books/1'),
      prefix: text('The answers to keys that begin with it, and the lists that may show one.', 'books/'),
      tag: text('The answer to this key, and the lists of this prefix.', 'books/'),
      collection: text('The documents of this collection, and the searches in it.', 'books'),
      id: text('Of the collection this document alone, and the searches that may show it.', '1'),
      all: flag('Everything.'),
      scope,
    },
    answers: purged,
    problems: purgeProblems,
  },
  {
    method: 'post',
    path: '/cache/invalidate',
    id: 'invalidateBook',
    tag: 'Cluster',
    need: 'admin',
    summary: 'Throws what shows a book out of the caches of all gateways',
    body: jsonBody(cacheInvalidateBody),
    answers: purged,
    problems: joined(jsonProblems, purgeProblems),
  },
];
