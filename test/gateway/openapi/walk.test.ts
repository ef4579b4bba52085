import test, { type ExecutionContext } from 'ava';
import { operations } from '../../../src/gateway/openapi/operations.ts';
import { startGateway } from '../../../src/gateway/server.ts';
import { MachineClient } from '../catalog/machine-client.ts';
import { gatewayOptions, request } from '../harness.ts';
import { conforms } from './conforms.ts';
import { exampleRequest } from './examples.ts';
import { nameless, routes } from './routes.ts';
import { type Ask, stock } from './stock.ts';

const known = routes();

/** What a query must have that the document can only say in words. */
const choices: Readonly<Record<string, string>> = {
  purgeCache: 'all=true',
  watchKeys: 'wait=10ms',
  watchCollection: 'wait=10ms',
};

async function startStocked(t: ExecutionContext): Promise<Ask> {
  const gateway = await startGateway(gatewayOptions(await MachineClient.start()));
  t.teardown(() => gateway.close());
  const ask: Ask = (method, path, options) => request(gateway.address.port, method, path, options);
  await stock(ask);
  return ask;
}

for (const operation of operations) {
  const { id, method, path, query = {}, furtherQuery } = operation;
  if (!known.has(`${method.toUpperCase()} ${nameless(path)}`)) continue;

  test(`${method.toUpperCase()} ${path} answers as the document says`, async (t) => {
    const ask = await startStocked(t);
    if (id === 'createDocument') await ask('DELETE', '/v1/collections/books/items/1');
    const { target, headers, body } = exampleRequest(operation);
    const more = target.includes('?') ? '&' : '?';
    const send = async (to: string, further: Readonly<Record<string, string>> = {}) => {
      const options = { headers: { ...headers, ...further }, ...(body === undefined ? {} : { body }) };
      const response = await ask(method.toUpperCase(), to, options);
      t.deepEqual(conforms(method, path, response), []);
      return response;
    };
    const choice = choices[id];
    const chosen = choice === undefined ? target : `${target}${more}${choice}`;
    const answered = await send(chosen);
    t.true(answered.status < 300, answered.text);
    await send(chosen, { 'If-Match': 'nonsense', 'Last-Event-ID': 'nonsense', 'Idempotency-Key': '""' });
    await send(chosen, { 'If-None-Match': '*', 'Content-Type': 'text/nonsense' });
    const refused = await send(`${target}${more}nonsense=1`);
    t.is(refused.status, 400);
    if (furtherQuery !== undefined) return;
    const { detail } = JSON.parse(refused.text) as { readonly detail: string };
    const [, names = ''] = /"nonsense"; (?:expected (.*)|none are known here)$/.exec(detail) ?? [];
    t.deepEqual(names.split(', ').filter(Boolean).sort(), Object.keys(query).sort());
  });
}
