/**
 * Key files: the seed of an Ed25519 key pair as 64 hex digits. Who holds the file is the replica or gateway.
 */
import { randomBytes } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import DHT from 'hyperdht';
import { ConfigError } from './config.ts';

export interface KeyPair {
  /** 32 bytes. */
  readonly publicKey: Buffer;
  /** 64 bytes. */
  readonly secretKey: Buffer;
}

/** Writes a new key, readable by its owner only. Never overwrites: an existing file is a ConfigError. */
export async function createKeyFile(file: string): Promise<KeyPair> {
  const seed = randomBytes(32);
  const handle = await open(file, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(
      error.code === 'EEXIST'
        ? `${file} exists, and keys are never overwritten; choose another directory or move it away`
        : `cannot write ${file}: ${error.message}`,
    );
  });
  try {
    await handle.writeFile(`${seed.toString('hex')}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return DHT.keyPair(seed);
}

/** Throws ConfigError: one line naming the file, never its contents. */
export async function loadKeyFile(file: string): Promise<KeyPair> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === 'ENOENT' ? 'there is no such file' : error.message;
    throw new ConfigError(`key file ${file}: ${reason}; "bazar init" makes the keys of a cluster`);
  });
  const seed = text.trimEnd();
  if (!/^[0-9a-f]{64}$/.test(seed)) {
    throw new ConfigError(`key file ${file}: expected 64 lower-case hex digits, as "bazar init" writes them`);
  }
  return DHT.keyPair(Buffer.from(seed, 'hex'));
}
