import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'

/** Logs in an event, again and again, until it is told to stop; its exit code is the number of errors taken. */
const CHILD = `
import { catchUncaught, runEvent } from '${new URL('../../dist/adapters/node-server/runtime/events.js', import.meta.url).href}'
let taken = 0
catchUncaught({ noEvent: () => process.exit(200), log: (message, error) => { taken++; console.error(message, error) } })
process.on('message', (count) => {
  if (count === 0) process.exit(Math.min(taken, 100))
  runEvent({ name: 'event' }, () => { for (let i = 0; i < count; i++) setTimeout(() => { console.error('x'); if (i === count - 1) setTimeout(() => process.send('done'), 50) }, i) })
})
process.send('ready')
`

describe('a process whose output nobody reads any more', () => {
  it('tells of the failed write at most once, and goes on', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', CHILD], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    await once(child, 'message')
    child.stdout?.destroy()
    child.stderr?.destroy()
    child.send(20)
    await once(child, 'message')
    child.send(0)
    const [code] = (await once(child, 'exit')) as [number | null]
    expect(code).toBeLessThanOrEqual(1)
  })
})
