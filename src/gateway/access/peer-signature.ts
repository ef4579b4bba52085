/**
 * How gateways tell each other who they are: each request is signed with the key that the cluster file names. What a
 * listener can make of one that he saw is in DESIGN-access.md.
 */
import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign, verify } from 'node:crypto';
import type { Clock } from '../../system-clock.ts';

/** What is signed of a request, besides who asks whom and when. It has no body. */
export interface PeerRequestText {
  readonly method: string;
  /** Path and query, as they stand in the request line. */
  readonly target: string;
}

export interface PeerSigner {
  /** For the header `Authorization`. Good for one request, at the gateway of this id. */
  sign(to: string, request: PeerRequestText): string;
}

export interface PeerVerifier {
  /** Null: a gateway of the cluster has signed this request for this gateway, now. Else what is wrong. */
  problemOf(authorization: string, request: PeerRequestText): string | null;
}

export interface PeerSignerOptions {
  readonly clusterId: string;
  /** The gateway's own. */
  readonly id: string;
  /** Ed25519: 32 bytes of seed, then the public key. */
  readonly keyPair: { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array };
  readonly clock: Clock;
}

export interface PeerVerifierOptions extends Pick<PeerSignerOptions, 'clusterId' | 'id' | 'clock'> {
  readonly gateways: readonly {
    readonly id: string;
    /** Hex, 32 bytes. */
    readonly publicKey: string;
  }[];
  /** How many requests that change something are remembered while they are fresh; more are refused. */
  readonly noncesMax?: number;
}

/** How far the wall clocks of two gateways may be apart, the way included. */
export const freshMs = 30_000;
/** An admin has to send 1,000 purges a second, to all gateways, to reach it. */
const noncesMaxDefault = 65_536;

const scheme = 'Bazar-Peer ';
const form = /^Bazar-Peer ([A-Za-z][\w-]{0,31})\.(\d{1,15})\.([\w-]{22})\.([\w-]{86})$/;
const nonceBytes = 16;
const seedBytes = 32;

export const isPeerSignature = (authorization: string): boolean => authorization.startsWith(scheme);

export function createPeerSigner({ clusterId, id, keyPair, clock }: PeerSignerOptions): PeerSigner {
  const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
  const seed = keyPair.secretKey.subarray(0, seedBytes);
  const jwk = { kty: 'OKP', crv: 'Ed25519', d: base64url(seed), x: base64url(keyPair.publicKey) };
  const key = createPrivateKey({ key: jwk, format: 'jwk' });
  return {
    sign(to, request) {
      const time = String(Math.trunc(clock.wallNow()));
      const nonce = base64url(randomBytes(nonceBytes));
      const signature = sign(null, signedBytes(clusterId, id, to, request, time, nonce), key);
      return `${scheme}${id}.${time}.${nonce}.${base64url(signature)}`;
    },
  };
}

export function createPeerVerifier({
  clusterId,
  id,
  gateways,
  clock,
  noncesMax = noncesMaxDefault,
}: PeerVerifierOptions): PeerVerifier {
  const keys = new Map(gateways.map((gateway) => [gateway.id, publicKeyOf(gateway.publicKey)]));
  const began = Math.trunc(clock.wallNow());
  /** Nonce to when it may be forgotten, by the monotonic clock: in the order of insertion. */
  const seen = new Map<string, number>();

  function forgetOld(now: number): void {
    for (const [nonce, until] of seen) {
      if (until > now) return;
      seen.delete(nonce);
    }
  }

  /** Reading twice tells nothing new; what changes something is done once. */
  function repetitionProblem(time: number, nonce: string): string | null {
    if (time < began) return 'it was signed before this gateway began, which cannot know whether it came before';
    const now = clock.now();
    forgetOld(now);
    if (seen.has(nonce)) return 'it came before';
    if (seen.size >= noncesMax) return 'too many came in the last minute; try again';
    // From one wall clock to the other both ways.
    seen.set(nonce, now + 2 * freshMs);
    return null;
  }

  return {
    problemOf(authorization, request) {
      const [, from = '', time = '', nonce = '', signature = ''] = form.exec(authorization) ?? [];
      const key = keys.get(from);
      if (key === undefined) return 'it names no gateway of the cluster file of this one';
      const awayMs = Number(time) - clock.wallNow();
      // What is cheap to find out comes first.
      if (Math.abs(awayMs) > freshMs) {
        return `it was signed ${Math.round(Math.abs(awayMs) / 1000)} s from now, at most ${freshMs / 1000} are allowed; compare the clocks`;
      }
      const bytes = signedBytes(clusterId, from, id, request, time, nonce);
      if (!verify(null, bytes, key, Buffer.from(signature, 'base64url'))) return 'the signature is wrong';
      return request.method === 'GET' ? null : repetitionProblem(Number(time), nonce);
    },
  };
}

/** The first line keeps it apart from whatever else is signed with these keys; no field holds a line break. */
function signedBytes(
  clusterId: string,
  from: string,
  to: string,
  { method, target }: PeerRequestText,
  time: string,
  nonce: string,
): Buffer {
  return Buffer.from(['bazar peer request 1', clusterId, from, to, method, target, time, nonce].join('\n'));
}

function publicKeyOf(hex: string): KeyObject {
  const x = Buffer.from(hex, 'hex').toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}
