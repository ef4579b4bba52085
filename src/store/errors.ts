/** The process refuses to start: one clear line for the person who started it. */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The disk, or what is on it, can no longer be trusted: the replica must stop, and verify again when it starts. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Node's or LevelDB's code of an error from the disk. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** What went wrong first: closing up after it may have failed as well. */
export function originalError(error: unknown): unknown {
  return error instanceof SuppressedError ? originalError(error.suppressed) : error;
}
