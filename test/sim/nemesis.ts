/**
 * Carries out the faults of a plan: finds whom they hit at that moment, lets them overlap, refuses what would take away more
 * than a cluster can bear, and heals everything in the end.
 */
import { unreachable } from '../../src/raft/assert.ts';
import type { Standstill } from '../history/stale-reads.ts';
import type { Plan } from './plan.ts';
import {
  type Fault,
  faultName,
  type GroupTarget,
  type OneTarget,
  type Outage,
  type SlowPackets,
  type WriteCrash,
} from './plan-fault.ts';
import { bothWays, HeldLinks, type Link, oneWay } from './plan-links.ts';
import { Losses } from './plan-losses.ts';
import { Machine } from './plan-machine.ts';
import { cutOf, type Scene, shuffle } from './plan-partition.ts';
import { DiskTroubles } from './plan-troubles.ts';
import { type Storm, Weather } from './plan-weather.ts';
import type { TargetGateway, TargetProcess, TargetReplica, TargetWorld } from './plan-world.ts';
import { SeededRandom, streamOf } from './random.ts';

/** A replica, its machine and its disk. */
interface Target {
  readonly id: string;
  readonly replica: TargetReplica;
  readonly machine: Machine<TargetReplica>;
  readonly troubles: DiskTroubles;
}

interface Effect {
  readonly words: string;
  readonly undo: () => void;
}

type FaultOf<Type extends Fault['type']> = Extract<Fault, { readonly type: Type }>;

/** A write at which to crash is waited for so long. */
const writePatienceMs = 3000;
/** A start and what follows it at once, even a repair. */
const writesOfStartMax = 16;
const lateProbability = 0.3;
/** How long after it has heard of a write a process crashes. */
const heardMs = [0, 20] as const;

const nothing = () => {};

export class Nemesis {
  readonly #world: TargetWorld;
  readonly #plan: Plan;
  readonly #targets: readonly Target[];
  readonly #gateways: readonly Machine<TargetGateway>[];
  readonly #cuts: HeldLinks;
  readonly #clogs: HeldLinks;
  readonly #slow: Readonly<Record<SlowPackets, HeldLinks>>;
  readonly #weather: Weather;
  readonly #losses: Losses;
  readonly #underWay = new Set<Effect>();
  /** A state that was damaged, and may be built anew, no longer shows that a log is an old one. */
  readonly #stateHarmed = new Set<string>();
  /** Those that faults have brought along, each counting its own: what one of them does shifts nothing in the others. */
  readonly #crashes = new Map<Fault, number>();
  #isHealed = false;
  #done = 0;

  /** While these lasted no clock of a machine went on. In order of their beginnings. */
  readonly standstills: Standstill[] = [];

