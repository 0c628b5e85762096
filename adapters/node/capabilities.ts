import type { Capabilities } from '../../core/capabilities.ts'
import { SERVER_CAPABILITIES, SERVER_SOCKETS } from '../node-server/target.ts'

/** Capabilities of the target `node`: those of the Node server, and sockets that its process holds. */
export const capabilities: Capabilities = { ...SERVER_CAPABILITIES, ...SERVER_SOCKETS }
