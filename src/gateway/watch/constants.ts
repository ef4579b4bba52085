/** Every bound of watches but their number, which is a limit of the gateway. */
export interface WatchConstants {
  readonly ringBytesMax: number;
  readonly ringEventsMax: number;
  /** Pages that watches hold which are behind the ring, all together; each is of 1 MiB. */
  readonly pagesMax: number;
  /** What is written at once, unless one change alone is more. So much of each watch may wait for its reader. */
  readonly chunkBytes: number;
  /** Chunks beyond that size, all together: large changes. */
  readonly largeBytesMax: number;
  /** A reader that has not taken a chunk after this, or a page, is too slow. */
  readonly slowMs: number;
  /** So long a stream that has ended may take to be read to its end. Invariant: with the gateway's, below its `closeTimeoutMs`. */
  readonly lingerMs: number;
  readonly heartbeatMs: number;
  /** One question to a replica. */
  readonly tailWaitMs: number;
  readonly pageTimeoutMs: number;
  /** Before the next attempt where none could answer, or one had not come so far. */
  readonly retryMs: number;
  /** Said to browsers: when to come back. */
  readonly clientRetryMs: number;
}

const KiB = 1024;
const MiB = 1024 * KiB;

export const watchConstants: WatchConstants = {
  ringBytesMax: 16 * MiB,
  ringEventsMax: 10_000,
  pagesMax: 16,
  chunkBytes: 64 * KiB,
  largeBytesMax: 64 * MiB,
  slowMs: 30_000,
  lingerMs: 2000,
  heartbeatMs: 15_000,
  tailWaitMs: 1000,
  pageTimeoutMs: 5000,
  retryMs: 50,
  clientRetryMs: 1000,
};
