import { assets, defineBindings, kv, sockets, sql, variable, type Env } from 'unmoor'

/** A person in a room, as a ticket and a socket carry it. */
export interface Member {
  name: string
  room: string
}

export const bindings = defineBindings({
  chat: sockets<Member>({
    path: '/socket',
    tickets: true,
    // On Lambda the sockets have a host of their own, so the page's origin is named: yours goes here. On the
    // other targets the page has the host of its sockets, which needs no name.
    origins: ['http://127.0.0.1:8787', 'http://localhost:8787'],
  }),
  /** Who is in which room, by socket. An entry expires if its socket is not heard of for two minutes. */
  present: kv({ consistency: 'strong' }),
  /** Messages and rooms. */
  history: sql({ migrations: './migrations' }),
  /** Days for which messages are kept. */
  retentionDays: variable({ default: '30' }),
  site: assets({ directory: './public' }),
})

export type ChatEnv = Env<typeof bindings>
