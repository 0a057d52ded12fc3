import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Unsaved } from '../../../../src/connectors/noisy-neighbor/unsaved.ts';

type Act = { readonly do: 'change' | 'remove'; readonly key: string };
type Step = Act | { readonly do: 'save'; readonly fails: boolean; readonly meanwhile: readonly Act[] };

const act = fc.record({
  do: fc.constantFrom('change' as const, 'remove' as const),
  key: fc.constantFrom('a', 'b', 'c', 'd'),
});
const step = fc.oneof(
  act,
  fc.record({ do: fc.constant('save' as const), fails: fc.boolean(), meanwhile: fc.array(act) }),
);

test('whatever fails and changes meanwhile, in the end the store has what lives, and no more than that was due', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps: readonly Step[]) => {
      const unsaved = new Unsaved();
      const live = new Map<string, Uint8Array>();
      const store = new Map<string, Uint8Array>();
      let version = 0;
      const run = ({ do: what, key }: Act) => {
        if (what === 'change') {
          live.set(key, Uint8Array.of(version++));
          unsaved.change(key);
        } else if (live.delete(key)) unsaved.remove(key);
      };
      const save = (fails: boolean, meanwhile: readonly Act[]) => {
        const entries = new Map(unsaved.keys().map((key) => [key, live.get(key)]));
        return unsaved.save(entries, async () => {
          meanwhile.forEach(run);
          if (fails) throw new Error('no space');
          for (const [key, value] of entries)
            if (value) store.set(key, value);
            else store.delete(key);
        });
      };
      for (const of of steps) {
        if (of.do === 'save') await save(of.fails, of.meanwhile).catch(() => {});
        else run(of);
        const due = new Set(unsaved.keys());
        assert.equal(due.size, unsaved.size, 'each once');
        for (const key of due) assert.ok(live.has(key) || store.has(key), `${key} is nowhere`);
      }
      await save(false, []);
      assert.deepEqual(store, live);
      assert.equal(unsaved.size, 0);
    }),
    { numRuns: 500 },
  );
});
