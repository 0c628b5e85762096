import { type WorkerCase, workerCases } from '../case.ts'
import { OWN_TITLE } from '../fixture/own-title.ts'
import { equal } from './tools.ts'

/** Puts `value` in place of a global while `work` runs. */
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
])
