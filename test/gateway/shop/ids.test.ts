import test from 'ava';
import { idOfNew, shortId } from '../../../src/gateway/shop/ids.ts';
import { attemptOf } from '../../../src/gateway/shop/purchase.ts';

const fingerprint = (byte: number) => new Uint8Array(32).fill(byte);

test('a request has one id however often it comes, another request has another', (t) => {
  const fresh = () => 'fresh';
  const id = idOfNew({ key: 'a', fingerprint: fingerprint(1) }, fresh);
  t.is(idOfNew({ key: 'a', fingerprint: fingerprint(1) }, fresh), id);
  t.not(idOfNew({ key: 'b', fingerprint: fingerprint(1) }, fresh), id);
  t.not(idOfNew({ key: 'a', fingerprint: fingerprint(2) }, fresh), id);
  t.is(idOfNew(null, fresh), 'fresh');
});

test('the attempts of a request have keys of their own, which every key can have', (t) => {
  const idempotency = { key: 'k'.repeat(255), fingerprint: fingerprint(1) };
  t.is(attemptOf(idempotency, 0), idempotency);
  const keys = [1, 2, 3].map((nth) => attemptOf(idempotency, nth)?.key ?? '');
  t.is(new Set(keys).size, 3);
  for (const key of keys) t.regex(key, /^[\x21-\x7e]{1,255}$/);
  t.is(attemptOf(null, 1), null);
});

test('an id is a number in the short forms only where no other id would be the same number', (t) => {
  for (const [id, short] of [
    ['0', 0],
    ['11', 11],
    ['999999999999999', 999_999_999_999_999],
    ['9007199254740993', '9007199254740993'],
    ['01', '01'],
    ['-1', '-1'],
    ['1.0', '1.0'],
    ['1e3', '1e3'],
    ['', ''],
    ['a', 'a'],
  ] as const) {
    t.is(shortId(id), short);
  }
});