  constructor(world: TargetWorld, plan: Plan) {
    const { network, kernel, replicas, gateways, clients } = world;
    const rateOf = (id: string) => plan.clockRates[id] ?? 1;
    this.#world = world;
    this.#plan = plan;
    this.#targets = replicas.map((replica) => ({
      id: replica.id,
      replica,
      machine: new Machine(replica, rateOf(replica.id)),
      troubles: new DiskTroubles(replica.disk, () => kernel.now),
    }));
    this.#gateways = gateways.map((gateway) => new Machine(gateway, rateOf(gateway.id)));
    this.#cuts = new HeldLinks((from, to) => network.unblock(from, to));
    this.#clogs = new HeldLinks((from, to) => network.unclog(from, to));
    const slowed = (kind: SlowPackets) => new HeldLinks((from, to) => network.slowDown(from, to, kind, 0));
    this.#slow = { push: slowed('push'), answer: slowed('answer') };
    this.#weather = new Weather(network, plan.network, [...idsOf(replicas), ...idsOf(gateways), ...clients]);
    this.#losses = new Losses(replicas);
  }

  /** Faults that were carried out. */
  get done(): number {
    return this.#done;
  }

  /** Nothing happens before: each fault comes at its time. */
  start(): void {
    const { kernel } = this.#world;
    for (const fault of this.#plan.faults) {
      kernel.after(Math.max(0, fault.atMs - kernel.now), null, 'world', () => {
        if (!this.#isHealed) this.#strike(fault);
      });
    }
  }

  /** Ends all faults, and leaves a quorum or everybody running. Returns the replicas that are meant to run from now on. */
  heal(): readonly string[] {
    this.#isHealed = true;
    const survivors = this.#survivors();
    const outcasts = this.#targets.filter(({ id }) => !survivors.includes(id));
    if (this.#plan.outcasts === 'down') for (const { machine } of outcasts) machine.takeDown('process');
    for (const { undo } of this.#underWay) undo();
    this.#underWay.clear();
    const { network } = this.#world;
    network.healAll();
    this.#weather.calm();
    for (const { troubles } of this.#targets) troubles.healAll();
    for (const machine of [...this.#targets.map((target) => target.machine), ...this.#gateways]) {
      if (!machine.isDown) machine.start();
    }
    if (outcasts.length > 0) this.#castOut(idsOf(outcasts), survivors);
    return survivors;
  }

  #castOut(outcasts: readonly string[], survivors: readonly string[]): void {
    const fate = this.#plan.outcasts;
    this.#world.note(`only ${survivors.join(' ')} are healed; ${fate}: ${outcasts.join(' ')}`);
    if (fate === 'deaf' || fate === 'isolated') this.#cut(oneWay(survivors, outcasts));
    if (fate === 'mute' || fate === 'isolated') this.#cut(oneWay(outcasts, survivors));
  }

  /** A quorum of those that have all they ever promised: the others may never be needed, once there is a first entry. */
  #survivors(): readonly string[] {
    const everybody = this.#targets.map(({ id }) => id);
    const sound = this.#losses.sound();
    const quorum = Math.floor(everybody.length / 2) + 1;
    if (this.#plan.survivors === 'everybody' || sound.length < quorum) return everybody;
    const chosen = shuffle(sound, streamOf(this.#plan.seed, 'survivors')).slice(0, quorum).toSorted();
    return this.#targets.some((target) => chosen.includes(target.id) && hasEntries(target)) ? chosen : everybody;
  }

  #strike(fault: Fault): void {
    const random = new SeededRandom(fault.choice);
    switch (fault.type) {
      case 'partition':
        this.#partition(fault, random);
        return;
      case 'flapping':
        this.#flap(fault, random);
        return;
      case 'rotation':
        this.#rotate(fault, random);
        return;
      case 'deposition':
        this.#depose(fault, random);
        return;
      case 'usurpation':
        this.#usurp(fault, random);
        return;
      case 'swizzle':
        this.#swizzle(fault, random);
        return;
      case 'storm':
        this.#storm(fault, random);
        return;
      case 'clog':
        this.#clog(fault, this.#one(fault.target, random).id, random);
        return;
      case 'crash': {
        const targets = this.#group(fault.target, random);
        this.#takeDown(fault, targets, fault.outage, namesOf(targets));
        return;
      }
      case 'crashAtWrite':
        this.#crashAtWrite(fault, this.#one(fault.target, random), random);
        return;
      case 'pause':
      case 'suspend':
        this.#halt(
          fault,
          this.#group(fault.target, random).map(({ replica }) => replica),
          fault.type,
        );
        return;
      case 'slowProcess': {
        const { id, machine } = this.#one(fault.target, random);
        const undo = machine.slowness.add(fault.eventMs);
        this.#lasts(fault, fault.durationMs, `${id}, ${fault.eventMs} ms an event`, undo);
        return;
      }
      case 'clockRate': {
        const { id, machine } = this.#one(fault.target, random);
        const undo = machine.rates.add(fault.rate);
        this.#lasts(fault, fault.durationMs, `${id} × ${fault.rate}`, undo);
        return;
      }
      case 'slowDisk': {
        const targets = this.#group(fault.target, random);
        const undo = slowDown(targets, fault.extraMs);
        this.#lasts(fault, fault.durationMs, `${namesOf(targets)} by ${fault.extraMs} ms`, undo);
        return;
      }
      case 'stalledDisk': {
        const targets = this.#group(fault.target, random);
        const durationMs = this.#withinSafety(fault.durationMs);
        for (const { troubles } of targets) troubles.stall(durationMs);
        this.#carriedOut(fault, `${namesOf(targets)} for ${durationMs.toFixed(0)} ms`);
        return;
      }
      case 'fullDisk': {
        const targets = this.#group(fault.target, random);
        this.#lasts(fault, fault.durationMs, namesOf(targets), fill(targets));
        return;
      }
      case 'failingWrites': {
        const { id, replica, troubles } = this.#one(fault.target, random);
        replica.excuse();
        this.#lasts(fault, fault.durationMs, `${id}, ${fault.count}`, troubles.fail(fault));
        return;
      }
      case 'damage':
        this.#damage(fault, this.#one(fault.target, random));
        return;
      case 'witnessDamage':
        this.#damageWitness(fault, this.#one(fault.target, random));
        return;
      case 'staleCopy':
        this.#copy(fault, this.#one(fault.target, random));
        return;
      case 'wipe':
        this.#wipe(fault, this.#one(fault.target, random));
        return;
      case 'gatewayCrash': {
        const gateway = this.#gateway(fault.gateway);
        const undo = gateway.takeDown('process');
        this.#lasts(fault, fault.downMs, gateway.process.id, undo);
        return;
      }
      case 'gatewayPause':
        this.#halt(fault, [this.#gateway(fault.gateway).process], 'pause');
        return;
      case 'gatewayRest': {
        const { process } = this.#gateway(fault.gateway);
        this.#lasts(fault, fault.durationMs, process.id, process.rest());
        return;
      }
      case 'slowGateway': {
        const { process, slowness } = this.#gateway(fault.gateway);
        const undo = slowness.add(fault.eventMs);
        this.#lasts(fault, fault.durationMs, `${process.id}, ${fault.eventMs} ms an event`, undo);
        return;
      }
      case 'gatewayStorm': {
        const { id } = this.#gateway(fault.gateway).process;
        this.#lasts(fault, fault.durationMs, stormWords(fault, id), this.#weather.begin(fault, id));
        return;
      }
      case 'gatewayAlone':
        this.#leaveAlone(fault);
        return;
      case 'slowPackets':
        this.#slowDown(fault, random);
        return;
      case 'gatewayClog':
        this.#clog(fault, this.#gateway(fault.gateway).process.id, random);
        return;
      default:
        unreachable(fault);
    }
  }

  #partition(fault: FaultOf<'partition'>, random: SeededRandom): void {
    const { words, links } = cutOf(fault.shape, this.#scene(random), random);
    this.#lasts(fault, fault.durationMs, words, this.#cut(links));
  }

  #flap(fault: FaultOf<'flapping'>, random: SeededRandom): void {
    const { words, links } = cutOf(fault.shape, this.#scene(random), random);
    let heal = this.#cut(links);
    let isCut = true;
    const effect = this.#lasting(fault, fault.durationMs, `${words}, every ${fault.periodMs} ms`, () => heal());
    const toggle = () => {
      if (isCut) heal();
      else heal = this.#cut(links);
      isCut = !isCut;
      this.#later(effect, fault.periodMs * random.between(0.5, 1.5), toggle);
    };
    this.#later(effect, fault.periodMs, toggle);
  }

  #rotate(fault: FaultOf<'rotation'>, random: SeededRandom): void {
    const { extraMs = 0, lateMs = 0, fullMs = 0 } = fault;
    const { replicas } = this.#scene(random);
    const troubles = [slowDown(this.#targets, extraMs), this.#weather.begin(latePackets(lateMs), null)];
    let alone: Target | null = null;
    let heal = () => {};
    let makeRoom = () => {};
    const effect = this.#lasting(fault, fault.durationMs, `every ${fault.periodMs} ms`, () => {
      allOf([heal, makeRoom, ...troubles])();
    });
    const turn = () => {
      const before = { alone, heal };
      alone = this.#one(fault.whom === 'leader' ? 'leader' : random.integer(1, replicas.length), random);
      heal = this.#cut(bothWays([alone.id], replicas));
      before.heal();
      if (before.alone !== null && before.alone !== alone) this.#crashToo(fault, before.alone);
      if (fullMs > 0) {
        // The turn before may have been a short one.
        makeRoom();
        makeRoom = fill(this.#targets);
        this.#later(effect, fullMs, makeRoom);
      }
      this.#later(effect, fault.periodMs * random.between(0.7, 1.3), turn);
    };
    turn();
  }

  #depose(fault: FaultOf<'deposition'>, random: SeededRandom): void {
    const { durationMs, extraMs = 0, losesTail } = fault;
    const { replicas, gateways } = this.#scene(random);
    const target = this.#one('leader', random);
    const others = replicas.filter((id) => id !== target.id);
    const heal = this.#cut(bothWays([target.id, ...gateways], others));
    const speedUp = slowDown([target], extraMs);
    this.#lasts(fault, durationMs, `${target.id} keeps the gateways`, () => {
      heal();
      this.#world.kernel.after(this.#isHealed ? 0 : extraMs, null, 'world', speedUp);
      if (!this.#isHealed) this.#crashToo(fault, target, losesTail ? () => this.#loseTail(target) : nothing);
    });
  }

  #usurp(fault: FaultOf<'usurpation'>, random: SeededRandom): void {
    const { how, leadMs, pauseMs, durationMs } = fault;
    const { gateways } = this.#scene(random);
    const old = this.#one('leader', random);
    const others = this.#targets.filter((target) => target !== old);
    const next = random.pick(others);
    // One gateway at least stays with either leader, if there are so many.
    const [loyal = '', ...rest] = shuffle(gateways, random);
    const loyals = [loyal, ...rest.slice(1).filter(() => random.chance(0.5))];
    const disloyals = gateways.filter((id) => !loyals.includes(id));
    const machine = how === 'leaderSleeps' && random.chance(0.5) ? 'virtual' : 'real';
    const words = `${old.id} with ${loyals.join(' ')}${machine === 'virtual' ? ' in a virtual machine' : ''}, then ${next.id}`;
    const undos: (() => void)[] = [];
    const effect = this.#lasting(fault, leadMs + durationMs, words, () => allOf(undos)());
    const restarting = how === 'votersRestart' ? others.filter((other) => other !== next) : [];
    let letGo = nothing;
    if (how === 'votersRestart') {
      letGo = this.#cut(bothWays([old.id], [next.id, ...disloyals]));
      for (const { troubles } of restarting) troubles.stall(this.#withinSafety(leadMs));
    }
    if (how === 'lateAnswers') letGo = this.#clogUp(oneWay(idsOf(others), [old.id]));
    undos.push(letGo);
    this.#later(effect, leadMs, () => {
      const sides = [...bothWays(loyals, idsOf(others)), ...bothWays([old.id], disloyals)];
      undos.push(this.#cut([...sides, ...oneWay([old.id], idsOf(others))]));
      if (how !== 'lateAnswers') undos.push(this.#cut(oneWay(idsOf(others), [old.id])));
      if (how === 'leaderSleeps') {
        const sleepMs = this.#withinSafety(pauseMs);
        const { now } = this.#world.kernel;
        old.replica.life?.suspend(sleepMs, machine);
        if (machine === 'virtual') this.standstills.push({ from: now, to: now + sleepMs });
      }
      for (const { id } of restarting) this.#world.network.hangUp(id);
      const letUp = allOf(restarting.map(({ machine }) => machine.takeDown('process')));
      undos.push(letUp);
      this.#later(effect, pauseMs, () => {
        letUp();
        letGo();
        // What is late is on its way now; the next leader is not heard of.
        undos.push(this.#cut(oneWay(idsOf(others), [old.id])));
      });
    });
  }

  #leaveAlone(fault: FaultOf<'gatewayAlone'>): void {
    const { direction, sleepMs, wallStepMs, durationMs } = fault;
    const { process } = this.#gateway(fault.gateway);
    const replicas = this.#targets.map(({ id }) => id);
    const heal = this.#cut([
      ...(direction === 'out' ? [] : oneWay(replicas, [process.id])),
      ...(direction === 'in' ? [] : oneWay([process.id], replicas)),
    ]);
    if (sleepMs !== undefined) process.life?.suspend(this.#withinSafety(sleepMs));
    if (wallStepMs !== undefined) process.life?.setWall(wallStepMs);
    this.#lasts(fault, durationMs, process.id, heal);
  }

  #slowDown(fault: FaultOf<'slowPackets'>, random: SeededRandom): void {
    const { kind, extraMs, durationMs } = fault;
    const { id } = this.#gateway(fault.gateway).process;
    const { replicas, leader } = this.#scene(random);
    const from = kind === 'push' ? replicas : replicas.filter((each) => each !== leader);
    const { network } = this.#world;
    const undo = this.#slow[kind].hold(oneWay(from, [id]), (one, to) => network.slowDown(one, to, kind, extraMs));
    this.#lasts(fault, durationMs, `${id}, by ${extraMs} ms at least`, undo);
  }

  #loseTail({ id, replica }: Target): void {
    if (this.#objection(id) !== null) return;
    const damage = replica.disk.damage('log', 'lostTail');
    if (damage === null) return;
    this.#harmed(id);
    this.#world.note(`  ${id}: ${damage}`);
  }

  /** On top of what the fault itself is, if it asks for that. `whileDown` comes with the first crash. */
  #crashToo(fault: Fault & { readonly crash?: WriteCrash }, target: Target, whileDown = nothing): void {
    const { crash, atMs, choice } = fault;
    if (crash === undefined) return;
    const count = (this.#crashes.get(fault) ?? 0) + 1;
    this.#crashes.set(fault, count);
    const random = new SeededRandom(choice ^ count);
    this.#crashAtWrite({ type: 'crashAtWrite', target: 'leader', ...crash, atMs, choice }, target, random, whileDown);
  }

  /** Counts only if the write comes. */
  #crashAtWrite(
    fault: FaultOf<'crashAtWrite'>,
    { id, replica, machine }: Target,
    random: SeededRandom,
    whileDown = nothing,
  ): void {
    const { kind, downMs, again, upMs } = fault.outage;
    let undo = () => {};
    const effect: Effect = { words: `${faultName(fault)}: ${id}`, undo: () => undo() };
    this.#underWay.add(effect);
    const wait = (nth: number, patienceMs: number, life: number) => {
      const strike = () => {
        const letUp = machine.takeDown(kind);
        undo = letUp;
        if (life === 0) {
          this.#carriedOut(fault, `${id}, the ${nth}. one`);
          whileDown();
        }
        this.#later(effect, downMs, () => {
          if (life === again) {
            this.#end(effect);
            return;
          }
          wait(random.integer(1, writesOfStartMax), upMs, life + 1);
          letUp();
        });
      };
      const takeBack = replica.disk.atWrite(nth, fault.moment, () => {
        if (fault.moment === 'heard') this.#later(effect, random.between(...heardMs), strike);
        else strike();
      });
      undo = () => void takeBack();
      this.#later(effect, patienceMs, () => {
        if (!takeBack()) return;
        if (life === 0) this.#skipped(fault, `${id} has written too little`);
        this.#end(effect);
      });
    };
    wait(fault.nth, writePatienceMs, 0);
  }

  #swizzle(fault: FaultOf<'swizzle'>, random: SeededRandom): void {
    const { replicas, gateways } = this.#scene(random);
    const [cutting, healing] = [shuffle(replicas, random), shuffle(replicas, random)];
    const heals = new Map<string, () => void>();
    const effect = this.#lasting(
      fault,
      (cutting.length + healing.length) * fault.stepMs,
      `off ${cutting.join(' ')}, on ${healing.join(' ')}`,
      () => allOf([...heals.values()])(),
    );
    const steps = [
      ...cutting.map((id) => () => void heals.set(id, this.#cut(bothWays([id], [...replicas, ...gateways])))),
      ...healing.map((id) => () => heals.get(id)?.()),
    ];
    for (const [at, step] of steps.entries()) this.#later(effect, at * fault.stepMs, step);
  }

  #storm(fault: FaultOf<'storm'>, random: SeededRandom): void {
    const of = fault.scope === 'everywhere' ? null : this.#one(fault.scope, random).id;
    this.#lasts(fault, fault.durationMs, stormWords(fault, of), this.#weather.begin(fault, of));
  }

  #clog(fault: FaultOf<'clog' | 'gatewayClog'>, id: string, random: SeededRandom): void {
    const { replicas, gateways } = this.#scene(random);
    const everybody = [...replicas, ...gateways];
    const links = [
      ...(fault.direction === 'out' ? [] : oneWay(everybody, [id])),
      ...(fault.direction === 'in' ? [] : oneWay([id], everybody)),
    ];
    const undo = this.#clogUp(links, fault.capacity);
    this.#lasts(fault, fault.durationMs, `${id} ${fault.direction}, ${fault.capacity} packets`, undo);
  }

  #clogUp(links: readonly Link[], capacity = Number.POSITIVE_INFINITY): () => void {
    const { network } = this.#world;
    return this.#clogs.hold(links, (from, to) => network.clog(from, to, capacity));
  }

  #halt(
    fault: FaultOf<'pause' | 'suspend' | 'gatewayPause'>,
    processes: readonly TargetProcess[],
    how: 'pause' | 'suspend',
  ): void {
    const running = processes.filter(({ life }) => life !== null);
    if (running.length === 0) {
      this.#skipped(fault, `${namesOf(processes)} is down`);
      return;
    }
    const durationMs = this.#withinSafety(fault.durationMs);
    for (const { life } of running) life?.[how](durationMs);
    this.#carriedOut(fault, `${namesOf(running)} for ${durationMs.toFixed(0)} ms`);
  }

  #damage(fault: FaultOf<'damage'>, target: Target): void {
    const { id, replica } = target;
    const { part, kind, outage } = fault;
    const objection = part === 'log' ? this.#objection(id) : this.#objectionToState(id);
    if (objection !== null) {
      this.#skipped(fault, objection);
      return;
    }
    this.#takeDown(fault, [target], outage, () => {
      const damage = replica.disk.damage(part, kind);
      if (damage === null) return `${id}: there is nothing to damage`;
      if (part === 'log') this.#harmed(id);
      else this.#harmedState(target);
      this.#crashToo(fault, target);
      return `${id}: ${damage}`;
    });
  }

  #damageWitness(fault: FaultOf<'witnessDamage'>, target: Target): void {
    const { id, replica } = target;
    const { which, how, outage } = fault;
    const objection = this.#objection(id);
    if (objection !== null) {
      this.#skipped(fault, objection);
      return;
    }
    this.#takeDown(fault, [target], outage, () => {
      const damage = replica.disk.damageWitness(which, how);
      if (damage === null) return `${id}: there is nothing to damage`;
      if (which === 'both') this.#lost(target);
      // One slot holds nothing that was promised and is not in the log as well: that is not excused.
      else this.#losses.damage(id);
      return `${id}: ${damage}`;
    });
  }

  /** The copy is made now, and put back later. */
  #copy(fault: FaultOf<'staleCopy'>, target: Target): void {
    const { id, replica } = target;
    const { part, ageMs, outage } = fault;
    const objection = (): string | null => {
      if (part === 'state') return this.#objectionToState(id);
      if (part === 'log and witness' && this.#stateHarmed.has(id)) return `the state of ${id} was damaged`;
      return this.#objection(id);
    };
    const early = objection();
    if (early !== null) {
      this.#skipped(fault, early);
      return;
    }
    const lastIndex = replica.status?.lastIndex ?? null;
    const image = replica.disk.image();
    this.#world.kernel.after(ageMs, null, 'world', () => {
      if (this.#isHealed) return;
      const late = objection();
      if (late !== null) {
        this.#skipped(fault, late);
        return;
      }
      // Nobody can tell an old log from a new one, unless the state has gone on.
      const appliedIndex = replica.status?.appliedIndex ?? 0;
      if (part === 'log and witness' && (lastIndex === null || appliedIndex <= lastIndex)) {
        this.#skipped(fault, `${id} has applied ${appliedIndex}, no more than its log held then`);
        return;
      }
      this.#takeDown(fault, [target], outage, () => {
        replica.disk.restore(part, image);
        if (part === 'state') this.#harmedState(target);
        else if (part === 'log and witness') this.#lost(target);
        else this.#harmed(id);
        this.#crashToo(fault, target);
        return `${id}, ${ageMs} ms old`;
      });
    });
  }

  #wipe(fault: FaultOf<'wipe'>, target: Target): void {
    const { id, replica } = target;
    const objection = this.#objection(id);
    if (objection !== null) {
      this.#skipped(fault, objection);
      return;
    }
    this.#takeDown(fault, [target], fault.outage, () => {
      replica.disk.wipe();
      this.#lost(target);
      return id;
    });
  }

  /** Until the others have its first entry, a cluster needs all its replicas: an election among empty logs is unanimous. */
  #objection(id: string): string | null {
    const others = this.#targets.filter((other) => other.id !== id && hasEntries(other));
    if (others.length <= this.#targets.length / 2) return 'the others have nothing yet';
    return this.#losses.objection(id);
  }

  /** What it built up is on the log's side of the question whether the log is an old one. */
  #objectionToState(id: string): string | null {
    return this.#losses.isLost(id) ? `${id} is lost already` : null;
  }

  #harmed(id: string): void {
    this.#losses.damage(id);
    this.#world.noteDamage(id);
  }

  #harmedState({ id, replica }: Target): void {
    this.#stateHarmed.add(id);
    replica.excuse();
  }

  #lost({ id, replica }: Target): void {
    this.#losses.lose(id);
    this.#world.noteDamage(id);
    replica.lose();
  }

  /** `done`: what it says for a person, or does first, as soon as they are down. */
  #takeDown(fault: Fault, targets: readonly Target[], outage: Outage, done: string | (() => string)): void {
    const { kind, downMs, again, upMs } = outage;
    const takeDown = () => allOf(targets.map(({ machine }) => machine.takeDown(kind)));
    let letUp = takeDown();
    const words = typeof done === 'string' ? done : done();
    const effect = this.#begin(fault, words, () => letUp());
    const wait = (left: number) => {
      this.#later(effect, downMs, () => {
        if (left === 0) {
          this.#end(effect);
          return;
        }
        letUp();
        this.#later(effect, upMs, () => {
          letUp = takeDown();
          wait(left - 1);
        });
      });
    };
    wait(again);
  }

  #cut(links: readonly Link[]): () => void {
    const { network } = this.#world;
    return this.#cuts.hold(links, (from, to) => network.block(from, to));
  }

  #scene(random: SeededRandom): Scene {
    const { replicas, gateways, clients } = this.#world;
    const leader = this.#one('leader', random).id;
    return { replicas: idsOf(replicas), gateways: idsOf(gateways), clients, leader };
  }

  #one(target: OneTarget, random: SeededRandom): Target {
    if (typeof target === 'number') return at(this.#targets, target - 1);
    const leaderId = this.#world.leader()?.id;
    const leader = this.#targets.find(({ id }) => id === leaderId);
    if (target === 'leader' && leader !== undefined) return leader;
    const running = this.#targets.filter((each) => each !== leader && each.replica.life !== null);
    return random.pick(running.length > 0 ? running : this.#targets);
  }

  #group(target: GroupTarget, random: SeededRandom): readonly Target[] {
    const minority = Math.floor(this.#targets.length / 2);
    switch (target) {
      case 'all':
        return this.#targets;
      case 'minority':
        return shuffle(this.#targets, random).slice(0, minority);
      case 'majority':
        return shuffle(this.#targets, random).slice(0, minority + 1);
      default:
        return [this.#one(target, random)];
    }
  }

  #gateway(number: number): Machine<TargetGateway> {
    return at(this.#gateways, number - 1);
  }

  #withinSafety(durationMs: number): number {
    return Math.min(durationMs, this.#plan.safetyMs - this.#world.kernel.now);
  }

  #lasts(fault: Fault, durationMs: number, words: string, undo: () => void): void {
    this.#lasting(fault, durationMs, words, undo);
  }

  #lasting(fault: Fault, durationMs: number, words: string, undo: () => void): Effect {
    const effect = this.#begin(fault, words, undo);
    this.#later(effect, durationMs, () => this.#end(effect));
    return effect;
  }

  #begin(fault: Fault, words: string, undo: () => void): Effect {
    this.#carriedOut(fault, words);
    const effect = { words: `${faultName(fault)}: ${words}`, undo };
    this.#underWay.add(effect);
    return effect;
  }

  #end(effect: Effect): void {
    if (!this.#underWay.delete(effect)) return;
    effect.undo();
    this.#world.note(`  over: ${effect.words}`);
  }

  /** Not if the effect has ended by then. */
  #later(effect: Effect, delayMs: number, run: () => void): void {
    this.#world.kernel.after(delayMs, null, 'world', () => {
      if (this.#underWay.has(effect)) run();
    });
  }

  #carriedOut(fault: Fault, words: string): void {
    const { probes } = this.#world;
    this.#done++;
    probes.sometimes(`fault: ${faultName(fault)}`);
    this.#world.note(`${faultName(fault)}: ${words}`);
  }

  #skipped(fault: Fault, why: string): void {
    this.#world.note(`skipped ${faultName(fault)}: ${why}`);
  }
}

