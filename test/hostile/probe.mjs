/**
 * Loaded into the processes of a host under attack: on SIGUSR2 it writes what has been added to the built-in
 * prototypes, as JSON beside the path in UNMOOR_PROBE. No tenant can see it.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'

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
  const path = `${readFileSync('/proc/self/environ', 'utf8').match(/UNMOOR_PROBE=([^\0]*)/)[1]}.${process.pid}`
  writeFileSync(`${path}.part`, JSON.stringify({ added }))
  renameSync(`${path}.part`, path)
})
