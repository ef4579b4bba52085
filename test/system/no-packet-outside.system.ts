import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { mustRun } from '../cluster/command.ts';
import { ownedName } from '../cluster/owner.ts';
import { namespaces } from './requirements.ts';
import { systemTest } from './system-test.ts';

const left = '10.78.0.1';
const right = '10.78.0.2';
/** Reserved for documentation: nobody's. */
const outside = '192.0.2.1';
const pair = fileURLToPath(new URL('rpc-pair.ts', import.meta.url));

interface Namespace {
  run(command: readonly string[], timeoutMs?: number): Promise<string>;
  /** Packets that processes in it have sent to anywhere but the two addresses. */
  packetsOutside(): Promise<number>;
}

/** Holds the two addresses, and no route to any other. */
async function createNamespace(t: ExecutionContext): Promise<Namespace> {
  const name = ownedName();
  await mustRun(['ip', 'netns', 'add', name]);
  t.teardown(() => mustRun(['ip', 'netns', 'delete', name]));
  const run = (command: readonly string[], timeoutMs = 60_000) =>
    mustRun(['ip', 'netns', 'exec', name, ...command], { timeoutMs });
  await run(['ip', 'link', 'set', 'dev', 'lo', 'up']);
  await run(['ip', 'link', 'add', 'name', 'eth0', 'type', 'veth', 'peer', 'name', 'eth1']);
  for (const device of ['eth0', 'eth1']) await run(['ip', 'link', 'set', 'dev', device, 'up']);
  for (const address of [left, right]) await run(['ip', 'addr', 'add', `${address}/32`, 'dev', 'eth0']);
  await mustRun(['ip', 'netns', 'exec', name, 'nft', '-f', '-'], {
    input: `table inet bazar {
      chain output {
        type filter hook output priority 0;
        ip daddr { ${left}, ${right} } accept
        meta l4proto { tcp, udp } counter
      }
    }\n`,
  });
  return {
    run,
    async packetsOutside() {
      const rules = await run(['nft', 'list', 'chain', 'inet', 'bazar', 'output']);
      return Number(/counter packets (\d+)/.exec(rules)?.[1]);
    },
  };
}

systemTest('endpoints connect without a default route', namespaces, async (t) => {
  const namespace = await createNamespace(t);
  t.is((await namespace.run(['ip', 'route', 'show', 'default'])).trim(), '');
  const answers = Number(await namespace.run([process.execPath, pair, left, right, '2000']));
  t.true(answers > 20, `${answers} answers`);
  t.is(await namespace.packetsOutside(), 0);
});

systemTest('endpoints send no packet to anyone but each other, though there is a way out', namespaces, async (t) => {
  const namespace = await createNamespace(t);
  // Without a route a packet would fail before it is counted.
  await namespace.run(['ip', 'route', 'add', 'default', 'dev', 'eth0']);
  const sendOutside = `const socket = require('node:dgram').createSocket('udp4');
    socket.send('hello', 9, '${outside}', () => socket.close());`;
  await namespace.run([process.execPath, '-e', sendOutside]);
  t.is(await namespace.packetsOutside(), 1, 'a packet to the outside is counted');
  // A node of a public network would ping and refresh within 40 seconds.
  const answers = Number(await namespace.run([process.execPath, pair, left, right, '45000'], 120_000));
  t.true(answers > 500, `${answers} answers`);
  t.is(await namespace.packetsOutside(), 1, 'no further packet');
});
