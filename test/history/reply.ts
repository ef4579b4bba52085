/** Whether a reply can be one to its request at all, whatever the store holds. */
import { unreachable } from '../../src/raft/assert.ts';
import { compareKeys } from './key-order.ts';
import type { Condition, GetForm, Reply, Request } from './operation.ts';

/** What is wrong with it, or null. */
export function replyProblem(request: Request, reply: Reply): string | null {
  switch (request.type) {
    case 'get':
      if (reply.type === 'got') return gotProblem(request, reply);
      return reply.type === 'checked' ? checkedProblem(request.form, reply) : notAReply;
    case 'list':
      return reply.type === 'listed' ? listedProblem(request, reply) : notAReply;
    case 'put':
      if (reply.type === 'put') return putProblem(request.condition, reply);
      return reply.type === 'conditionFailed' ? conditionFailedProblem(request.condition, reply.current) : notAReply;
    case 'delete':
      if (reply.type === 'deleted') return deletedProblem(request.condition, reply.revision);
      if (reply.type === 'notFound') return request.condition.type === 'matches' ? 'the condition ruled it out' : null;
      return reply.type === 'conditionFailed' ? conditionFailedProblem(request.condition, reply.current) : notAReply;
    default:
      return unreachable(request);
  }
}

const notAReply = 'no such reply belongs to such a request';

type ReplyOf<Type extends Reply['type']> = Extract<Reply, { type: Type }>;

function gotProblem(
  { key, form }: Extract<Request, { type: 'get' }>,
  { item, revision }: ReplyOf<'got'>,
): string | null {
  if (item === null) return null;
  if (item.key !== key) return 'it is another key';
  if (form?.type === 'head') return 'no value was asked for';
  if (form?.type === 'unlessAt' && form.revision === item.modRevision) return 'the value had not changed';
  return item.modRevision > revision ? 'the item is newer than the read' : null;
}

function checkedProblem(form: GetForm | undefined, { revision, current }: ReplyOf<'checked'>): string | null {
  if (form === undefined) return 'a value was asked for';
  if (form.type === 'unlessAt' && form.revision !== current) return 'the value had changed';
  return current > revision ? 'the item is newer than the read' : null;
}

function putProblem(condition: Condition, { revision, version, created }: ReplyOf<'put'>): string | null {
  if (version < 1 || created !== (version === 1)) return 'what is created has version 1, and nothing else has';
  switch (condition.type) {
    case 'none':
      return null;
    case 'absent':
      return created ? null : 'it was to be written only if absent';
    case 'matches':
      if (created) return 'it was to be written only over what is there';
      return revision > condition.revision ? null : 'its revision is not above the one it replaced';
    default:
      return unreachable(condition);
  }
}

function deletedProblem(condition: Condition, revision: number): string | null {
  if (condition.type === 'absent') return 'it was to be deleted only if absent';
  if (condition.type === 'matches' && revision <= condition.revision)
    return 'its revision is not above what it deleted';
  return null;
}

function conditionFailedProblem(condition: Condition, current: number): string | null {
  switch (condition.type) {
    case 'none':
      return 'there was no condition';
    case 'absent':
      return current === 0 ? 'the condition holds' : null;
    case 'matches':
      return current === condition.revision ? 'the condition holds' : null;
    default:
      return unreachable(condition);
  }
}

function listedProblem(
  { prefix, limit, after }: Extract<Request, { type: 'list' }>,
  { items, revision, more }: ReplyOf<'listed'>,
): string | null {
  if (items.length > limit) return 'it is more than was asked for';
  if (more && items.length === 0) return 'an empty page that is not the last';
  for (const [place, { key, modRevision }] of items.entries()) {
    const before = items[place - 1] ?? after;
    if (before !== undefined && compareKeys(before.key, key) >= 0) return `${key} is out of order`;
    if (!key.startsWith(prefix)) return `${key} is not within the prefix`;
    if (modRevision > revision) return `${key} is newer than the read`;
  }
  return null;
}
