/** Operations as HTTP requests, and what a client may conclude from the answers. */
import type { Condition, GetForm, Item, Outcome, Reply, Request } from './operation.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

/** `parameters` are added to the query, such as `timeout=2s`. */
export function httpRequest(request: Request, parameters: readonly string[]): HttpRequest {
  const query = (more: readonly string[] = []) => {
    const all = [...more, ...parameters];
    return all.length === 0 ? '' : `?${all.join('&')}`;
  };
  switch (request.type) {
    case 'get': {
      const { key, form } = request;
      const method = form?.type === 'head' ? 'HEAD' : 'GET';
      return { method, path: `${pathOf(key)}${query()}`, headers: unlessHeader(form), body: null };
    }
    case 'put': {
      const body = Buffer.from(request.value);
      const headers = {
        'content-type': 'text/plain',
        'content-length': `${body.length}`,
        ...headerOf(request.condition),
      };
      return { method: 'PUT', path: `${pathOf(request.key)}${query()}`, headers, body };
    }
    case 'delete': {
      const headers = headerOf(request.condition);
      return { method: 'DELETE', path: `${pathOf(request.key)}${query()}`, headers, body: null };
    }
    case 'list': {
      const { prefix, limit, after } = request;
      const page = [`prefix=${encodeURIComponent(prefix)}`, `limit=${limit}`];
      if (after !== undefined) page.push(`cursor=${encodeURIComponent(after.cursor)}`);
      return { method: 'GET', path: `/v1/kv${query(page)}`, headers: {}, body: null };
    }
  }
}

/** `answer` null: none came. Throws for an answer that the API does not know. */
export function outcomeOf(request: Request, answer: HttpAnswer | null): Outcome {
  const writes = request.type === 'put' || request.type === 'delete';
  if (answer === null) return { type: writes ? 'unknown' : 'notApplied' };
  const reply = replyOf(request, answer);
  if (reply !== null) return { type: 'answered', reply };
  if (!writes) {
    if (answer.status >= 500 || answer.status === 429) return { type: 'notApplied' };
    throw unexpected(request, answer);
  }
  const { outcome } = parse(answer);
  if (outcome === 'not_applied') return { type: 'notApplied' };
  if (outcome === 'unknown') return { type: 'unknown' };
  throw unexpected(request, answer);
}

function leased(answer: HttpAnswer): { readonly isLeased?: true } {
  return answer.headers['cache-status']?.includes('detail=lease') ? { isLeased: true } : {};
}

function replyOf(request: Request, answer: HttpAnswer): Reply | null {
  const { status } = answer;
  switch (request.type) {
    case 'get': {
      const revision = numberIn(answer, 'bazar-revision');
      if (status === 404) return { type: 'got', revision, item: null, ...leased(answer) };
      if (status === 304 || (status === 200 && request.form?.type === 'head')) {
        return { type: 'checked', revision, current: entityTag(answer), ...leased(answer) };
      }
      if (status !== 200) return null;
      const item = { key: request.key, value: answer.body.toString(), modRevision: entityTag(answer) };
      return { type: 'got', revision, item, ...leased(answer) };
    }
    case 'put': {
      if (status === 412) return { type: 'conditionFailed', current: entityTag(answer) };
      if (status !== 200 && status !== 201) return null;
      const { revision, version } = parse(answer);
      return { type: 'put', revision: Number(revision), version: Number(version), created: status === 201 };
    }
    case 'delete': {
      if (status === 412) return { type: 'conditionFailed', current: entityTag(answer) };
      if (status === 404) return { type: 'notFound' };
      if (status !== 200) return null;
      const { revision } = parse(answer);
      return { type: 'deleted', revision: Number(revision) };
    }
    case 'list': {
      if (status !== 200) return null;
      const { revision, items, cursor } = parse(answer);
      return {
        type: 'listed',
        revision: Number(revision),
        ...leased(answer),
        items: (items as ListedItem[]).map(itemOf),
        more: cursor !== null,
        ...(cursor === null ? {} : { cursor: String(cursor) }),
      };
    }
  }
}

interface ListedItem {
  readonly key: string;
  readonly modRevision: number;
  readonly version: number;
  readonly value: string;
}

function itemOf({ key, modRevision, version, value }: ListedItem): Item {
  return { key, modRevision, version, value };
}

function pathOf(key: string): string {
  return `/v1/kv/${encodeURIComponent(key)}`;
}

function unlessHeader(form: GetForm | undefined): Record<string, string> {
  return form?.type === 'unlessAt' ? { 'if-none-match': `"${form.revision}"` } : {};
}

function headerOf(condition: Condition): Record<string, string> {
  switch (condition.type) {
    case 'none':
      return {};
    case 'matches':
      return { 'if-match': `"${condition.revision}"` };
    case 'absent':
      return { 'if-none-match': '*' };
  }
}

function entityTag({ headers }: HttpAnswer): number {
  const { etag } = headers;
  return etag === undefined ? 0 : Number(JSON.parse(String(etag)));
}

function numberIn({ headers }: HttpAnswer, name: string): number {
  return Number(headers[name]);
}

function parse(answer: HttpAnswer): Record<string, unknown> {
  return JSON.parse(answer.body.toString()) as Record<string, unknown>;
}

function unexpected(request: Request, { status, body }: HttpAnswer): Error {
  return new Error(`a ${request.type} was answered ${status}: ${body.toString().slice(0, 500)}`);
}
