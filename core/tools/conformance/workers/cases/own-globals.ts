import { type WorkerCase, workerCases } from '../case.ts'
import { OWN_TITLE } from '../fixture/own-title.ts'
import { equal, throwsText } from './tools.ts'

/** Replaces a global of the Worker by `value` while `work` runs. */
function replacing<T>(name: string, value: unknown, work: () => T): T {
  const original: unknown = Reflect.get(globalThis, name)
  Reflect.set(globalThis, name, value)
  try {
    return work()
  } finally {
    Reflect.set(globalThis, name, original)
  }
}

export const OWN_GLOBALS: WorkerCase[] = workerCases('handler', [
  [
    '200',
    'a process that the Worker puts in place at its top is the bare name and the global one',
    () => equal([process.title, globalThis.process.title], [OWN_TITLE, OWN_TITLE]),
  ],
  [
    '201',
    'a process that it puts in place later is, too',
    () =>
      equal(
        replacing('process', { title: 'later' }, () => [process.title, globalThis.process.title]),
        ['later', 'later'],
      ),
  ],
  [
    '202',
    'so is a Buffer, and setImmediate',
    () => {
      const own = { from: () => 'own' }
      equal(
        replacing('Buffer', own, () => Buffer.from('x') as unknown),
        'own',
      )
      equal(Buffer.from('x').toString(), 'x')
      equal(
        replacing(
          'setImmediate',
          () => 'own',
          () => setImmediate(() => {}) as unknown,
        ),
        'own',
      )
    },
  ],
  [
    '203',
    'it counts by whatever way it is put in place',
    () => {
      const kept = Object.getOwnPropertyDescriptor(globalThis, 'process') as PropertyDescriptor
      const seen: unknown[] = []
      try {
        Object.defineProperty(globalThis, 'process', { value: { title: 'defined' }, configurable: true })
        seen.push(process.title, globalThis.process.title)
        Object.defineProperty(globalThis, 'process', {
          get: () => ({ title: 'asked' }),
          configurable: true,
        })
        seen.push(process.title, { process }.process.title)
        Reflect.deleteProperty(globalThis, 'process')
        seen.push(typeof process)
        Object.assign(globalThis, { process: { title: 'assigned' } })
        seen.push(process.title)
      } finally {
        Object.defineProperty(globalThis, 'process', kept)
      }
      equal(seen, ['defined', 'defined', 'asked', 'asked', 'undefined', 'assigned'])
      equal(process.title, OWN_TITLE)
    },
  ],
  [
    '210',
    'self is the global object',
    () => {
      equal([typeof self, self === globalThis], ['object', true])
      Reflect.set(self, 'ofTheCase', 1)
      equal(Reflect.get(globalThis, 'ofTheCase'), 1)
      Reflect.deleteProperty(self, 'ofTheCase')
    },
  ],
  [
    '211',
    'reportError tells the listeners of error',
    () => {
      const seen: unknown[] = []
      const listen = (event: ErrorEvent): void => {
        seen.push(event.type, event.message, (event.error as Error).message)
        event.preventDefault()
      }
      addEventListener('error', listen)
      reportError(new RangeError('told'))
      removeEventListener('error', listen)
      equal(seen, ['error', 'Uncaught RangeError: told', 'told'])
    },
  ],
  [
    '212',
    'the classes of events are there, and are nobody else to make',
    async () => {
      const { ExtendableEvent, ScheduledEvent, FetchEvent } = globalThis as object as Record<
        string,
        { new (...args: unknown[]): Event; prototype: object }
      >
      for (const Class of [ExtendableEvent, ScheduledEvent, FetchEvent])
        await throwsText('Illegal constructor', () => new (Class as typeof Event)('x'), 'TypeError')
      for (const Class of [ScheduledEvent, FetchEvent])
        equal(Object.getPrototypeOf(Class?.prototype), ExtendableEvent?.prototype)
    },
  ],
  [
    '213',
    'EventSource reads the events of a stream, and ends with it',
    async () => {
      const { EventSource } = globalThis as object as Record<string, EventSourceClass>
      const text =
        'retry: 10\nid: 7\r\ndata: one\ndata:two\r\n\r\n: a comment\n\nevent: named\ndata: x\n\n' +
        'data\n\ndata: cut'
      const bytes = new TextEncoder().encode(text)
      const stream = new ReadableStream({
        start(controller) {
          // The EventSource text is sent in chunks of seven bytes, which cut lines and line ends.
          for (let at = 0; at < bytes.length; at += 7) controller.enqueue(bytes.slice(at, at + 7))
          controller.close()
        },
      })
      const source = (EventSource as EventSourceClass).from(stream)
      const seen: unknown[] = []
      await new Promise<void>((resolve) => {
        // oxlint-disable-next-line unicorn/prefer-add-event-listener -- it is the property that is asked
        source.onmessage = ({ data, lastEventId }) => seen.push([data, lastEventId])
        source.addEventListener('named', (event) => seen.push(['named', (event as MessageEvent).data]))
        source.addEventListener('error', () => resolve())
      })
      equal(seen, [
        ['one\ntwo', '7'],
        ['named', 'x'],
      ])
      equal([source.readyState, source.url], [2, ''])
    },
  ],
  [
    '214',
    'an EventSource of no URL is refused',
    () => {
      const { EventSource } = globalThis as object as Record<string, EventSourceClass>
      return throwsText('The URL is invalid', () => new (EventSource as EventSourceClass)('nonsense'))
    },
  ],
])

interface EventSourceClass {
  new (url: string): EventTarget
  from(stream: ReadableStream): EventTarget & {
    onmessage: (event: MessageEvent) => void
    readyState: number
    url: string
  }
}
