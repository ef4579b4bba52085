/** An operation on one line, for a person who reads a finding. */
import { unreachable } from '../../src/raft/assert.ts';
import type { Condition, GetForm, Operation, Outcome, Reply, Request } from './operation.ts';

/** `#12 c3 put k = v7 if absent [3.2 to 4.1 ms]: put, revision 9, version 2` */
export function describe({ number, client, request, invokedAt, returnedAt, outcome }: Operation): string {
  const times = `[${rounded(invokedAt)} to ${rounded(returnedAt)} ms]`;
  return `#${number} ${client} ${describeRequest(request)} ${times}: ${describeOutcome(outcome)}`;
}

function describeRequest(request: Request): string {
  switch (request.type) {
    case 'get':
      return `${describeForm(request.form)} ${request.key}`;
    case 'put':
      return `put ${request.key} = ${shortened(request.value)}${describeCondition(request.condition)}`;
    case 'delete':
      return `delete ${request.key}${describeCondition(request.condition)}`;
    case 'list':
      return `list ${request.prefix}*${request.after === undefined ? '' : ` after ${request.after.key}`} limit ${request.limit}`;
    default:
      return unreachable(request);
  }
}

function describeForm(form: GetForm | undefined): string {
  if (form === undefined) return 'get';
  return form.type === 'head' ? 'head' : `get unless at ${form.revision}`;
}

function describeCondition(condition: Condition): string {
  if (condition.type === 'none') return '';
  return condition.type === 'absent' ? ' if absent' : ` if at ${condition.revision}`;
}

function describeOutcome(outcome: Outcome): string {
  if (outcome.type === 'answered') return describeReply(outcome.reply);
  return outcome.type === 'unknown' ? 'outcome unknown' : 'not applied';
}

function describeReply(reply: Reply): string {
  switch (reply.type) {
    case 'got':
      return `${reply.item === null ? 'absent' : `${shortened(reply.item.value)} of ${reply.item.modRevision}`}, read at ${reply.revision}`;
    case 'checked':
      return `at ${reply.current}, read at ${reply.revision}`;
    case 'put':
      return `put, revision ${reply.revision}, version ${reply.version}${reply.created ? ', created' : ''}`;
    case 'deleted':
      return `deleted, revision ${reply.revision}`;
    case 'notFound':
      return 'not found';
    case 'conditionFailed':
      return `condition failed, current ${reply.current}`;
    case 'listed': {
      const items = reply.items.map(({ key, value, modRevision }) => `${key} = ${shortened(value)} of ${modRevision}`);
      return `[${items.join(', ')}]${reply.more ? ' and more' : ''}, read at ${reply.revision}`;
    }
    default:
      return unreachable(reply);
  }
}

/** A value is known by its beginning. */
export function shortened(value: string): string {
  return value.length <= 32 ? value : `${value.slice(0, 16)}… (${value.length})`;
}

function rounded(timeMs: number): number {
  return Math.round(timeMs * 1000) / 1000;
}