function hasEntries({ replica }: Target): boolean {
  return (replica.status?.lastIndex ?? 0) > 0;
}

function stormWords(storm: Storm, of: string | null): string {
  const parts = [
    ['lost', storm.lossProbability],
    ['twice', storm.duplicateProbability],
    [`up to ${storm.lateMs.toFixed(0)} ms late`, storm.lateProbability],
  ] as const;
  const told = parts.filter(([, share]) => share > 0).map(([what, share]) => `${(share * 100).toFixed(0)} % ${what}`);
  if (storm.extraDelayMs > 0) told.push(`up to ${storm.extraDelayMs} ms slower`);
  return `${of ?? 'everywhere'}, ${told.join(', ')}`;
}

function latePackets(lateMs: number): Storm {
  return {
    lossProbability: 0,
    duplicateProbability: 0,
    lateProbability: lateMs > 0 ? lateProbability : 0,
    lateMs,
    extraDelayMs: 0,
  };
}

/** Returns what ends it. */
function slowDown(targets: readonly Target[], extraMs: number): () => void {
  return allOf(targets.map(({ troubles }) => troubles.slowness.add(extraMs)));
}

/** As `slowDown`. */
function fill(targets: readonly Target[]): () => void {
  return allOf(targets.map(({ troubles }) => troubles.fillings.add('full')));
}

function allOf(undos: readonly (() => void)[]): () => void {
  return () => {
    for (const undo of undos) undo();
  };
}

function idsOf(some: readonly { readonly id: string }[]): readonly string[] {
  return some.map(({ id }) => id);
}

function namesOf(some: readonly { readonly id: string }[]): string {
  return idsOf(some).toSorted().join(' ');
}

function at<T>(items: readonly T[], position: number): T {
  const item = items[position];
  if (item === undefined) throw new Error(`the plan is for a larger cluster: there is no number ${position + 1}`);
  return item;
}
