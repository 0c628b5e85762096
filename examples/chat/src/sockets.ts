/** What happens on a socket. All state is in the socket's data, the kv and the database. */
import { isUnmoorError, type Socket, type SocketHandlers } from 'unmoor'
import type { ChatEnv, Member } from './bindings.ts'
import { checkText, readMessage } from './checks.ts'
import { page, store } from './history.ts'
import { enter, leave, peopleIn } from './people.ts'
import type { FromServer, Person } from './protocol.ts'

type ChatSocket = Socket<Member, string>

/** Returns the topic of everybody in a room. */
export const topicOf = (room: string): string => `room ${room}`

const personOf = ({ id, data: { name } }: ChatSocket): Person => ({ id, name })

export const handlers: SocketHandlers<Member, string, ChatEnv> = {
  async open(socket, env) {
    const { room } = socket.data
    const person = personOf(socket)
    // The order matters: whoever lists the room after the entry sees it, and everybody else has the topic
    // already and hears of it.
    await enter(env.present, room, person)
    await tell(env, room, { type: 'joined', person })
    await reply(socket, { type: 'history', ...(await page(env.history, room)) })
    await reply(socket, { type: 'people', ...(await peopleIn(env.present, room)) })
  },

  async message(socket, json, env) {
    const { room } = socket.data
    const { value: message, problem } = readMessage(json)
    if (problem !== undefined) return reply(socket, { type: 'refused', reason: problem })
    switch (message.type) {
      case 'say':
        return say(socket, env, message)
      case 'earlier':
        return reply(socket, { type: 'earlier', ...(await page(env.history, room, message.before)) })
      case 'here':
        await enter(env.present, room, personOf(socket))
        return reply(socket, { type: 'people', ...(await peopleIn(env.present, room)) })
    }
  },

  async close(socket, _close, env) {
    const { room } = socket.data
    const person = personOf(socket)
    await leave(env.present, room, person)
    await tell(env, room, { type: 'left', person })
  },
}

/**
 * Stores a message, then tells the room. If the database is away the error ends the socket: the page connects
 * again and sends the message again, under the same id.
 */
async function say(socket: ChatSocket, env: ChatEnv, said: { id: string; text: string }): Promise<void> {
  const { id } = said
  const { value: text, problem } = checkText(said.text)
  if (problem !== undefined) return reply(socket, { type: 'refused', reason: problem, id })
  const message = await store(env.history, socket.data, id, text)
  if (message === undefined)
    return reply(socket, { type: 'refused', reason: 'Another message has this id.', id })
  await tell(env, socket.data.room, { type: 'said', message })
}

async function tell(env: ChatEnv, room: string, message: FromServer): Promise<void> {
  await env.chat.publish(topicOf(room), JSON.stringify(message))
}

/** Sends to one socket. A page that has gone meanwhile needs no answer. */
async function reply(socket: ChatSocket, message: FromServer): Promise<void> {
  try {
    await socket.send(JSON.stringify(message))
  } catch (error) {
    if (!isUnmoorError(error, 'NotFound')) throw error
  }
}
