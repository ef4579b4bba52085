/**
 * Rare paths inside a gateway, for the probes. Methods of the product's classes are watched from outside: each still does
 * what it did, and nothing it works on is touched. A process has one run at a time.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Cache } from '../../src/gateway/cache/cache.ts';
import { CachedReader } from '../../src/gateway/cached-reader.ts';
import { Coherence } from '../../src/gateway/coherence.ts';
import { Flights } from '../../src/gateway/flights.ts';
import { Validator } from '../../src/gateway/validator.ts';
import { ClientStream } from '../../src/store/client-stream.ts';
import { ReadHealth } from '../../src/store/read-health.ts';
import type { Probes } from './probes.ts';

/** One read of a client, at its gateway. */
interface Read {
  /** It waits for a fetch that another one began. */
  joins: boolean;
}

/** Where a gateway stands, as its messages tell. */
interface Place {
  /** Nothing came of the stream that began last. */
  isFresh: boolean;
  term: number;
  processed: number;
}

let probes: Pick<Probes, 'sometimes'> = { sometimes() {} };

/** From now on these count. */
export function watchGateways(ofRun: Pick<Probes, 'sometimes'>): void {
  probes = ofRun;
}

const reads = new AsyncLocalStorage<Read>();
const places = new WeakMap<Coherence, Place>();
let isHit = false;

function placeOf(coherence: Coherence): Place {
  const place = places.get(coherence) ?? { isFresh: false, term: 0, processed: 0 };
  places.set(coherence, place);
  return place;
}

const reader = { get: CachedReader.prototype.get, list: CachedReader.prototype.list };
CachedReader.prototype.get = function (query, options) {
  return reads.run({ joins: false }, () => reader.get.call(this, query, options));
};
CachedReader.prototype.list = function (query, options) {
  return reads.run({ joins: false }, () => reader.list.call(this, query, options));
};

const flights = { get: Flights.prototype.get };
Flights.prototype.get = function (name) {
  const flight = flights.get.call(this, name);
  const read = reads.getStore();
  if (read?.joins) probes.sometimes('cache: the answer of a joined fetch was not proven');
  if (read !== undefined) read.joins = flight !== undefined;
  return flight;
};

const cache = { get: Cache.prototype.get, put: Cache.prototype.put };
Cache.prototype.get = function (name, nowMs, isCurrent) {
  isHit = true;
  const entry = cache.get.call(this, name, nowMs, isCurrent);
  isHit = false;
  return entry;
};
Cache.prototype.put = function (entry) {
  const { size } = this.statistics().evictions;
  const outcome = cache.put.call(this, entry);
  if (outcome === 'superseded') probes.sometimes('cache: a newer answer was there');
  if (outcome === 'firstSight') probes.sometimes('cache: a list was seen for the first time');
  if (outcome === 'tooLarge') probes.sometimes('cache: an answer was too large');
  if (outcome === 'stored' && entry.kind === 'absence') probes.sometimes('cache: an absence was stored');
  if (outcome === 'stored' && entry.kind === 'list') probes.sometimes('cache: a list was stored');
  if (this.statistics().evictions.size > size) probes.sometimes('cache: evicted to make room');
  return outcome;
};

const coherence = {
  follow: Coherence.prototype.follow,
  receive: Coherence.prototype.receive,
  admits: Coherence.prototype.admits,
};
Coherence.prototype.follow = function (streamId) {
  placeOf(this).isFresh = true;
  return coherence.follow.call(this, streamId);
};
Coherence.prototype.receive = function (message) {
  const place = placeOf(this);
  const before = this.published;
  const receipt = coherence.receive.call(this, message);
  if (receipt === 'ignored') {
    probes.sometimes('stream: a message was ignored');
    return receipt;
  }
  if (message.term > place.term) {
    if (place.processed > before) probes.sometimes('stream: a higher term fell back');
    place.term = message.term;
    place.processed = before;
  }
  if (receipt === 'gap') probes.sometimes('stream: a gap raised the base floor');
  else if (place.isFresh && before > 0) probes.sometimes('stream: resumed without a gap');
  place.isFresh = false;
  place.processed = Math.max(place.processed, message.to);
  return receipt;
};
Coherence.prototype.admits = function (index, touches) {
  const isAdmitted = coherence.admits.call(this, index, touches);
  if (isAdmitted) return true;
  if (isHit) probes.sometimes('cache: a hit was refused by a floor');
  else if (reads.getStore()?.joins) probes.sometimes('cache: a joined answer was refused by a floor');
  else probes.sometimes('cache: a fill was refused by a floor');
  return false;
};

const validator = { validate: Validator.prototype.validate };
Validator.prototype.validate = function () {
  const proof = validator.validate.call(this);
  void proof.then((index) => {
    if (index === null) probes.sometimes('cache: nothing was proven in time');
  });
  return proof;
};

const stream = { behind: ClientStream.prototype.behind };
ClientStream.prototype.behind = function () {
  probes.sometimes('stream: a confirmed index was not reached in time');
  stream.behind.call(this);
};

const health = { failed: ReadHealth.prototype.failed, succeeded: ReadHealth.prototype.succeeded };
ReadHealth.prototype.failed = function (replica, epoch) {
  const isOut = health.failed.call(this, replica, epoch);
  if (isOut) probes.sometimes('balancer: a replica was ejected');
  return isOut;
};
ReadHealth.prototype.succeeded = function (replica, epoch) {
  const isBack = health.succeeded.call(this, replica, epoch);
  if (isBack) probes.sometimes('balancer: an ejected replica was taken back');
  return isBack;
};
