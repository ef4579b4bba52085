/** The certificate and the key of the gateway's HTTP port. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { ConfigError } from '../../config.ts';

export interface TlsPair {
  /** PEM: the certificate, then those that lead to its authority. */
  readonly cert: Buffer;
  readonly key: Buffer;
  /** By the wall clock. */
  readonly expiresAtMs: number;
}

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

export function secureOptions({ cert, key }: TlsPair): SecureContextOptions {
  return { cert, key, minVersion: 'TLSv1.2' };
}

/** Throws ConfigError for what cannot serve: one line naming the file, never what is in it. */
export async function loadTlsPair(files: TlsFiles): Promise<TlsPair> {
  const [cert, key] = await Promise.all([contentOf(files.cert, 'certificate'), contentOf(files.key, 'key')]);
  const certificate = certificateIn(cert, files.cert);
  if (!certificate.checkPrivateKey(keyIn(key, files.key))) {
    throw new ConfigError(
      `the key in ${files.key} is not that of the first certificate in ${files.cert}; check --tls-key and --tls-cert, and that its own certificate comes first`,
    );
  }
  const pair = { cert, key, expiresAtMs: certificate.validToDate.getTime() };
  try {
    createSecureContext(secureOptions(pair));
  } catch (error) {
    throw new ConfigError(`${files.cert} and ${files.key} cannot serve TLS: ${(error as Error).message}`);
  }
  return pair;
}

/**
 * Throws ConfigError for what is no certificate in PEM: Node.js takes it without a word, and trusts nobody then. `named`: the
 * flag and its file.
 */
export function checkAuthorities(bytes: Buffer, named: string): void {
  try {
    // In DER it could be read here, and would not be there.
    if (bytes.includes('-----BEGIN ') && new X509Certificate(bytes).subject !== undefined) return;
  } catch {
    // It is said below.
  }
  throw new ConfigError(`${named}: expected certificates in PEM, which begin with "-----BEGIN CERTIFICATE-----"`);
}

async function contentOf(file: string, what: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such file' : (code ?? message);
    throw new ConfigError(`TLS ${what} ${file}: ${reason}; expected PEM`);
  }
}

function certificateIn(bytes: Buffer, file: string): X509Certificate {
  try {
    return new X509Certificate(bytes);
  } catch {
    throw new ConfigError(`TLS certificate ${file}: expected PEM that begins with "-----BEGIN CERTIFICATE-----"`);
  }
}

function keyIn(bytes: Buffer, file: string): KeyObject {
  try {
    return createPrivateKey(bytes);
  } catch (error) {
    const encrypted = /ENCRYPTED/.test(bytes.toString('latin1'));
    const expected = encrypted
      ? 'it is encrypted, expected one without passphrase; "openssl pkey -in FILE -out PLAIN" takes it off'
      : `expected a private key in PEM (${(error as NodeJS.ErrnoException).code ?? 'unreadable'})`;
    throw new ConfigError(`TLS key ${file}: ${expected}`);
  }
}
