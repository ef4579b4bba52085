/** `/employees`: who works in the shop, all of them in one array; every replica has the same. */
import type { Router } from '@koa/router';
import type { JsonObject, Search } from '../../store/client.ts';
import { rfc3339 } from '../../system-clock.ts';
import { type Answer, answering, jsonAnswer, type RequestContext, type RequestState } from '../answer.ts';
import { readBody } from '../body.ts';
import type { Draft, DraftOperation } from '../catalog/draft.ts';
import { HttpProblem, problemAnswer, quote } from '../errors.ts';
import { idempotencyOf, replayHeaders } from '../idempotency.ts';
import type { Share } from '../in-flight.ts';
import { requirePatch } from '../merge-patch.ts';
import { parseParameters, timeoutMsOf } from '../parameters.ts';
import { entityTag } from '../preconditions.ts';
import { parseReadOptions, provenance, type ReadRequest, readParameters } from '../reads.ts';
import { employeeBody, employeePatchBody } from '../schemas/employee.ts';
import { change, ifMatchOf } from '../shop/change.ts';
import { employeeFields, employeeForm } from '../shop/forms.ts';
import { idOfNew } from '../shop/ids.ts';
import { itemRead } from '../shop/item-answer.ts';
import { wholeAnswer } from '../shop/list-answer.ts';
import { parseFields, requestedId } from '../shop/request.ts';
import { commitDefining, type ShopRoutesOptions } from '../shop/shop.ts';
import { uncommittedProblem } from '../shop/uncommitted-problem.ts';

const employeeBytesMax = 16 * 1024;

/** In the order of their ids. */
const allEmployees: Search = {
  ...{ collection: 'employees', filters: [], sort: null, after: null },
  ...{ limit: 1000, fields: employeeFields, count: false },
};

export function addEmployeeRoutes(router: Router<RequestState>, { shop, inFlight }: ShopRoutesOptions): void {
  const list = (write?: (array: string, count: number) => string) =>
    answering(
      'read',
      inFlight.admitting<RequestContext, Promise<Answer>>(async (request: ReadRequest, share: Share) => {
        const options = parseReadOptions(parseParameters(request.querystring, readParameters), request.headers);
        return wholeAnswer(shop, allEmployees, { request, share, options }, employeeForm, write);
      }),
    );

  async function create(ctx: RequestContext, share: Share): Promise<Answer> {
    const timeoutMs = timeoutMsOf(parseParameters(ctx.querystring, ['timeout']));
    const bytes = await readBody(ctx.req, ctx.res, share, employeeBytesMax, 'request');
    const employee = parseFields(bytes, employeeBody, 'invalid_employee');
    const idempotency = idempotencyOf(ctx, bytes, false);
    const id = idOfNew(idempotency, shop.newUuid);
    const document = { id, ...employee };
    const target = { type: 'document', collection: 'employees', id } as const;
    const draft: Draft = {
      compares: [{ of: 'exists', target, is: false }],
      then: [{ type: 'putDocument', collection: 'employees', id, document, ttlMs: null }],
      otherwise: [],
    };
    const committed = await shop.inProgress.during(idempotency, () =>
      commitDefining(shop, draft, { timeoutMs, idempotency }, ['employees']),
    );
    if (committed.type !== 'done') {
      return problemAnswer(
        uncommittedProblem(committed, 'employees', timeoutMs, () => employeeNotFound(id)),
        ctx.method,
      );
    }
    const { result, replica } = committed;
    ctx.state.servedBy = replica;
    const { revision } = result;
    const headers = [...provenance(revision, replica), ...replayHeaders(result), 'Location', `/employees/${id}`];
    if (!result.succeeded) return problemAnswer(madeBefore(), ctx.method, headers);
    return jsonAnswer(201, [...headers, 'ETag', entityTag(revision)], employeeForm(id, document));
  }

  /** `operationOf`: throws HttpProblem; `after` is what is shown of what was there before. */
  const changing = (
    operationOf: (
      id: string,
      bytes: Buffer,
      ctx: RequestContext,
    ) => { readonly operation: DraftOperation; readonly after: (before: JsonObject, revision: number) => unknown },
  ) => {
    const handle = async (ctx: RequestContext, share: Share): Promise<Answer> => {
      const id = requestedId(ctx);
      const timeoutMs = timeoutMsOf(parseParameters(ctx.querystring, ['timeout']));
      const ifMatch = ifMatchOf(ctx.headers);
      const bytes = await readBody(ctx.req, ctx.res, share, employeeBytesMax, 'request');
      const { operation, after } = operationOf(id, bytes, ctx);
      const common = { collection: 'employees', id, ifMatch, timeoutMs, notFound: employeeNotFound } as const;
      const changed = await change(shop, { ...common, operation });
      if (changed.type === 'refused') return problemAnswer(changed.problem, ctx.method);
      const { before, revision, replica } = changed;
      ctx.state.servedBy = replica;
      const tag = operation.type === 'delete' ? [] : ['ETag', entityTag(revision)];
      return jsonAnswer(200, [...tag, ...provenance(revision, replica)], after(before, revision));
    };
    return answering('write', inFlight.admitting(handle));
  };

  router.get('/employees', '/employees', list());
  router.post('/employees', '/employees', answering('write', inFlight.admitting(create)));
  router.get(
    '/update/employees',
    '/update/employees',
    list((data, total) => `{"data":${data},"total":${total},"timestamp":"${rfc3339(shop.clock.wallNow())}"}`),
  );

  const name = '/employees/{id}';
  const path = /^\/employees\/[^/]+$/;
  const shownOne = {
    collection: 'employees',
    idIn: requestedId,
    show: employeeForm,
    notFound: employeeNotFound,
  } as const;
  router.get(name, path, answering('read', inFlight.admitting(itemRead(shop.reader, shownOne))));
  const targetOf = (id: string) => ({ type: 'document', collection: 'employees', id }) as const;
  const put = changing((id, bytes) => {
    const document = { id, ...parseFields(bytes, employeeBody, 'invalid_employee') };
    const operation = { type: 'putDocument', collection: 'employees', id, document, ttlMs: null } as const;
    return { operation, after: () => employeeForm(id, document) };
  });
  const patch = changing((id, bytes, ctx) => {
    requirePatch(ctx);
    const fieldsOfPatch = parseFields(bytes, employeePatchBody, 'invalid_employee');
    const operation = { type: 'patch', target: targetOf(id), patch: fieldsOfPatch } as const;
    return { operation, after: (before) => employeeForm(id, { ...before, ...fieldsOfPatch }) };
  });
  const remove = changing((id) => {
    return { operation: { type: 'delete', target: targetOf(id) }, after: (_, revision) => ({ id, revision }) };
  });
  router.put(name, path, put);
  router.patch(name, path, patch);
  router.delete(name, path, remove);
}

function employeeNotFound(id: string): HttpProblem {
  return new HttpProblem(
    'employee_not_found',
    `there is no employee ${quote(id)}; GET /employees lists those there are`,
  );
}

function madeBefore(): HttpProblem {
  const detail =
    'an employee was made with this Idempotency-Key so long ago that its answer is forgotten; read it where Location says, or send it with a new key';
  return new HttpProblem('document_exists', detail);
}
