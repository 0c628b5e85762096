import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'rooms of partyserver, asleep and awake, and WebSockets by Hono; the Worker is its own client',
  refusedOn: { lambda: 'which need one process that stays' },
  requests: [
    { name: 'no party', path: '/nothing', status: 404 },
    { name: 'front page', path: '/', contains: 'parties' },
    { name: 'an evening in a room that hibernates', path: '/evening/lobby/red', contains: '4000 see you' },
    { name: 'its log', path: '/parties/lobby/red', contains: 'bobby,4000,see you,true' },
    { name: 'an evening in a room that stays awake', path: '/evening/desk/red', contains: '4000 see you' },
    { name: 'its log as well', path: '/parties/desk/red', contains: 'bobby,4000,see you,true' },
    { name: 'another room', path: '/evening/lobby/blue', contains: 'ada (1970): hello' },
    { name: 'an unknown party', path: '/parties/none/red', status: 400 },
    { name: 'a socket of Hono', path: '/echoed', contains: 'echo one' },
    { name: 'no upgrade', path: '/echo', status: 404 },
  ],
})
