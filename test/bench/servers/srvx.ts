/** srvx with its FastResponse as the global Response, and the work of apps/http. */
import type { Server } from 'node:http'
import { FastResponse, serve } from 'srvx/node'
import { HANDLERS, type Work } from '../apps/http/src/handlers.ts'
import { listening } from './listening.ts'

Object.defineProperty(globalThis, 'Response', { value: FastResponse, writable: true, configurable: true })
const started = serve({
  port: 0,
  hostname: '127.0.0.1',
  silent: true,
  fetch: HANDLERS[process.argv[2] as Work],
})
await started.ready()
listening(started.node?.server as Server)
