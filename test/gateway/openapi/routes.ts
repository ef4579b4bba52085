/** What the router knows, in the words of the document. */
import { type Need, needOf } from '../../../src/gateway/access/needs.ts';
import { createRouter, createWatches } from '../../../src/gateway/app.ts';
import { createReader } from '../../../src/gateway/reader.ts';
import { FakeClient } from '../fake-client.ts';
import { gatewayOptions } from '../harness.ts';

/** Where the document and the router call a parameter differently, they mean the same. */
export function nameless(path: string): string {
  return path.replaceAll(/\{\w+\}|:\w+/g, '{}');
}

/** By method and path, without the names of parameters: who may come. */
export function routes(): ReadonlyMap<string, Need | null> {
  const options = gatewayOptions(new FakeClient());
  const { router } = createRouter(options, createReader(options), createWatches(options));
  return new Map(
    router.stack.flatMap(({ methods, name, path, stack }) =>
      methods.map((method) => [`${method} ${nameless(name ?? String(path))}`, needOf(stack)] as const),
    ),
  );
}
