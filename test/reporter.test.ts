import assert from 'node:assert/strict';
import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { suppressTracing } from '@opentelemetry/core';
import type { Side } from '../src/handshake/handshake';
import type { Observation } from '../src/handshake/observation';
import { type Birth, Reporter, type Schedule } from '../src/reporter';
import type { Sink } from '../src/telemetry/sink';

/** A clock that stands still until it is moved, and work that is done when it is. */
class ManualSchedule implements Schedule {
  #now = 1_000;
  #planned: { work: () => void; at: number }[] = [];
  readonly asked: string[] = [];

  now(): number {
    return this.#now;
  }
  soon(work: () => void): () => void {
    this.asked.push('soon');
    return this.#plan(work, this.#now);
  }
  later(work: () => void, milliseconds: number): () => void {
    this.asked.push(`in ${milliseconds} ms`);
    return this.#plan(work, this.#now + milliseconds);
  }
  pass(milliseconds: number): void {
    this.#now += milliseconds;
    const due = this.#planned.filter(({ at }) => at <= this.#now);
    this.#planned = this.#planned.filter(({ at }) => at > this.#now);
    for (const { work } of due) work();
  }
  get planned(): number {
    return this.#planned.length;
  }
  #plan(work: () => void, at: number): () => void {
    const entry = { work, at };
    this.#planned.push(entry);
    return () => {
      this.#planned = this.#planned.filter(other => other !== entry);
    };
  }
}

/** Writes down what it is told. */
class Notes implements Sink {
  readonly lines: string[] = [];
  begun(side: Side): void {
    this.lines.push(`${side} begun`);
  }
  over(side: Side): void {
    this.lines.push(`${side} over`);
  }
  report(handshake: { serverName?: string | undefined }): void {
    this.lines.push(`reported ${handshake.serverName}`);
  }
  refused({ handshake, at }: { handshake: { serverName?: string | undefined }; at: number }): void {
    this.lines.push(`refused ${handshake.serverName} at ${at}`);
  }
  /** How many handshakes have been reported since this was last asked. */
  get newReports(): number {
    return this.lines.splice(0).filter(line => line.startsWith('reported')).length;
  }
}

function seen(name: string, facts: Partial<Observation> = {}): Observation {
  return {
    side: 'server',
    transport: 'tcp',
    peer: {},
    local: {},
    born: 0,
    ending: 'secured',
    certificateRequested: false,
    enforced: false,
    serverName: name,
    ...facts,
  };
}

const birth = (): Birth => ({ parent: ROOT_CONTEXT });

