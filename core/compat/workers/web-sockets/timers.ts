import { currentLife } from '../durable/gate.ts'

/**
 * Patches setTimeout and setInterval so that a pending timer keeps its Durable Object in memory, as on
 * Cloudflare. An object evicted while its timer is pending would continue beside its successor.
 */
export function holdByTimers(): void {
  const releases = new WeakMap<object, () => void>()
  const wrap = (name: 'setTimeout' | 'setInterval', isOnce: boolean): void => {
    const holder: object = globalThis
    const own = Reflect.get(holder, name) as (...args: unknown[]) => object
    const holding = (callback: unknown, ...args: unknown[]): object => {
      const life = typeof callback === 'function' ? currentLife() : undefined
      if (life === undefined) return own(callback, ...args)
      const release = life.hold()
      const call = (...given: unknown[]): void => {
        if (isOnce) release()
        ;(callback as (...all: unknown[]) => void)(...given)
      }
      const timer = own(call, ...args)
      releases.set(timer, release)
      return timer
    }
    replace(name, holding)
  }
  wrap('setTimeout', true)
  wrap('setInterval', false)
  for (const name of ['clearTimeout', 'clearInterval'] as const) {
    const own = globalThis[name] as (timer: unknown) => void
    replace(name, (timer: unknown) => {
      if (typeof timer === 'object' && timer !== null) releases.get(timer)?.()
      own(timer)
    })
  }
}

/** Replaces a global function such as setTimeout and copies the properties of the original. */
function replace(name: string, value: (...args: never[]) => unknown): void {
  const own = Reflect.get(globalThis, name) as object
  Object.defineProperties(value, Object.getOwnPropertyDescriptors(own))
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true })
}
