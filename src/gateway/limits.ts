import { limits as storeLimits } from '../store/client.ts';

/** Every bound the gateway puts on its clients. Times are real; each is looked at every `timeoutCheckMs`. */
export interface GatewayLimits {
  /** Request line and header fields together; more is 431. */
  readonly headerBytesMax: number;
  /** More is 414. A prefix and a cursor of the longest key fit, percent-encoded. */
  readonly urlBytesMax: number;
  /** More is 413: at once where Content-Length says so, else when the limit is passed. */
  readonly bodyBytesMax: number;
  /** What is read and thrown away of a body that was refused, so that its sender can see why; then the line is cut. */
  readonly discardBytesMax: number;
  /** Requests under /v1 that are not fully answered yet; more are 429. */
  readonly requestsInFlightMax: number;
  /** Watches that are open, long polls among them; more are 429. Each may hold 64 KiB that its reader has not taken. */
  readonly watchersMax: number;
  /** Purges that ask all other gateways; more are 429. */
  readonly purgesInFlightMax: number;
  /** Comparisons of all replicas; more are 429. */
  readonly hashesInFlightMax: number;
  /** Request and response bodies of those; while it is reached, requests are 429. */
  readonly bodyBytesInFlightMax: number;
  /** Requests sent ahead on one connection, each waiting for the answer before it; more close the connection. */
  readonly requestsAheadMax: number;
  /** Of these on all connections together, since each keeps its header in memory; more close the connection they are on. */
  readonly requestsAheadOfAllMax: number;
  /** At this many, idle ones are closed to make room. */
  readonly connectionsMax: number;
  /** From the connection or the previous request to the end of the header. */
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to the last; then 408. */
  readonly requestTimeoutMs: number;
  /** How long a connection may wait for its next request. */
  readonly keepAliveTimeoutMs: number;
  /**
   * A connection on which nothing moves, in either direction: a reader that does not read.
   * Invariant: above the longest time a request may ask for, or answers that are merely slow would be lost.
   */
  readonly socketIdleMs: number;
  readonly timeoutCheckMs: number;
  /** How long `close` waits for answers under way. Invariant: below what a supervisor allows for the whole process to stop. */
  readonly closeTimeoutMs: number;
}

const KiB = 1024;
const MiB = 1024 * KiB;

/** The longest `?timeout`. */
export const timeoutMsMax = 60_000;

export const defaultLimits: GatewayLimits = {
  headerBytesMax: 16 * KiB,
  urlBytesMax: 8 * KiB,
  bodyBytesMax: storeLimits.valueBytesMax,
  discardBytesMax: 4 * MiB,
  requestsInFlightMax: 10_000,
  watchersMax: 1000,
  purgesInFlightMax: 16,
  hashesInFlightMax: 16,
  bodyBytesInFlightMax: 256 * MiB,
  requestsAheadMax: 100,
  requestsAheadOfAllMax: 20_000,
  connectionsMax: 20_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 60_000,
  socketIdleMs: timeoutMsMax + 30_000,
  timeoutCheckMs: 1000,
  closeTimeoutMs: 3000,
};
