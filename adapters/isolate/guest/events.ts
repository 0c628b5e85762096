import type { App } from '../../../core/app.ts'
import type { QueueIncoming } from '../../../core/bindings/drivers.ts'
import type { QueueDeclaration } from '../../../core/bindings/declarations.ts'
import { createBatch } from '../../../core/bindings/queue.ts'
import { createEnv } from './env.ts'
import { EventRecord } from './event-context.ts'
import type { GuestSockets, GuestUpgrades } from './guest-sockets.ts'
import { link } from './link.ts'
import type { WireBody } from './web/fetch/fetch.ts'

type GuestResponse = Parameters<typeof link.headersText>[0]

/** Registers the isolate's listeners that turn the engine's events into calls of the app's handlers. */
export function startEvents(app: App, sockets?: GuestSockets): void {
  // The `env` of an app without bindings stays empty: the engine sends no `env` message then.
  const upgrades = app.upgrades as GuestUpgrades | undefined
  let env: Readonly<Record<string, unknown>> = Object.freeze({})

  link.on('env', (values: Record<string, unknown>) => {
    env = createEnv(app.bindings, values, sockets)
  })

  link.onFetch((id, method, url, headers, body) => {
    const record = new EventRecord(id)
    const fail = (error: unknown): void => {
      link.post('failed', id, link.inspect(error))
      record.answered()
    }
    try {
      const request = link.incomingRequest(method, url, headers, link.bodyFromHost(body as WireBody), record)
      const { fetch } = app
      if (fetch === undefined) throw new Error('This app has no fetch handler.')
      const answer: unknown = fetch(request as never, env as never, record.ctx)
      if (isPromise(answer))
        Promise.resolve(answer).then((response) => {
          try {
            respond(record, method, response, fail, upgrades)
          } catch (error) {
            fail(error)
          }
        }, fail)
      else respond(record, method, answer, fail, upgrades)
    } catch (error) {
      fail(error)
    }
  })

  link.on('queue', (id: number, binding: string, messages: QueueIncoming[], retryDelay: number) => {
    const record = new EventRecord(id)
    const { maxDelay } = app.bindings[binding] as QueueDeclaration
    const batch = createBatch(binding, messages, retryDelay, maxDelay)
    void run(record, async () => {
      const handler = app.queues[binding]
      if (handler === undefined) throw new Error(`This app has no handler for queue "${binding}".`)
      await handler(batch, env as never, record.ctx)
    }).then((error) =>
      link.post('queued', id, batch.settlements(error === undefined ? 'ack' : 'retry'), error),
    )
  })

  link.on('cron', (id: number, name: string, scheduledTime: number) => {
    const record = new EventRecord(id)
    let retry = true
    void run(record, async () => {
      const cron = app.crons[name]
      if (cron === undefined) throw new Error(`This app has no cron "${name}".`)
      await cron.run(
        { name, cron: cron.schedule, scheduledTime, type: 'scheduled', noRetry: () => void (retry = false) },
        env as never,
        record.ctx,
      )
    }).then((error) => link.post('cronDone', id, error, retry))
  })

  sockets?.start(app, () => env)
}

function isPromise(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  )
}

// Runs the app's handler of an event. Returns the text of what the handler threw, or undefined.
async function run(record: EventRecord, work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    return link.inspect(error)
  } finally {
    record.answered()
  }
}

// In an isolate the global `Response` is the guest's own class.
function isResponse(answer: unknown): answer is GuestResponse {
  return answer instanceof Response
}

function respond(
  record: EventRecord,
  method: string,
  answer: unknown,
  fail: (error: unknown) => void,
  upgrades: GuestUpgrades | undefined,
): void {
  if (!isResponse(answer))
    throw new TypeError(
      `The fetch handler must return a Response, not ${answer === null ? 'null' : typeof answer}.`,
    )
  if (upgrades !== undefined && answer.status === 101) {
    // In an isolate the global Response is the guest's own class, which TypeScript's types do not know.
    const socket = upgrades.take(answer as object as Response)
    if (socket !== undefined) {
      link.post('response', record.id, 101, '', link.headersText(answer), { socket: socket.id })
      socket.begin()
      return record.answered()
    }
  }
  const source = link.takeBody(answer)
  const send = (body: WireBody): void => {
    try {
      link.respond(record.id, answer.status, answer.statusText, link.headersText(answer), body)
    } catch (error) {
      fail(error)
      return
    }
    if (body !== null && typeof body === 'object' && 'stream' in body)
      link.whenSent(body.stream, () => record.sent())
    else record.answered()
  }
  // The body of an app's answer to a HEAD request is never sent, so none of its stream is read here.
  if (method === 'HEAD' || !link.isReadableStream(source)) return send(link.bodyToHost(source))
  const length = link.lengthOf(source)
  link.readTurn(source, {
    whole: send,
    goesOn: (stream) => send(length === undefined ? { stream } : { stream, length }),
    fails: fail,
  })
}
