import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { QueueDriver, QueueOutgoing } from '../../core/bindings/drivers.ts'
import { UnmoorError } from '../../core/errors.ts'
import type { ServerProcess } from '../../core/tools/conformance/backends/server-process.ts'

const CHILD = new URL('queue-child.ts', import.meta.url).pathname
const HOOKS = new URL('../built-hooks.ts', import.meta.url).href
const BATCH = 25

/** What {@link expectNothingLost} works on. */
export interface KillOptions {
  /** The producer: a driver of binding `jobs` and app `test` that allows 100 retries. */
  producer: QueueDriver
  /** Arguments of queue-child.ts that open the same queue. */
  consumer: readonly string[]
  /** Killed half-way, where it is given. */
  server?: Pick<ServerProcess, 'kill' | 'restart'>
  /** Seconds by which each tenth message is delayed. Default: 0. */
  delaySeconds?: number
}

/**
 * Two processes consume what this one sends; each is killed once with -9 while it works, and so is the
 * server. Every message whose send was acknowledged must arrive. What is killed when depends on what has
 * arrived, not on a clock.
 */
export async function expectNothingLost({
  producer,
  consumer,
  server,
  delaySeconds = 0,
}: KillOptions): Promise<void> {
  const consumers = [new Consumer(consumer), new Consumer(consumer)] as const
  const sent: string[] = []
  const sendSome = async (batches: number): Promise<void> => {
    for (let batch = 0; batch < batches; batch++) {
      const messages = Array.from({ length: BATCH }, (_, index) =>
        message(index % 10 === 0 ? delaySeconds : 0),
      )
      await acknowledged(producer, messages)
      sent.push(...messages.map(({ id }) => id))
    }
  }
  try {
    await sendSome(4)
    await whileSending(consumers[0].killAtWork(), sendSome)
    if (server !== undefined) {
      await sendSome(4)
      await server.kill()
      await expect(producer.send([message(0)])).rejects.toMatchObject({
        name: 'UnmoorError',
        retryable: true,
      })
      await server.restart()
    }
    await whileSending(consumers[1].killAtWork(), sendSome)
    await sendSome(4)
    const missing = (): string[] => sent.filter((id) => !consumers.some(({ told }) => told.has(id)))
    await expect.poll(missing, { timeout: 100_000, interval: 50 }).toEqual([])
  } finally {
    for (const one of consumers) await one.stop()
  }
}

/** A consumer that is to be killed at work must get some, also where the other one is faster. */
async function whileSending(kill: Promise<void>, send: (batches: number) => Promise<void>): Promise<void> {
  const killed = new AbortController()
  const killing = kill.then(() => killed.abort())
  while (!killed.signal.aborted) {
    await send(1)
    await sleep(10)
  }
  await killing
}

function message(delaySeconds: number): QueueOutgoing {
  return { id: randomUUID(), contentType: 'json', body: '1', delaySeconds }
}

/** Sends until it is acknowledged; a server that has just started may still refuse. */
async function acknowledged(producer: QueueDriver, messages: readonly QueueOutgoing[]): Promise<void> {
  for (;;) {
    try {
      return await producer.send(messages)
    } catch (error) {
      if (!(error instanceof UnmoorError && error.retryable)) throw error
      await sleep(50)
    }
  }
}

/** A consumer in a process of its own. */
class Consumer {
  /** Ids that it has told. */
  readonly told = new Set<string>()
  #args: readonly string[]
  #child: ChildProcess
  #heard: (() => void) | undefined

  constructor(args: readonly string[]) {
    this.#args = args
    this.#child = this.#start()
  }

  /** Ends it with -9 when it has told of its next messages, and starts another one. */
  async killAtWork(): Promise<void> {
    await new Promise<void>((resolve) => (this.#heard = resolve))
    await this.stop()
    this.#child = this.#start()
  }

  async stop(): Promise<void> {
    const closed = once(this.#child, 'close')
    this.#child.kill('SIGKILL')
    await closed
  }

  #start(): ChildProcess {
    const child = spawn(process.execPath, ['--no-warnings', '--import', HOOKS, CHILD, ...this.#args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    let text = ''
    child.stdout.on('data', (data: Buffer) => {
      const lines = (text + data.toString()).split('\n')
      text = lines.pop() ?? ''
      for (const id of lines) this.told.add(id)
      if (lines.length > 0) this.#heard?.()
    })
    return child
  }
}
