import { defineApp } from 'unmoor'
import { HANDLERS } from '../../../http/src/handlers.ts'

export default defineApp({ fetch: HANDLERS.json })
