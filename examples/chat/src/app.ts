import { defineApp } from 'unmoor'
import { bindings, type ChatEnv, type Member } from './bindings.ts'
import { checkName, checkRoom } from './checks.ts'
import { deleteOld, lastRooms } from './history.ts'
import { handlers, topicOf } from './sockets.ts'

export default defineApp({
  bindings,
  async fetch(request, env) {
    const { pathname } = new URL(request.url)
    switch (`${request.method} ${pathname}`) {
      case 'POST /api/login':
        return login(request, env)
      case 'GET /api/rooms':
        return Response.json({ rooms: await lastRooms(env.history) })
      case 'GET /socket':
        return connect(request, env)
      default:
        return Response.json({ error: 'There is nothing here.' }, { status: 404 })
    }
  },
  sockets: { chat: handlers },
  crons: {
    cleanup: {
      schedule: '0 3 * * *',
      run: ({ scheduledTime }, env) => deleteOld(env.history, scheduledTime, Number(env.retentionDays)),
    },
  },
})

/** Answers the URL of a socket with a ticket. An app with accounts checks here who is asking. */
async function login(request: Request, env: ChatEnv): Promise<Response> {
  const input = (await request.json().catch(() => null)) as { name?: unknown; room?: unknown } | null
  const name = checkName(input?.name)
  if (name.problem !== undefined) return Response.json({ error: name.problem }, { status: 400 })
  const room = checkRoom(input?.room)
  if (room.problem !== undefined) return Response.json({ error: room.problem }, { status: 400 })
  const ticket: Member = { name: name.value, room: room.value }
  return Response.json(
    { url: await env.chat.url(request, { ticket }) },
    { headers: { 'cache-control': 'no-store' } },
  )
}

/** Lets in whoever has a ticket, which only {@link login} makes. */
async function connect(request: Request, env: ChatEnv): Promise<Response> {
  const member = (await env.chat.ticket(request)) as Member | null
  if (member === null)
    return Response.json({ error: 'POST /api/login answers a URL with a ticket.' }, { status: 401 })
  return env.chat.accept(request, { data: member, topics: [topicOf(member.room)] })
}
