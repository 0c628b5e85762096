import { defineApp } from 'unmoor'

export default defineApp({ fetch: () => new Response('hello') })
