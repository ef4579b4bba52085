/** A file of LevelDB's, to be read. */
import { type FileHandle, open } from 'node:fs/promises';
import { errorCode } from './errors.ts';

export class LevelFile implements AsyncDisposable {
  readonly path: string;
  readonly #handle: FileHandle;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  static async open(path: string): Promise<LevelFile> {
    return new LevelFile(path, await open(path));
  }

  async sizeBytes(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  /** Fills `bytes` as far as the file reaches; answers how far. */
  async read(bytes: Buffer, offset: number): Promise<number> {
    let filled = 0;
    while (filled < bytes.length) {
      const bytesRead = await this.#readOnce(bytes.subarray(filled), offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return filled;
  }

  async #readOnce(bytes: Buffer, offset: number): Promise<number> {
    try {
      return (await this.#handle.read(bytes, 0, bytes.length, offset)).bytesRead;
    } catch (error) {
      // An open file has no name to the system: its message would not say which one cannot be read.
      const message = error instanceof Error ? error.message : String(error);
      throw Object.assign(new Error(`${message} '${this.path}' at byte ${offset}`), { code: errorCode(error) });
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#handle.close();
  }
}
