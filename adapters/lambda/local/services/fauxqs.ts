import { join } from 'node:path'
import { UnmoorError } from '../../../../core/errors.ts'
import { importOptional } from './packages.ts'
import type { Server } from './server.ts'
import { mendS3, type S3App, type S3StoreLike } from './s3-mends.ts'

/**
 * The parts of fauxqs (an emulator of SQS and S3) that are used. Its stores are not exported, so they are
 * loaded from its files: see {@link internals}.
 */
interface Fauxqs {
  buildApp(options: { logger: boolean; defaultRegion: string; stores: object }): S3App &
    SqsApp & {
      listen(options: { port: number; host: string }): Promise<string>
      close(): Promise<void>
    }
}

interface Message {
  approximateReceiveCount: number
  approximateFirstReceiveTimestamp?: number | undefined
}

interface Queue {
  persistence?: unknown
  readonly inflightMessages: ReadonlyMap<string, { message: Message }>
  changeVisibility(receiptHandle: string, seconds: number): void
  enqueue(message: Message): void
}

/** The SQS emulator of fauxqs, with a hook that sees each of its HTTP answers. */
interface SqsApp {
  addHook(
    name: 'onSend',
    hook: (
      request: { headers: Record<string, unknown>; body: unknown; raw: { socket: { destroyed: boolean } } },
      reply: unknown,
      payload: unknown,
      done: () => void,
    ) => void,
  ): unknown
}

interface SqsStoreLike {
  getQueue(url: string): Queue | undefined
  persistence?: unknown
  createQueue(...args: unknown[]): Queue
  allQueues(): Iterable<Queue>
}

interface Internals {
  SqsStore: new () => SqsStoreLike
  SnsStore: new () => { persistence?: unknown }
  S3Store: new () => S3StoreLike & { persistence?: unknown }
  PersistenceManager: new (dataDir: string) => Persistence
}

interface Persistence {
  db: { prepare(sql: string): { run(messageId: string): unknown } }
  load(sqs: unknown, sns: unknown, s3: unknown): void
  /** Called when a received SQS message becomes visible again. */
  updateMessageReady(messageId: string): void
  close(): void
}

const SUPPORTED = '2.4'

/**
 * Starts servers of S3's and SQS's protocols (fauxqs) on 127.0.0.1; fauxqs' own start function listens on
 * every address. Three faults of fauxqs are fixed: S3's answers to conditions, checksums and lists ({@link
 * mendS3}); the receive count of a message that moves to a dead-letter queue, which counts per queue; and the
 * stored form of a message that becomes visible again, whose count must stay.
 */
export async function startFauxqs(dataDir: string | undefined): Promise<Server> {
  const fauxqs = await importOptional<Fauxqs>(
    'fauxqs',
    'A blob binding on S3 or a queue on SQS, started locally,',
  )
  const { SqsStore, SnsStore, S3Store, PersistenceManager, version } = await internals()
  const sqsStore = new SqsStore()
  const snsStore = new SnsStore()
  const s3Store = new S3Store()
  countPerQueue(sqsStore)
  const persistence = dataDir === undefined ? undefined : new PersistenceManager(join(dataDir, 'fauxqs'))
  if (persistence !== undefined) {
    keepReceiveCounts(persistence)
    persistence.load(sqsStore, snsStore, s3Store)
    for (const store of [sqsStore, snsStore, s3Store, ...sqsStore.allQueues()])
      store.persistence = persistence
  }
  const app = fauxqs.buildApp({
    logger: false,
    defaultRegion: 'us-east-1',
    stores: { sqsStore, snsStore, s3Store },
  })
  mendS3(app, s3Store)
  returnUnreceived(app, sqsStore)
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    name: `fauxqs ${version}`,
    url,
    stop: async () => {
      await app.close()
      persistence?.close()
    },
  }
}

async function internals(): Promise<Internals & { version: string }> {
  const entry = import.meta.resolve('fauxqs')
  const load = async (path: string): Promise<Partial<Internals>> =>
    (await import(new URL(path, entry).href)) as Partial<Internals>
  const { version } = (await import(new URL('../package.json', entry).href, { with: { type: 'json' } }))
    .default as { version: string }
  const [sqs, sns, s3, persistence] = await Promise.all(
    ['./sqs/sqsStore.js', './sns/snsStore.js', './s3/s3Store.js', './persistence.js'].map((path) =>
      load(path).catch(() => undefined),
    ),
  )
  const found = { ...sqs, ...sns, ...s3, ...persistence, version }
  if (
    found.SqsStore === undefined ||
    found.SnsStore === undefined ||
    found.S3Store === undefined ||
    found.PersistenceManager === undefined
  ) {
    throw new UnmoorError(
      'Unsupported',
      `The local start works with fauxqs ${SUPPORTED}, not ${version}. Run: npm install --save-dev ` +
        `fauxqs@${SUPPORTED}`,
      {
        operation: 'start',
      },
    )
  }
  return found as Internals & { version: string }
}

/**
 * Keeps receive counts when an SQS message becomes visible again. fauxqs' own statement sets the count to
 * NULL, which its schema refuses: the message was lost, and the call answered 500.
 */
function keepReceiveCounts(persistence: Persistence): void {
  const statement = persistence.db.prepare(
    'UPDATE sqs_messages SET receipt_handle = NULL, visibility_deadline = NULL WHERE message_id = ?',
  )
  persistence.updateMessageReady = (messageId) => void statement.run(messageId)
}

/**
 * Returns SQS messages to the queue that a long poll took after its client had gone away, as if they had not
 * been received.
 */
function returnUnreceived(app: SqsApp, store: SqsStoreLike): void {
  app.addHook('onSend', (request, _reply, payload, done) => {
    if (
      request.headers['x-amz-target'] === 'AmazonSQS.ReceiveMessage' &&
      request.raw.socket.destroyed &&
      typeof payload === 'string'
    ) {
      const { Messages = [] } = JSON.parse(payload) as { Messages?: { ReceiptHandle: string }[] }
      const queue = store.getQueue((request.body as { QueueUrl: string }).QueueUrl)
      for (const { ReceiptHandle } of Messages) {
        const taken = queue?.inflightMessages.get(ReceiptHandle)
        if (taken !== undefined) taken.message.approximateReceiveCount--
        queue?.changeVisibility(ReceiptHandle, 0)
      }
    }
    done()
  })
}

/**
 * Resets receive counts of messages per queue, as SQS does. A message that is enqueued with a count comes
 * from another queue's redrive.
 */
function countPerQueue(store: SqsStoreLike): void {
  const create = store.createQueue.bind(store)
  store.createQueue = (...args) => {
    const queue = create(...args)
    const enqueue = queue.enqueue.bind(queue)
    queue.enqueue = (message) => {
      message.approximateReceiveCount = 0
      message.approximateFirstReceiveTimestamp = undefined
      enqueue(message)
    }
    return queue
  }
}
