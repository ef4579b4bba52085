/**
 * The cluster file: the bootstrap. From the first commit on the configuration in the log wins; the file says where to knock.
 */
import { readFile } from 'node:fs/promises';
import { ConfigError } from './config.ts';

export interface ReplicaAddress {
  readonly id: string;
  /** Hex, 32 bytes. */
  readonly publicKey: string;
  /** `host:port`, UDP. */
  readonly rpc: string;
  /** `host:port`, TCP. */
  readonly http: string;
}

export interface GatewayAddress {
  readonly id: string;
  readonly publicKey: string;
  readonly http: string;
  /** Whether it speaks TLS there; a gateway without this does not. */
  readonly tls?: boolean;
}

export interface ClusterFile {
  readonly clusterId: string;
  readonly replicas: readonly ReplicaAddress[];
  readonly gateways: readonly GatewayAddress[];
}

export interface Address {
  /** An IPv4 address or a name. */
  readonly host: string;
  readonly port: number;
}

export const replicasMax = 9;
export const gatewaysMax = 64;
const fileBytesMax = 1024 * 1024;

/** Throws ConfigError: one line naming the file and what in it is wrong. */
export async function loadClusterFile(file: string): Promise<ClusterFile> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === 'ENOENT' ? 'there is no such file' : error.message;
    throw new ConfigError(`cluster file ${file}: ${reason}; make one with "bazar init"`);
  });
  try {
    return parseClusterFile(text);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`cluster file ${file}: ${error.message}`);
  }
}

/** Throws ConfigError: one line naming what is wrong and what was expected. */
export function parseClusterFile(text: string): ClusterFile {
  if (text.length > fileBytesMax) throw new ConfigError(`it is larger than ${fileBytesMax} bytes`);
  const file = object(parseJson(text), 'the file', ['clusterId', 'replicas', 'gateways']);
  const cluster = {
    clusterId: matching(file.clusterId, 'clusterId', clusterIdPattern, 'a UUID'),
    replicas: array(file.replicas, 'replicas', 1, replicasMax).map((value, at) => {
      const where = `replicas[${at}]`;
      const replica = object(value, where, ['id', 'publicKey', 'rpc', 'http']);
      return { ...member(replica, where), rpc: address(replica.rpc, `${where}.rpc`) };
    }),
    gateways: array(file.gateways, 'gateways', 0, gatewaysMax).map((value, at) => {
      const where = `gateways[${at}]`;
      const gateway = object(value, where, ['id', 'publicKey', 'http', 'tls']);
      return { ...member(gateway, where), ...speakingTls(gateway.tls, `${where}.tls`) };
    }),
  };
  const members = [...cluster.replicas, ...cluster.gateways];
  distinct(members, 'id', (one) => one.id);
  distinct(members, 'publicKey', (one) => one.publicKey);
  distinct(members, 'http', (one) => one.http);
  distinct(cluster.replicas, 'rpc', (one) => one.rpc);
  return cluster;
}

/** Throws ConfigError unless the text is `host:port`. */
export function parseAddress(text: string): Address {
  const [, host, port] = /^([A-Za-z0-9.-]{1,253}):(\d{1,5})$/.exec(text) ?? [];
  const number = Number(port);
  if (host === undefined || !isHost(host) || number < 1 || number > 65535) {
    throw new ConfigError('expected HOST:PORT, the host an IPv4 address or a name, the port from 1 to 65535');
  }
  return { host, port: number };
}

export function isHost(text: string): boolean {
  return hostPattern.test(text);
}

export function isMemberId(text: string): boolean {
  return idPattern.test(text);
}

export const memberIdExpected = 'an id of 1 to 32 letters, digits, "-" and "_" that starts with a letter';

/** Traffic to these never leaves the machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

const idPattern = /^[A-Za-z][A-Za-z0-9_-]{0,31}$/;
const hostPattern = /^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/;
const publicKeyPattern = /^[0-9a-f]{64}$/;
const clusterIdPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`it is not JSON (${(error as SyntaxError).message})`);
  }
}

function member(
  value: Readonly<Record<'id' | 'publicKey' | 'http', unknown>>,
  where: string,
): Pick<GatewayAddress, 'id' | 'publicKey' | 'http'> {
  return {
    id: matching(value.id, `${where}.id`, idPattern, memberIdExpected),
    publicKey: matching(value.publicKey, `${where}.publicKey`, publicKeyPattern, '64 lower-case hex digits'),
    http: address(value.http, `${where}.http`),
  };
}

function speakingTls(value: unknown, where: string): Pick<GatewayAddress, 'tls'> {
  if (value === undefined) return {};
  if (typeof value === 'boolean') return { tls: value };
  throw new ConfigError(`${where}: expected true or false, got ${JSON.stringify(value)}`);
}

function address(value: unknown, where: string): string {
  const text = matching(value, where, /^/, 'HOST:PORT');
  try {
    parseAddress(text);
    return text;
  } catch (error) {
    throw new ConfigError(`${where}: ${(error as ConfigError).message}, got ${JSON.stringify(value)}`);
  }
}

function matching(value: unknown, where: string, pattern: RegExp, expected: string): string {
  if (typeof value === 'string' && pattern.test(value)) return value;
  throw new ConfigError(`${where}: expected ${expected}, got ${JSON.stringify(value) ?? 'nothing'}`);
}

function array(value: unknown, where: string, min: number, max: number): readonly unknown[] {
  if (Array.isArray(value) && value.length >= min && value.length <= max) return value;
  const got = Array.isArray(value) ? `${value.length}` : (JSON.stringify(value) ?? 'nothing');
  throw new ConfigError(`${where}: expected a list of ${min} to ${max}, got ${got}`);
}

/** Strict about names: a misspelt field that is ignored is an afternoon lost. */
function object<const Field extends string>(
  value: unknown,
  where: string,
  fields: readonly Field[],
): Readonly<Record<Field, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConfigError(`${where}: expected an object with ${fields.join(', ')}`);
  }
  const unknown = Object.keys(value).find((name) => !fields.some((field) => field === name));
  if (unknown !== undefined) {
    throw new ConfigError(`${where}: unknown field ${JSON.stringify(unknown)}, expected ${fields.join(', ')}`);
  }
  return value as Readonly<Record<Field, unknown>>;
}

function distinct<Member extends { readonly id: string }>(
  members: readonly Member[],
  field: string,
  fieldOf: (one: Member) => string,
): void {
  const owners = new Map<string, string>();
  for (const one of members) {
    const owner = owners.get(fieldOf(one));
    if (owner !== undefined) {
      throw new ConfigError(`${owner} and ${one.id} have the same ${field} ${fieldOf(one)}; each needs its own`);
    }
    owners.set(fieldOf(one), one.id);
  }
}