describe('the reporter', () => {
  let schedule: ManualSchedule;
  let notes: Notes;
  let reporter: Reporter;

  beforeEach(() => {
    schedule = new ManualSchedule();
    notes = new Notes();
    reporter = new Reporter([notes], () => true, schedule);
  });

  it('counts the certificates that it has forgotten: of strangers it keeps 64', () => {
    for (let i = 0; i < 70; i++) {
      const certificate = new Uint8Array([0x30, 0x01, i]);
      reporter.over(seen(`${i}`, { certificate, certificateRequested: true, ending: 'refused_by_node' }), birth());
    }
    reporter.drain();
    assert.equal(reporter.certificatesEvicted, 6);
  });

  describe('waits with its report', () => {
    it('for no longer than the running callback, in a quiet process', () => {
      reporter.over(seen('one'), birth());
      assert.deepEqual(notes.lines, ['server over']);
      assert.deepEqual(schedule.asked, ['soon']);
      schedule.pass(0);
      assert.deepEqual(notes.lines, ['server over', 'reported one']);
    });

    it('for 50 ms, when it has just reported', () => {
      reporter.over(seen('one'), birth());
      schedule.pass(0);
      reporter.over(seen('two'), birth());
      reporter.over(seen('three'), birth());
      assert.deepEqual(schedule.asked, ['soon', 'in 50 ms']);
      assert.equal(notes.newReports, 1);
      schedule.pass(49);
      assert.equal(notes.newReports, 0);
      schedule.pass(1);
      assert.equal(notes.newReports, 2);
    });

    it('no longer, once more than 50 ms have passed since it last reported', () => {
      for (const [pause, asked] of [
        [0, 'soon'],
        [50, 'in 50 ms'],
        [51, 'soon'],
      ] as const) {
        schedule.pass(pause);
        reporter.over(seen('one'), birth());
        assert.equal(schedule.asked.at(-1), asked, `after ${pause} ms`);
        schedule.pass(asked === 'soon' ? 0 : 50);
      }
    });

    it('until 128 handshakes wait, whatever the time', () => {
      for (let i = 0; i < 127; i++) reporter.over(seen(`${i}`), birth());
      assert.equal(notes.newReports, 0);
      reporter.over(seen('last'), birth());
      assert.equal(notes.newReports, 128);
      assert.equal(schedule.planned, 0);
    });

    it('until their certificates are 1 MiB, whatever the time', () => {
      const half = new Uint8Array(512 * 1024);
      reporter.over(seen('one', { certificate: half }), birth());
      reporter.over(seen('two', { chain: [half.subarray(1)] }), birth());
      assert.equal(notes.newReports, 0);
      reporter.over(seen('three', { certificate: half.subarray(0, 1) }), birth());
      assert.equal(notes.newReports, 3);
      // The count starts anew.
      reporter.over(seen('four', { certificate: half }), birth());
      assert.equal(notes.newReports, 0);
    });
  });

  it('reports everything that waits, now, when it is drained, and then nothing more', () => {
    reporter.over(seen('one'), birth());
    reporter.over(seen('two'), birth());
    reporter.drain();
    assert.equal(notes.newReports, 2);
    reporter.drain();
    schedule.pass(1_000);
    assert.equal(notes.newReports, 0);
    assert.equal(schedule.planned, 0);
  });

  it('counts a handshake when it begins and when it is over, without waiting', () => {
    reporter.begun('client');
    reporter.over(seen('one', { side: 'client' }), birth());
    assert.deepEqual(notes.lines, ['client begun', 'client over']);
  });

  it('reports a refusal after its handshake, in one batch or in two', () => {
    for (const together of [true, false]) {
      const observation = seen('api', { side: 'client' });
      const moment = birth();
      reporter.over(observation, moment);
      if (!together) schedule.pass(50);
      reporter.refused(observation, moment, { at: 7, error: undefined });
      schedule.pass(50);
      assert.deepEqual(notes.lines.splice(0), ['client over', 'reported api', 'refused api at 7']);
    }
  });

  it('reports no refusal of a handshake that it never reported', () => {
    reporter.refused(seen('unheard of'), birth(), { at: 7, error: undefined });
    schedule.pass(50);
    assert.deepEqual(notes.lines, []);
  });

  describe('with a sink that throws', () => {
    const fault = (): never => {
      throw new Error('from a sink');
    };
    const broken: Sink = { begun: fault, over: fault, report: fault, refused: fault };

    it('tells the others all the same', () => {
      reporter = new Reporter([broken, notes], () => true, schedule);
      const observation = seen('one', { side: 'client' });
      const moment = birth();
      reporter.begun('client');
      reporter.over(observation, moment);
      reporter.refused(observation, moment, { at: 7, error: undefined });
      schedule.pass(50);
      assert.deepEqual(notes.lines, ['client begun', 'client over', 'reported one', 'refused one at 7']);
    });

    it('goes on with the next handshake', () => {
      let calls = 0;
      const once: Sink = {
        report: () => {
          if (calls++ === 0) fault();
        },
      };
      reporter = new Reporter([once], () => true, schedule);
      reporter.over(seen('one'), birth());
      reporter.over(seen('two'), birth());
      reporter.drain();
      assert.equal(calls, 2);
    });
  });

  it('takes sinks that want to hear of reports only', () => {
    const reported: unknown[] = [];
    reporter = new Reporter([{ report: handshake => reported.push(handshake) }], () => true, schedule);
    const moment = birth();
    reporter.begun('server');
    reporter.over(seen('one'), moment);
    reporter.refused(seen('one'), moment, { at: 7, error: undefined });
    reporter.drain();
    assert.equal(reported.length, 1);
  });

  it('hands the context of the birth to the sinks', () => {
    const parents: unknown[] = [];
    const parent = ROOT_CONTEXT.setValue(Symbol('where'), 'there');
    const take = (_: unknown, given: unknown) => parents.push(given);
    reporter = new Reporter([{ report: take, refused: take }], () => true, schedule);
    const moment: Birth = { parent };
    reporter.over(seen('one'), moment);
    reporter.refused(seen('one'), moment, { at: 7, error: undefined });
    reporter.drain();
    assert.deepEqual(parents, [parent, parent]);
  });

  describe('is not interested in a socket', () => {
    let manager: AsyncLocalStorageContextManager;
    before(() => {
      context.disable();
      manager = new AsyncLocalStorageContextManager().enable();
      context.setGlobalContextManager(manager);
    });
    after(() => context.disable());

    it('while nobody listens', () => {
      let listening = false;
      reporter = new Reporter([notes], () => listening, schedule);
      assert.equal(reporter.born('server'), undefined);
      listening = true;
      assert.notEqual(reporter.born('server'), undefined);
    });

    it('that an exporter opens', () => {
      assert.equal(
        context.with(suppressTracing(context.active()), () => reporter.born('client')),
        undefined,
      );
      assert.notEqual(reporter.born('client'), undefined);
    });

    it('that an exporter opens, also before the first report', () => {
      reporter.prepareWith(nothingToPrepare);
      assert.equal(
        context.with(suppressTracing(context.active()), () => reporter.born('client')),
        undefined,
      );
    });

    it('and remembers what was active when a socket it is interested in was born', () => {
      const active = ROOT_CONTEXT.setValue(Symbol('where'), 'there');
      assert.equal(context.with(active, () => reporter.born('client'))?.parent, active);
    });
  });

  describe('with something to be done before the first report', () => {
    it('takes an interest although nobody listens, until it is done', () => {
      reporter = new Reporter([notes], () => false, schedule);
      reporter.prepareWith(nothingToPrepare);
      assert.notEqual(reporter.born('server'), undefined);
      reporter.over(seen('one'), birth());
      reporter.drain();
      assert.equal(reporter.born('server'), undefined);
    });

    it('does it once, right before the first report, and never without one', () => {
      reporter.prepareWith({ ...nothingToPrepare, beforeFirstReport: () => notes.lines.push('prepared') });
      reporter.drain();
      reporter.begun('server');
      schedule.pass(50);
      reporter.over(seen('one'), birth());
      reporter.over(seen('two'), birth());
      reporter.drain();
      reporter.over(seen('three'), birth());
      reporter.drain();
      assert.deepEqual(
        notes.lines.filter(line => !/begun|over/.test(line)),
        ['prepared', 'reported one', 'reported two', 'reported three'],
      );
    });

    it('tells of each socket until then, so that a signal that comes first finds somebody', () => {
      const told: string[] = [];
      reporter.prepareWith({ ...nothingToPrepare, atEachSocket: () => told.push('socket') });
      reporter.born('client');
      reporter.born('server');
      reporter.over(seen('one'), birth());
      reporter.drain();
      reporter.born('client');
      assert.deepEqual(told, ['socket', 'socket']);
    });

    it('leaves 50 ms to the other end of the handshake, which may be in the same process', () => {
      reporter.prepareWith(nothingToPrepare);
      reporter.over(seen('one'), birth());
      assert.deepEqual(schedule.asked, ['in 50 ms']);
    });

    for (const [title, listening, lines] of [
      ['an SDK', true, ['prepared', 'reported one']],
      ['no SDK yet', false, []],
    ] as const) {
      it(`reports at the first request's asking only what needs no SDK to be started: with ${title}`, () => {
        reporter = new Reporter([notes], () => listening, schedule);
        reporter.prepareWith({ ...nothingToPrepare, beforeFirstReport: () => notes.lines.push('prepared') });
        const first = birth();
        reporter.over(seen('one'), first);
        notes.lines.length = 0;
        assert.equal(reporter.handshakeOf(first)?.serverName, 'one');
        assert.deepEqual(notes.lines, lines);
      });
    }

    it('does not do it when the process is gone in a moment, and reports nothing then', () => {
      reporter.prepareWith({ ...nothingToPrepare, beforeFirstReport: () => notes.lines.push('prepared') });
      reporter.over(seen('one'), birth());
      reporter.drainAtExit();
      assert.deepEqual(notes.lines.splice(0), ['server over']);
      reporter.drain();
      reporter.over(seen('two'), birth());
      reporter.drainAtExit();
      assert.deepEqual(notes.lines, ['prepared', 'reported one', 'server over', 'reported two']);
    });

    it('reports all the same when that throws', () => {
      reporter.prepareWith({
        ...nothingToPrepare,
        beforeFirstReport: () => {
          throw new Error('no SDK');
        },
      });
      reporter.over(seen('one'), birth());
      reporter.drain();
      assert.equal(notes.newReports, 1);
    });
  });
});

const nothingToPrepare = { atEachSocket: () => {}, beforeFirstReport: () => {} };

describe('the reporter on the clock of Node', () => {
  it('reports once the running callback is over when it is quiet, else soon, and keeps no process alive', async () => {
    const reported: string[] = [];
    const reporter = new Reporter([{ report: ({ serverName }) => reported.push(`${serverName}`) }], () => true);
    /** What would keep the process alive, of that which came while `work` was done. */
    const keptAliveBy = (work: () => void) => {
      const before = process.getActiveResourcesInfo().length;
      work();
      return process.getActiveResourcesInfo().length - before;
    };
    const first = keptAliveBy(() => reporter.over(seen('one'), birth()));
    await new Promise(resolve => setImmediate(resolve));
    assert.deepEqual(reported, ['one']);
    const second = keptAliveBy(() => reporter.over(seen('two'), birth()));
    assert.deepEqual([first, second], [0, 0]);
    while (reported.length < 2) await new Promise(resolve => setTimeout(resolve, 5));
    assert.deepEqual(reported, ['one', 'two']);
  });
});
