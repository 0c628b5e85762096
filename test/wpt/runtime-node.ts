import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { RunScript } from './runner.ts'

const CHILD = fileURLToPath(new URL('node-child.ts', import.meta.url))

/** Runs scripts, each in a Node process of its own, with Node's globals: the yardstick. */
export function createNodeRunner(): RunScript {
  return (script) =>
    new Promise((resolve, reject) => {
      const child = fork(CHILD, { stdio: 'ignore' })
      const timer = setTimeout(() => child.kill('SIGKILL'), 90_000)
      child.once('message', (message) => {
        resolve((message as { text: string }).text)
        child.kill()
      })
      child.once('exit', (code, signal) => {
        clearTimeout(timer)
        reject(new Error(`The process ended: ${signal ?? code}`))
      })
      child.send({ script })
    })
}
