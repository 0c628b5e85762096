import { Writable } from 'node:stream'
import winston from 'winston'
import { defineApp } from 'unmoor'

const { combine, errors, json, label, printf, splat, timestamp, uncolorize } = winston.format

/** Logs into memory, so that an answer can show what was written. */
function logTo(lines: string[], format: winston.Logform.Format, level = 'info'): winston.Logger {
  const stream = new Writable({
    write(chunk: Buffer | string, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  return winston.createLogger({
    level,
    format,
    transports: [new winston.transports.Stream({ stream, eol: '\n' })],
  })
}

const finished = (log: winston.Logger): Promise<void> =>
  new Promise((resolve) => {
    log.on('finish', resolve)
    log.end()
  })

export default defineApp({
  async fetch(request) {
    const lines: string[] = []
    let log: winston.Logger
    switch (new URL(request.url).pathname) {
      case '/json':
        log = logTo(lines, json())
        log.info('hello', { a: 1, b: { c: 'ä' } })
        log.debug('not this')
        log.error('failed', { code: 'E1' })
        break
      case '/splat':
        log = logTo(lines, combine(splat(), json()))
        log.info('hello %s, %d', 'world', 5)
        break
      case '/printf':
        log = logTo(
          lines,
          combine(
            label({ label: 'app' }),
            printf(({ level, message, label }) => `[${String(label)}] ${level}: ${String(message)}`),
          ),
          'silly',
        )
        log.silly('silly')
        log.warn('careful')
        break
      case '/child':
        log = logTo(lines, combine(timestamp({ format: () => 'now' }), json()))
        log.child({ request: 'r1' }).info('from the child')
        break
      case '/errors':
        log = logTo(lines, combine(errors({ stack: false }), json()))
        log.error(new RangeError('too much'))
        break
      default: {
        // What an app says that names nothing: the console.
        log = winston.createLogger({
          transports: [
            new winston.transports.Console({ format: combine(uncolorize(), winston.format.simple()) }),
          ],
        })
        log.info('to the console')
        return Response.json({ level: log.level, levels: log.levels, transports: log.transports.length })
      }
    }
    await finished(log)
    return new Response(lines.join(''), { headers: { 'content-type': 'application/x-ndjson' } })
  },
})
