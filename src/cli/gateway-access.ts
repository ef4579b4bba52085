/** Who may come to `bazar gateway`, and how: from its flags to what it checks. */
import { readFile } from 'node:fs/promises';
import type { ClusterFile } from '../cluster-file.ts';
import { ConfigError, fromEnvironment, optional, path, UsageError, type Values } from '../config.ts';
import { type Access, createAccess } from '../gateway/access/access.ts';
import { type Cors, corsOrigins, createCors } from '../gateway/access/cors.ts';
import { checkExposure } from '../gateway/access/exposure.ts';
import { createPeerSigner, createPeerVerifier, type PeerSigner } from '../gateway/access/peer-signature.ts';
import { Reloaded } from '../gateway/access/reloaded.ts';
import { checkAuthorities, loadTlsPair, type TlsPair } from '../gateway/access/tls.ts';
import { readTokenFile } from '../gateway/access/token-file.ts';
import { type TokenTable, tokenTable } from '../gateway/access/tokens.ts';
import type { KeyPair } from '../keys-file.ts';
import type { Logger } from '../logger.ts';
import { systemClock } from '../system-clock.ts';

export const accessOptions = fromEnvironment({
  tokens: optional(path('FILE'), 'Only who has a token of this file is let in; "bazar token" makes it.'),
  corsOrigin: optional(corsOrigins, 'Pages of these origins may ask and read: https://a.example,https://b.example.'),
  tlsCert: optional(path('FILE'), 'Speak TLS, with this certificate; PEM, with those that lead to its authority.'),
  tlsKey: optional(path('FILE'), 'The key of that certificate; PEM, without a passphrase.'),
  tlsCa: optional(path('FILE'), 'Who signed the certificates of the other gateways, if nobody whom Node.js trusts.'),
});

type AccessInput = Values<typeof accessOptions>;

/** Throws ConfigError for flags that contradict each other, or open more than was said to be meant. */
export function checkAccess(input: AccessInput, host: string, insecure: boolean): void {
  if ((input.tlsCert === null) !== (input.tlsKey === null)) {
    throw new UsageError('expected --tls-cert FILE and --tls-key FILE together, or neither');
  }
  checkExposure({ host, insecure, hasTokens: input.tokens !== null, origins: input.corsOrigin ?? [] });
}

export interface GatewayAccess {
  readonly access: Access | null;
  readonly cors: Cors | null;
  readonly tls: Reloaded<TlsPair> | null;
  readonly signer: PeerSigner;
  /** PEM; undefined for whom Node.js trusts. */
  readonly ca: Buffer | undefined;
  /** Whether there is anything that can be read again. */
  readonly hasFiles: boolean;
  /** Reads them again, changed or not. */
  readonly reload: () => void;
  readonly close: () => void;
}

/** Throws ConfigError where a file cannot be used. */
export async function openAccess(
  input: AccessInput,
  cluster: ClusterFile,
  own: { readonly id: string; readonly keyPair: KeyPair },
  log: Logger,
): Promise<GatewayAccess> {
  const identity = { ...own, clusterId: cluster.clusterId, clock: systemClock };
  const ca = input.tlsCa === null ? undefined : await readCa(input.tlsCa);
  const tls = await openTls(input, log);
  const tokens = input.tokens === null ? null : await openTokens(input.tokens, log);
  const peers = createPeerVerifier({ ...identity, gateways: cluster.gateways });
  const files = [tls, tokens].filter((each) => each !== null);
  return {
    access: tokens === null ? null : createAccess({ tokens, peers }),
    cors: input.corsOrigin === null ? null : createCors(input.corsOrigin),
    tls,
    signer: createPeerSigner(identity),
    ca,
    hasFiles: files.length > 0,
    reload() {
      for (const each of files) void each.reload();
    },
    close() {
      for (const each of files) each.close();
    },
  };
}

function openTokens(file: string, log: Logger): Promise<Reloaded<TokenTable>> {
  return Reloaded.open({
    what: 'tokens',
    files: [file],
    async load() {
      const entries = await readTokenFile(file);
      if (entries !== null) return tokenTable(entries);
      throw new ConfigError(`token file ${file}: there is no such file; "bazar token create" makes one`);
    },
    clock: systemClock,
    log,
  });
}

async function openTls({ tlsCert: cert, tlsKey: key }: AccessInput, log: Logger): Promise<Reloaded<TlsPair> | null> {
  if (cert === null || key === null) return null;
  const load = async () => {
    const pair = await loadTlsPair({ cert, key });
    const days = Math.floor((pair.expiresAtMs - systemClock.wallNow()) / 86_400_000);
    if (days < 14)
      log.warn(days < 0 ? 'the TLS certificate has expired' : 'the TLS certificate expires soon', { days });
    return pair;
  };
  return Reloaded.open({ what: 'TLS certificate and key', files: [cert, key], load, clock: systemClock, log });
}

async function readCa(file: string): Promise<Buffer> {
  const bytes = await readFile(file).catch((error: Error) => {
    throw new ConfigError(`--tls-ca ${file} cannot be read: ${error.message}; expected PEM`);
  });
  checkAuthorities(bytes, `--tls-ca ${file}`);
  return bytes;
}
