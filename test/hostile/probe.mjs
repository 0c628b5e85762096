/**
 * Loaded into the processes of a host under attack: on SIGUSR2 it prints what has been added to the built-in
 * prototypes, as a line of JSON. What tenants print has their names before it. Needs no right to write, so
 * that it works under Node's permission model too.
 */
import { writeSync } from 'node:fs'

const WATCHED = {
  Object: Object.prototype,
  Array: Array.prototype,
  Function: Function.prototype,
  String: String.prototype,
  Map: Map.prototype,
  Promise: Promise.prototype,
  globalThis,
}
// Node's own modules leave symbols on the global when they are first used.
const keysOf = (value) => Object.getOwnPropertyNames(value)
const before = Object.fromEntries(
  Object.entries(WATCHED).map(([name, value]) => [name, new Set(keysOf(value))]),
)
process.on('SIGUSR2', () => {
  const added = []
  for (const [name, value] of Object.entries(WATCHED))
    for (const key of keysOf(value)) if (!before[name].has(key)) added.push(`${name}.${key}`)
  writeSync(2, `probe ${JSON.stringify({ pid: process.pid, added })}\n`)
})
