import test from 'ava';
import {
  createPeerSigner,
  createPeerVerifier,
  freshMs,
  isPeerSignature,
} from '../../../src/gateway/access/peer-signature.ts';
import { createPeers } from '../../../src/gateway/peers.ts';
import type { Clock } from '../../../src/system-clock.ts';
import { ManualClock } from '../../store/manual-clock.ts';
import { problemOf, request } from '../harness.ts';
import { bearer, clusterId, gatewaysOf, keyPairOf, signerOf, startGuarded, tokens, verifierOf } from './fixture.ts';

const purge = { method: 'DELETE', target: '/v1/cache?all=true&scope=this' } as const;
const read = { method: 'GET', target: '/v1/cluster/metrics?scope=this' } as const;

/** A clock that is off by so much from another. */
const off = (clock: Clock, byMs: number): Clock => ({
  ...clock,
  now: () => clock.now(),
  wallNow: () => clock.wallNow() + byMs,
});

test('what a gateway has signed for another is known there', (t) => {
  const clock = new ManualClock();
  const signed = signerOf('g2', clock).sign('g1', purge);
  t.true(isPeerSignature(signed));
  t.is(verifierOf('g1', clock).problemOf(signed, purge), null);
});

test('it is good for this request, this gateway, this cluster and this signer alone', (t) => {
  const clock = new ManualClock();
  const verifier = verifierOf('g1', clock);
  const wrong = /the signature is wrong/;
  const signed = signerOf('g2', clock).sign('g1', purge);
  t.regex(verifier.problemOf(signed, { ...purge, target: '/v1/cache?all&scope=this' }) ?? '', wrong);
  t.regex(verifier.problemOf(signed, { ...purge, method: 'GET' }) ?? '', wrong);
  t.regex(verifierOf('g3', clock).problemOf(signed, purge) ?? '', wrong);
  t.regex(verifier.problemOf(signed.replace('g2', 'g3'), purge) ?? '', wrong);
  t.regex(verifier.problemOf(signed.replace(/\.0\./, '.1.'), purge) ?? '', wrong);
  const elsewhere = { clusterId: 'another', id: 'g2', keyPair: keyPairOf('g2'), clock };
  t.regex(verifier.problemOf(createPeerSigner(elsewhere).sign('g1', purge), purge) ?? '', wrong);
  const impostor = { clusterId, id: 'g2', keyPair: keyPairOf('x'), clock };
  t.regex(verifier.problemOf(createPeerSigner(impostor).sign('g1', purge), purge) ?? '', wrong);
  t.is(verifier.problemOf(signed, purge), null);
});

test('who is in no cluster file, and what is no signature, is nobody', (t) => {
  const clock = new ManualClock();
  const verifier = verifierOf('g1', clock);
  const nobody = /names no gateway/;
  t.regex(verifier.problemOf(signerOf('g9', clock).sign('g1', purge), purge) ?? '', nobody);
  for (const text of ['Bazar-Peer ', 'Bazar-Peer g2.0.a.b', `${signerOf('g2', clock).sign('g1', purge)}.`]) {
    t.regex(verifier.problemOf(text, purge) ?? '', nobody, text);
  }
});

test('a write that comes twice is done once; a read that comes twice tells nothing new', async (t) => {
  const clock = new ManualClock();
  const verifier = verifierOf('g1', clock);
  const signer = signerOf('g2', clock);
  const [write, question] = [signer.sign('g1', purge), signer.sign('g1', read)];
  t.is(verifier.problemOf(write, purge), null);
  t.regex(verifier.problemOf(write, purge) ?? '', /it came before/);
  await clock.advance(freshMs);
  t.regex(verifier.problemOf(write, purge) ?? '', /it came before/);
  t.is(verifier.problemOf(question, read), null);
  t.is(verifier.problemOf(question, read), null);
  await clock.advance(1);
  t.regex(verifier.problemOf(write, purge) ?? '', /30 s from now.*compare the clocks/);
});

test('clocks may be off by half a minute, and a write from the future is still done once', async (t) => {
  const clock = new ManualClock();
  const verifier = verifierOf('g1', clock);
  const early = signerOf('g2', off(clock, freshMs)).sign('g1', purge);
  t.is(verifier.problemOf(early, purge), null);
  t.regex(verifier.problemOf(signerOf('g2', off(clock, freshMs + 1)).sign('g1', purge), purge) ?? '', /from now/);
  await clock.advance(2 * freshMs - 1);
  t.regex(verifier.problemOf(early, purge) ?? '', /it came before/);
  await clock.advance(2);
  t.regex(verifier.problemOf(early, purge) ?? '', /from now/);
});

test('a write that was signed before the gateway began may have been done then', async (t) => {
  const clock = new ManualClock();
  const signer = signerOf('g2', clock);
  const [write, question] = [signer.sign('g1', purge), signer.sign('g1', read)];
  await clock.advance(1);
  const restarted = verifierOf('g1', clock);
  t.regex(restarted.problemOf(write, purge) ?? '', /before this gateway began/);
  t.is(restarted.problemOf(question, read), null);
});

test('what cannot be remembered is not done, until there is room', async (t) => {
  const clock = new ManualClock();
  const gateways = gatewaysOf('g2');
  const verifier = createPeerVerifier({ clusterId, id: 'g1', gateways, clock, noncesMax: 2 });
  const signer = signerOf('g2', clock);
  const asked = () => verifier.problemOf(signer.sign('g1', purge), purge);
  t.deepEqual([asked(), asked()], [null, null]);
  t.regex(asked() ?? '', /too many came/);
  t.is(verifier.problemOf(signer.sign('g1', read), read), null);
  await clock.advance(2 * freshMs);
  t.is(asked(), null);
});

test('gateways with tokens ask each other for purges and counts', async (t) => {
  const second = await startGuarded(t, { id: 'g2' });
  const gateways = [
    { id: 'g1', http: '127.0.0.1:1' },
    { id: 'g2', http: `127.0.0.1:${second}` },
  ];
  const clock = new ManualClock();
  const peersOf = (signer: ReturnType<typeof signerOf>) => createPeers({ gateways, id: 'g1', signer, clock });
  const first = await startGuarded(t, { peers: peersOf(signerOf('g1')) });
  const purged = await request(first, 'DELETE', '/v1/cache?all', { headers: bearer(tokens.admin) });
  t.is(purged.status, 200, purged.text);
  const counted = await request(first, 'GET', '/v1/cluster/metrics', { headers: bearer(tokens.read) });
  t.deepEqual(JSON.parse(counted.text).gateways, [
    { id: 'g1', reached: true },
    { id: 'g2', reached: true },
  ]);
  const stranger = await startGuarded(t, { peers: peersOf({ sign: () => bearer(tokens.read).Authorization }) });
  t.is((await request(stranger, 'DELETE', '/v1/cache?all', { headers: bearer(tokens.admin) })).status, 502);
});

test('a signature that was seen does not work a second time, nor elsewhere', async (t) => {
  const port = await startGuarded(t);
  const headers = { Authorization: signerOf('g2').sign('g1', purge) };
  t.is((await request(port, 'DELETE', purge.target, { headers })).status, 200);
  for (const [method, target] of [
    ['DELETE', purge.target],
    ['DELETE', '/v1/kv/a'],
    ['PUT', '/v1/kv/a'],
  ] as const) {
    const response = await request(port, method, target, { headers });
    t.is(response.status, 401);
    t.is(problemOf(t, response).code, 'peer_refused');
  }
  t.is((await request(port, 'GET', '/v1/kv/a', { headers })).status, 401);
});
