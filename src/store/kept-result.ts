/**
 * Results as sessions keep them, in order of their slots:
 *
 *   slot u8 · code u8 · revision u64 · number u64 · payload
 *
 * `number` is the version of a key that was written; where there is a payload, how long it is; else 0.
 */
import { unreachable } from '../raft/assert.ts';
import type { Index } from '../raft/types.ts';
import type { CommandResult } from './command.ts';
import { DamagedRowError } from './damage.ts';
import { decodeResult, encodeResult } from './result-codec.ts';
import { readUint64, writeUint64 } from './uint64.ts';

/** Of a write that bears a stamp. */
export type KeptCommandResult = Exclude<
  CommandResult,
  { readonly type: 'sessionOpened' | 'sessionExpired' | 'invalidCommand' | 'noted' }
>;

export interface KeptSlot {
  readonly result: KeptCommandResult;
  readonly payload: Uint8Array;
}

/** On disk: never change a number. */
const codes = {
  created: 1,
  replaced: 2,
  deleted: 3,
  notFound: 4,
  preconditionFailed: 5,
  transaction: 6,
  replayedTransaction: 7,
  transactionFailed: 8,
  collectionCreated: 9,
  collectionChanged: 10,
  dropped: 11,
  definitionConflict: 12,
  idFieldDiffers: 13,
  tooManyCollections: 14,
} as const;

const fixedBytes = 18;
const noPayload = new Uint8Array();

export function keptSlot(result: KeptCommandResult): KeptSlot {
  return { result, payload: payloadOf(result) };
}

export function slotBytes({ payload }: KeptSlot): number {
  return fixedBytes + payload.length;
}

/** Returns the offset behind what was written. */
export function writeSlot(body: Buffer, offset: number, slot: number, { result, payload }: KeptSlot): number {
  let next = body.writeUInt8(slot, offset);
  next = body.writeUInt8(codeOf(result), next);
  next = writeUint64(body, 'revision' in result ? result.revision : 0, next);
  next = writeUint64(body, result.type === 'put' ? result.version : payload.length, next);
  body.set(payload, next);
  return next + payload.length;
}

/** Throws DamagedRowError. */
export function readSlot(body: Buffer, offset: number): { readonly slot: number; readonly kept: KeptSlot } {
  if (offset + fixedBytes > body.length) throw new DamagedRowError('a row of kept results is cut short');
  const code = body.readUInt8(offset + 1);
  const revision = readUint64(body, offset + 2) as Index;
  const number = readUint64(body, offset + 10);
  const hasPayload = code >= codes.transaction;
  const end = offset + fixedBytes + (hasPayload ? number : 0);
  if (end > body.length) throw new DamagedRowError('a row of kept results is cut short');
  const payload = hasPayload ? body.subarray(offset + fixedBytes, end) : noPayload;
  return { slot: body.readUInt8(offset), kept: { result: resultOf(code, revision, number, payload), payload } };
}

function payloadOf(result: KeptCommandResult): Uint8Array {
  switch (result.type) {
    case 'transaction':
    case 'transactionFailed':
      return encodeResult(result);
    case 'idFieldDiffers':
      return Buffer.from(result.idField);
    default:
      return noPayload;
  }
}

function codeOf(result: KeptCommandResult): number {
  switch (result.type) {
    case 'put':
      return result.created ? codes.created : codes.replaced;
    case 'transaction':
      return result.replayed ? codes.replayedTransaction : codes.transaction;
    case 'defined':
      return result.created ? codes.collectionCreated : codes.collectionChanged;
    default:
      return codes[result.type];
  }
}

function resultOf(code: number, revision: Index, number: number, payload: Uint8Array): KeptCommandResult {
  switch (code) {
    case codes.created:
    case codes.replaced:
      return { type: 'put', revision, version: number, created: code === codes.created };
    case codes.deleted:
      return { type: 'deleted', revision };
    case codes.notFound:
      return { type: 'notFound' };
    case codes.preconditionFailed:
      return { type: 'preconditionFailed', revision };
    case codes.transaction:
    case codes.replayedTransaction:
    case codes.transactionFailed:
      return transactionResult(payload, code === codes.replayedTransaction);
    case codes.collectionCreated:
    case codes.collectionChanged:
      return { type: 'defined', revision, created: code === codes.collectionCreated };
    case codes.dropped:
      return { type: 'dropped', revision };
    case codes.definitionConflict:
      return { type: 'definitionConflict', revision };
    case codes.idFieldDiffers:
      return { type: 'idFieldDiffers', idField: Buffer.from(payload).toString() };
    case codes.tooManyCollections:
      return { type: 'tooManyCollections' };
    default:
      throw new DamagedRowError(`a kept result has the unknown code ${code}`);
  }
}

function transactionResult(payload: Uint8Array, replayed: boolean): KeptCommandResult {
  const result = decodeResult(payload);
  switch (result?.type) {
    case 'transaction':
      return { ...result, replayed };
    case 'transactionFailed':
      return result;
    case undefined:
      throw new DamagedRowError('the kept result of a transaction is malformed');
    default:
      return unreachable(result as never);
  }
}
