/** `node:timers/promises` in an isolate. */
const {
  clearInterval: stopInterval,
  clearTimeout: stop,
  setInterval: startInterval,
  setTimeout: start,
} = globalThis

interface Options {
  signal?: AbortSignal
}

function aborted(signal: AbortSignal): Error {
  return Object.assign(new Error('The operation was aborted', { cause: signal.reason }), {
    name: 'AbortError',
    code: 'ABORT_ERR',
  })
}

export function setTimeout<T>(delay?: number, value?: T, { signal }: Options = {}): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(aborted(signal))
    const timer = start(() => {
      signal?.removeEventListener('abort', cancel)
      resolve(value)
    }, delay)
    const cancel = (): void => {
      stop(timer)
      reject(aborted(signal as AbortSignal))
    }
    signal?.addEventListener('abort', cancel, { once: true })
  })
}
export function setImmediate<T>(value?: T, options?: Options): Promise<T | undefined> {
  return setTimeout(0, value, options)
}

/**
 * `setInterval` of node:timers/promises: yields `value` after each interval. Ticks that passed while nobody
 * was waiting are yielded at once.
 */
export async function* setInterval<T>(
  delay?: number,
  value?: T,
  { signal }: Options = {},
): AsyncGenerator<T | undefined> {
  let waiting = 0
  let wake = Promise.withResolvers<void>()
  const timer = startInterval(() => {
    waiting++
    wake.resolve()
  }, delay)
  const cancel = (): void => wake.reject(aborted(signal as AbortSignal))
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    for (;;) {
      if (signal?.aborted === true) throw aborted(signal)
      await wake.promise
      wake = Promise.withResolvers<void>()
      for (; waiting > 0; waiting--) yield value
    }
  } finally {
    stopInterval(timer)
    signal?.removeEventListener('abort', cancel)
  }
}

export const scheduler = {
  wait: (delay: number, options?: Options): Promise<void> => setTimeout(delay, undefined, options),
  yield: (): Promise<void> => setTimeout(0),
}

const promises = { scheduler, setImmediate, setInterval, setTimeout }
export default promises
export { promises as 'module.exports' }
