import { AsyncLocalStorage } from 'node:async_hooks'
import pino from 'pino'
import { defineApp } from 'unmoor'

/** Logs into memory, so that an answer can show what was written. */
function logTo(lines: string[], options: pino.LoggerOptions = {}): pino.Logger {
  return pino({ base: null, timestamp: false, ...options }, { write: (line) => void lines.push(line) })
}

const requests = new AsyncLocalStorage<{ id: string }>()

export default defineApp({
  async fetch(request) {
    const lines: string[] = []
    switch (new URL(request.url).pathname) {
      case '/levels': {
        const log = logTo(lines, { level: 'debug' })
        log.trace('not this')
        log.debug('debug')
        log.info({ a: 1, nested: { b: 'ä' } }, 'hello %s %d', 'world', 5)
        log.fatal('fatal')
        break
      }
      case '/child': {
        const child = logTo(lines).child({ request: 'r1' }, { redact: ['password', 'user.token'] })
        child.info({ password: 'x', user: { token: 'y', name: 'ada' } }, 'redacted')
        break
      }
      case '/errors': {
        class PaymentError extends Error {
          override name = 'PaymentError'
          code = 'E_PAY'
        }
        const error = new PaymentError('declined', { cause: new TypeError('no funds') })
        logTo(lines, {
          serializers: { err: (value: Error) => ({ ...pino.stdSerializers.err(value), stack: undefined }) },
        }).error(error)
        break
      }
      case '/mixin':
        await requests.run({ id: 'r7' }, async () => {
          const log = logTo(lines, {
            mixin: () => ({ id: requests.getStore()?.id }),
            formatters: { level: (label) => ({ level: label }) },
          })
          await Promise.resolve()
          log.warn('in a request')
        })
        break
      default: {
        // The destination of an app that says nothing: its own output.
        const log = pino({ name: 'app' })
        log.info({ at: 'default' }, 'to the output')
        return Response.json({
          level: log.level,
          enabled: log.isLevelEnabled('info'),
          levels: log.levels.values,
        })
      }
    }
    return new Response(lines.join(''), { headers: { 'content-type': 'application/x-ndjson' } })
  },
})
