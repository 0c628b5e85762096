/** Stands for miniflare's `test/test-shared`: its own helpers, but what starts or controls a simulator. */
import { NotAsked } from './harness.ts'
import { Miniflare, OfHelper } from './miniflare.ts'
import { beforeAll } from './vitest.ts'

/** The longest time that is waited for really, in ms. */
const LONGEST_WAIT = 10_000

interface Context {
  mf: Miniflare
  setOptions(): void
}

export function miniflareTest(_options: unknown, handler?: OfHelper['handler']): Context {
  const context = { setOptions: () => context.mf.setOptions() } as Context
  beforeAll(() => {
    context.mf = new Miniflare(new OfHelper(handler))
  })
  return context
}

/** The simulator's clock, which here is the real one: time is let pass. */
export class MiniflareDurableObjectControlStub {
  enableFakeTimers(): void {}
  waitForFakeTasks(): void {}

  async advanceFakeTime(ms: number): Promise<void> {
    if (ms > LONGEST_WAIT) throw new NotAsked(`it moves the clock by ${ms / 1000} s`)
    await new Promise((resolve) => {
      setTimeout(resolve, ms)
    })
  }
}

export function singleModuleManifest(): undefined {}
export function useDispose(): void {}

export function useTmp(): never {
  throw new NotAsked('it looks at files of the simulator')
}
