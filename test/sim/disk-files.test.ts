import test from 'ava';
import { DiskWorld, outcomesOver } from './disk-fixture.ts';

test('a fixed file is zeros until it is written, and of one size', async (t) => {
  const world = new DiskWorld(7);
  const size = 5 * 1024 * 1024;
  await t.throwsAsync(world.until(world.disk.openFixedFile('/f', size, { create: false })), { code: 'ENOENT' });
  const file = await world.until(world.disk.openFixedFile('/f', size, { create: true }));
  await world.until(file.write(4090, Buffer.alloc(5000, 'a')));
  const read = Buffer.from(await world.until(file.read(4000, 6000)));
  t.deepEqual(read, Buffer.concat([Buffer.alloc(90), Buffer.alloc(5000, 'a'), Buffer.alloc(910)]));
  t.is((await world.until(file.read(0, size / 2))).length, size / 2);
  await world.until(file.close());
  await t.throwsAsync(world.until(file.write(0, Buffer.alloc(1))), { code: 'EBADF' });
  await t.throwsAsync(world.until(world.disk.openFixedFile('/f', 1, { create: true })), { code: 'fileSize' });
});

test('a write to a fixed file that a crash cuts short touches nothing outside its range', async (t) => {
  const seen = await outcomesOver(80, async (world) => {
    const file = await world.until(world.disk.openFixedFile('/f', 65_536, { create: true }));
    await world.until(file.write(0, Buffer.alloc(65_536, 'o')));
    void file.write(8192, Buffer.alloc(8192, 'n'));
    world.crashAndRestart('power');
    const again = await world.until(world.disk.openFixedFile('/f', 65_536, { create: false }));
    const bytes = Buffer.from(await world.until(again.read(0, 65_536)));
    t.true(bytes.subarray(0, 8192).every((byte) => byte === 0x6f));
    t.true(bytes.subarray(16_384).every((byte) => byte === 0x6f));
    const range = bytes.toString('latin1', 8192, 16_384);
    if (/^n*\0+n*$/.test(range)) return 'zeros';
    const [, newer = '', rest = ''] = /^(n*)(.*)$/s.exec(range) ?? [];
    if (/^o+$/.test(rest) && newer.length % 4096 !== 0) return newer.length % 512 === 0 ? 'torn' : 'split sector';
    return rest === '' || /^o{8192}$/.test(rest) ? range.charAt(0) : 'garbage';
  });
  t.deepEqual(seen, ['garbage', 'n', 'o', 'torn', 'zeros']);
});

test('a fixed file takes the bytes when they are written, not when it is asked to', async (t) => {
  const world = new DiskWorld(8);
  const file = await world.until(world.disk.openFixedFile('/f', 4096, { create: true }));
  const bytes = Buffer.from('early');
  const writing = file.write(0, bytes);
  bytes.write('later');
  await world.until(writing);
  t.is(Buffer.from(await world.until(file.read(0, 5))).toString(), 'later');
});

test('the making of a fixed file can be cut short anywhere', async (t) => {
  const seen = await outcomesOver(60, async (world) => {
    void world.disk.openFixedFile('/f', 65_536, { create: true });
    world.crashAndRestart('power');
    return world.until(world.disk.openFixedFile('/f', 65_536, { create: false })).then(
      () => 'whole',
      (error) => error.code,
    );
  });
  t.deepEqual(seen, ['ENOENT', 'fileSize', 'whole']);
});

test('files, directories and renames: whole or not at all, and a draft may be left', async (t) => {
  const world = new DiskWorld(9);
  const { disk } = world;
  await t.throwsAsync(world.until(disk.writeFile('/a/f', Buffer.from('1'))), { code: 'ENOENT' });
  await world.until(disk.makeDirectory('/a/b'));
  await world.until(disk.writeFile('/a/f', Buffer.from('1')));
  await world.until(disk.writeFile('/a/b/g', Buffer.from('2')));
  t.deepEqual(await world.until(disk.list('/a')), ['b', 'f']);
  await world.until(disk.rename('/a/b', '/a/c'));
  t.is(String(await world.until(disk.readFile('/a/c/g'))), '2');
  t.is(await world.until(disk.readFile('/a/b/g')), undefined);
  await t.throwsAsync(world.until(disk.rename('/a/b', '/a/c')), { code: 'ENOENT' });
  await world.until(disk.makeDirectory('/a/d'));
  await world.until(disk.writeFile('/a/d/h', Buffer.from('3')));
  await t.throwsAsync(world.until(disk.rename('/a/c', '/a/d')), { code: 'ENOTEMPTY' });
  await world.until(disk.remove('/a'));
  t.deepEqual(await world.until(disk.list('/')), []);

  const written = await outcomesOver(60, async (other) => {
    await other.until(other.disk.writeFile('/f', Buffer.from('old')));
    void other.disk.writeFile('/f', Buffer.from('new'));
    other.crashAndRestart('power');
    return `${await other.until(other.disk.readFile('/f'))} ${await other.until(other.disk.list('/'))}`;
  });
  t.deepEqual(written, ['new f', 'old f', 'old f,f.tmp']);
  const renamed = await outcomesOver(30, async (other) => {
    await other.until(other.disk.writeFile('/f', Buffer.from('old')));
    void other.disk.rename('/f', '/g');
    other.crashAndRestart('power');
    return String(await other.until(other.disk.list('/')));
  });
  t.deepEqual(renamed, ['f', 'g']);
});

test('a lock is held by one living process; a dead one loses it', async (t) => {
  const world = new DiskWorld(11);
  const taken = await world.until(world.disk.lock('/lock'));
  t.is(taken.type, 'taken');
  const otherLife = world.kernel.startLife('other', 1);
  const other = world.simDisk.attach(otherLife);
  t.deepEqual(await world.until(other.lock('/lock')), { type: 'held', pid: world.life.number });
  t.is((await world.until(world.disk.lock('/lock'))).type, 'held');
  world.life.end();
  world.simDisk.crash('process');
  const takenOver = await world.until(other.lock('/lock'));
  if (takenOver.type !== 'taken') return t.fail('the dead do not hold locks');
  await world.until(takenOver.release());
  t.deepEqual(await world.until(other.list('/')), []);
});
