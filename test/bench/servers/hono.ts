/** @hono/node-server with the work of apps/http. */
import { createAdaptorServer } from '@hono/node-server'
import type { Server } from 'node:http'
import { HANDLERS, type Work } from '../apps/http/src/handlers.ts'
import { listening } from './listening.ts'

const server = createAdaptorServer({ fetch: HANDLERS[process.argv[2] as Work] }) as Server
server.listen(0, '127.0.0.1', () => listening(server))
