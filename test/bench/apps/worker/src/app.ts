import { defineApp } from 'unmoor'
import { hello } from './hello.ts'

export default defineApp({ fetch: hello })
