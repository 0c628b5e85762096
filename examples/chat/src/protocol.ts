/** The messages between the page and the server. Each is JSON text of at most 32,768 bytes. */

/** A message that somebody said in a room. */
export interface Said {
  /** 32 hexadecimal digits, which the page chose: a message that is sent twice is stored once. */
  id: string
  name: string
  text: string
  /** Time on the server in milliseconds since 1970. */
  sentAt: number
}

/** One connection of a person. A person with two tabs is there twice. */
export interface Person {
  /** Id of the socket. */
  id: string
  name: string
}

/** Place in the history of a room: messages before this one are meant. */
export interface Place {
  id: string
  sentAt: number
}

/** A part of the history of a room. */
export interface HistoryPage {
  /** The newest message is last. */
  messages: Said[]
  /** True if there are earlier messages. */
  hasMore: boolean
}

/** A message from the page. */
export type FromPage =
  | { type: 'say'; id: string; text: string }
  /** Asks for the messages before a place. */
  | { type: 'earlier'; before: Place }
  /** Says that the page is still there, and asks who else is. */
  | { type: 'here' }

/** A message from the server. */
export type FromServer =
  | { type: 'said'; message: Said }
  /** The last messages of the room, for whoever comes. */
  | ({ type: 'history' } & HistoryPage)
  /** Answers an `earlier`. */
  | ({ type: 'earlier' } & HistoryPage)
  | { type: 'people'; people: Person[]; hasMore: boolean }
  | { type: 'joined'; person: Person }
  | { type: 'left'; person: Person }
  /** Answers a message from the page that cannot be used; `id` is that of a `say`. */
  | { type: 'refused'; reason: string; id?: string }
