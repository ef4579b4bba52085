/** What a gateway must not be open to unless somebody has said so. */
import { isLoopback } from '../../cluster-file.ts';
import { ConfigError } from '../../config.ts';

export interface Exposure {
  readonly host: string;
  /** Somebody has said that whoever can come may do everything. */
  readonly insecure: boolean;
  readonly hasTokens: boolean;
  /** Whose pages may ask. */
  readonly origins: readonly string[];
}

/** Throws ConfigError where anybody beyond this machine, or any page in a browser on it, could do everything. */
export function checkExposure({ host, insecure, hasTokens, origins }: Exposure): void {
  if (insecure || hasTokens) return;
  const remedy = '--tokens FILE lets in who has a token ("bazar token create" makes one); --insecure opens it to all';
  if (!isLoopback(host)) {
    throw new ConfigError(
      `${host} can be reached from other machines, which could read and write everything; ${remedy}; --host 127.0.0.1 keeps them out`,
    );
  }
  if (origins.includes('*')) {
    throw new ConfigError(
      `--cors-origin * lets every page that a browser on this machine shows read and write everything; ${remedy}; or name the origins`,
    );
  }
}
