/** Runs in the isolate: evaluates the script that it is sent and answers what the script reports. */
import { serveApp } from '../../adapters/isolate/guest/index.ts'

// Tests patch what they like.
const { Response } = globalThis
// oxlint-disable-next-line no-eval -- tests are scripts, not modules
const evaluate = globalThis.eval

serveApp({
  bindings: {},
  queues: {},
  crons: {},
  async fetch(request: Request) {
    const script = await request.text()
    return new Promise<Response>((resolve, reject) => {
      const done = (text: string): void => resolve(new Response(text))
      Object.defineProperty(globalThis, '__wptDone', { value: done, configurable: true })
      try {
        evaluate(script)
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)))
      }
    })
  },
} as never)
