import test from 'ava';
import { digestAfter, emptyDigest, formatDigest, noChecksum } from '../../src/store/digest.ts';
import { openRow, sealRow } from '../../src/store/row.ts';

const row = (key: string, body: string) =>
  sealRow(Buffer.from(key), Buffer.byteLength(body), (bytes) => void bytes.write(body));

const sum = (rows: readonly { readonly checksum: bigint }[]) =>
  rows.reduce((digest, { checksum }) => digestAfter(digest, noChecksum, checksum), emptyDigest);

test('the order in which rows come does not matter', (t) => {
  const rows = ['a', 'b', 'c', 'd'].map((key) => row(key, `body of ${key}`));
  t.is(sum(rows), sum(rows.toReversed()));
});

test('a row that changes and changes back leaves the digest as it was', (t) => {
  const [first, second] = [row('a', '1'), row('a', '2')];
  const before = sum([first, row('b', '1')]);
  const between = digestAfter(before, first.checksum, second.checksum);
  t.not(between, before);
  t.is(digestAfter(between, second.checksum, first.checksum), before);
});

test('removing every row leads back to the empty digest, around the end of 64 bits', (t) => {
  const rows = Array.from({ length: 50 }, (_, nth) => row(`k${nth}`, 'x'));
  const full = sum(rows);
  t.true(full < 2n ** 64n);
  t.is(
    rows.reduce((digest, { checksum }) => digestAfter(digest, checksum, noChecksum), full),
    emptyDigest,
  );
});

test('the digest tells key from key, body from body, and where one ends and the other begins', (t) => {
  const digests = [row('a', '1'), row('b', '1'), row('a', '2'), row('a1', ''), row('', 'a1')].map((each) =>
    sum([each]),
  );
  t.is(new Set(digests).size, digests.length);
});

test('a digest is 16 hex digits', (t) => {
  t.is(formatDigest(emptyDigest), '0000000000000000');
  t.is(formatDigest(0xabcn), '0000000000000abc');
});

test('a sealed row is a version, the body, and a checksum that stands for it', (t) => {
  const sealed = row('k', 'body');
  t.deepEqual(Buffer.from(sealed.value.subarray(0, 5)), Buffer.from('\x01body'));
  t.is(sealed.value.length, 13);
  t.deepEqual(openRow(sealed.key, sealed.value), { body: Buffer.from('body'), checksum: sealed.checksum });
});

test('a row with any bit turned, cut short, or under another key is damaged', (t) => {
  const { key, value } = row('k', 'body');
  for (let bit = 0; bit < value.length * 8; bit += 1) {
    const rotten = Buffer.from(value);
    rotten[bit >> 3] = (rotten[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    t.throws(() => openRow(key, rotten), { name: 'DamagedRowError' }, `bit ${bit}`);
  }
  for (let length = 0; length < value.length; length += 1) {
    t.throws(() => openRow(key, value.subarray(0, length)), { name: 'DamagedRowError' }, `${length} bytes`);
  }
  t.throws(() => openRow(Buffer.from('j'), value), { name: 'DamagedRowError' });
});
