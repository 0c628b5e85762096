/** Errors that no caller sees: events of the global, and lines in the log where no listener prevents them. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Lab, startLab } from './isolate-lab.ts'

let lab: Lab
beforeAll(async () => {
  lab = await startLab()
})
afterAll(() => lab[Symbol.asyncDispose]())

const log = (): string => lab.lines.join('\n')

it('a rejection that nobody handles is a line, and an event where the app listens', async () => {
  await lab.run(`Promise.reject(new RangeError('first')); return 1`)
  await expect.poll(log).toMatch(/Unhandled rejection: RangeError: first\n\s+at /)
  // The host's part of the stack is nobody's business.
  expect(log()).not.toMatch(/boundary|server\.mjs/)
  await lab.run(
    `globalThis.seen = []; addEventListener('unhandledrejection', (event) => { seen.push([event.reason.name, event.reason.message, event.promise instanceof Promise, event instanceof PromiseRejectionEvent, event.isTrusted, event.target === globalThis]); if (event.reason.message !== 'third') event.preventDefault() }); return 1`,
  )
  await lab.run(`Promise.reject(new TypeError('second')); return 1`)
  await lab.run(`Promise.reject(new TypeError('third')); return 1`)
  await expect.poll(() => lab.run('return seen.length')).toBe(2)
  expect(await lab.run('return seen[0]')).toEqual(['TypeError', 'second', true, true, true, true])
  await expect.poll(log).toContain('Unhandled rejection: TypeError: third')
  expect(log()).not.toContain('second')
  // Handled a moment later, it is none.
  await lab.run(
    `const later = Promise.reject(new Error("postponed")); await null; later.catch(() => {}); return 1`,
  )
  await lab.run(
    `onunhandledrejection = (event) => { seen.push(String(event.reason)); return false }; Promise.reject('text'); return 1`,
  )
  await expect.poll(() => lab.run('return seen.at(-2)')).toBe('text')
  expect(log()).not.toContain('postponed')
})

it('an error in a callback is an event of the global, and a line', async () => {
  await lab.run(`globalThis.errors = []; onerror = (message, file, line, column, error) => { errors.push([message, error.name]); return error.message === 'prevented' }
    addEventListener('error', (event) => errors.push([event instanceof ErrorEvent, event.defaultPrevented]))
    setTimeout(() => { throw new RangeError('logged') }); reportError(new Error('prevented')); new EventTarget().dispatchEvent(new Event('x')); return 1`)
  await expect
    .poll(() => lab.run('return errors'))
    .toEqual([
      ['Uncaught Error: prevented', 'Error'],
      [true, true],
      ['Uncaught RangeError: logged', 'RangeError'],
      [true, false],
    ])
  await expect.poll(log).toMatch(/Uncaught RangeError: logged\n\s+at /)
  expect(log()).not.toContain('prevented')
})
